package imapserver

import (
	"slices"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// statusExt is STATUS (RFC 9051 §6.3.11) with the items of RFC 3501 and RFC 9051.
func statusExt() extension {
	return extension{
		commands: []command{{"STATUS", loggedIn, on((*Conn).mailboxStatus)}},
		statusItems: map[imap.StatusItem]statusItem{
			imap.StatusMessages:    func(q *statusQuery) error { q.Messages = &q.st.Messages; return nil },
			imap.StatusRecent:      (*statusQuery).countRecent,
			imap.StatusUIDNext:     func(q *statusQuery) error { q.UIDNext = q.st.UIDNext; return nil },
			imap.StatusUIDValidity: func(q *statusQuery) error { q.UIDValidity = q.st.UIDValidity; return nil },
			imap.StatusUnseen:      func(q *statusQuery) error { q.Unseen = &q.st.Unseen; return nil },
			imap.StatusDeleted:     func(q *statusQuery) error { q.Deleted = &q.st.Deleted; return nil },
		},
	}
}

// statusSizeExt is STATUS=SIZE (RFC 8438).
func statusSizeExt() extension {
	return extension{
		caps: []imap.Cap{imap.CapStatusSize},
		statusItems: map[imap.StatusItem]statusItem{
			imap.StatusSize: func(q *statusQuery) error { q.Size = &q.st.Size; return nil },
		},
	}
}

// A statusItem sets an item of a STATUS response.
type statusItem func(q *statusQuery) error

// A statusQuery is what a statusItem sets an item of, and what it is made from.
type statusQuery struct {
	imap.StatusData
	*Conn
	mb mailbox.Mailbox // nil: not open yet
	st *mailbox.Status
}

// open returns the mailbox, for what the counters do not tell.
func (q *statusQuery) open() (_ mailbox.Mailbox, err error) {
	if q.mb == nil {
		q.mb, err = q.account.Mailbox(q.ctx, q.Mailbox)
	}
	return q.mb, err
}

func (c *Conn) mailboxStatus(cmd *imap.Status) (reply, error) {
	mb, err := c.account.Mailbox(c.ctx, cmd.Mailbox)
	if err != nil {
		return reply{}, err
	}
	info := mb.Info()
	if !info.Access.Rights.Has(mailbox.RightRead) {
		return reply{}, mailbox.ErrPermission
	}
	st, err := mb.Status(c.ctx)
	if err != nil {
		return reply{}, err
	}
	q := &statusQuery{Conn: c, StatusData: imap.StatusData{Mailbox: info.Name}, mb: mb, st: &st}
	items := distinct(cmd.Items)
	d, err := q.ask(items)
	if err != nil {
		return reply{}, err
	}
	return reply{}, c.tellStatus(d, items)
}

// distinct returns the items without those that are there already: an item that is
// asked for twice comes once. There are few that a server knows, and the first of
// another kind ends the command.
func distinct(items []imap.StatusItem) []imap.StatusItem {
	out := make([]imap.StatusItem, 0, len(items))
	for _, item := range items {
		if !slices.Contains(out, item) {
			out = append(out, item)
		}
	}
	return out
}

// ask sets the items.
func (q *statusQuery) ask(items []imap.StatusItem) (*imap.StatusData, error) {
	for _, item := range items {
		set, ok := q.srv.proto.statusItems[item]
		if !ok {
			return nil, bad("unknown status item")
		}
		if err := set(q); err != nil {
			return nil, err
		}
	}
	return &q.StatusData, nil
}

func (c *Conn) tellStatus(d *imap.StatusData, items []imap.StatusItem) error {
	grammar.WriteStatus(c.begin(), d, items)
	return link(c.end())
}

// countRecent counts the messages that a session that selects the mailbox now
// would see as \Recent.
func (q *statusQuery) countRecent() error {
	q.Recent = new(uint32)
	mb, err := q.open()
	if err != nil {
		return err
	}
	m, ok := mb.(mailbox.RecentMarker)
	if !ok {
		return nil
	}
	first, err := m.Recent(q.ctx)
	if err != nil || first >= q.st.UIDNext {
		return err
	}
	if err := q.tp.Work(q.ctx, 100+int(q.st.Messages)); err != nil { // LIST may ask for many
		return err
	}
	snap, err := mb.Snapshot(q.ctx)
	if err != nil {
		return err
	}
	*q.Recent = uint32(snap.UIDs.Intersect(mailbox.UIDRangeSet(first, mailbox.MaxUID)).Len())
	return nil
}
