package imapserver

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// statusExt is STATUS (RFC 9051 §6.3.11) with the items of RFC 3501 and RFC 9051.
func statusExt() extension {
	return extension{
		commands: []command{{"STATUS", loggedIn, on((*Session).mailboxStatus)}},
		statusItems: map[imap.StatusItem]statusItem{
			imap.StatusMessages: func(q *statusQuery) error { q.Messages = &q.st.Messages; return nil },
			imap.StatusRecent: func(q *statusQuery) (err error) {
				q.Recent, err = q.countRecent(q.mb, q.st)
				return err
			},
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
	*Session
	mb mailbox.Mailbox
	st mailbox.Status
}

func (s *Session) mailboxStatus(c *imap.Status) (reply, error) {
	d, err := s.statusOf(c.Mailbox, c.Items)
	if err != nil {
		return reply{}, err
	}
	return reply{}, s.tellStatus(d, c.Items)
}

func (s *Session) statusOf(name string, items []imap.StatusItem) (*imap.StatusData, error) {
	mb, err := s.account.Mailbox(s.ctx, name)
	if err != nil {
		return nil, err
	}
	q := &statusQuery{Session: s, mb: mb}
	if q.st, err = mb.Status(s.ctx); err != nil {
		return nil, err
	}
	q.Mailbox = mb.Info().Name
	for _, item := range items {
		set, ok := s.srv.proto.statusItems[item]
		if !ok {
			return nil, bad("unknown status item")
		}
		if err := set(q); err != nil {
			return nil, err
		}
	}
	return &q.StatusData, nil
}

func (s *Session) tellStatus(d *imap.StatusData, items []imap.StatusItem) error {
	grammar.WriteStatus(s.begin(), d, items)
	return link(s.end())
}

// countRecent counts the messages that a session that selects the mailbox now
// would see as \Recent.
func (s *Session) countRecent(mb mailbox.Mailbox, st mailbox.Status) (*uint32, error) {
	n := new(uint32)
	m, ok := mb.(mailbox.RecentMarker)
	if !ok {
		return n, nil
	}
	first, err := m.Recent(s.ctx)
	if err != nil || first >= st.UIDNext {
		return n, err
	}
	snap, err := mb.Snapshot(s.ctx)
	if err != nil {
		return n, err
	}
	*n = uint32(snap.UIDs.Intersect(mailbox.UIDRangeSet(first, mailbox.MaxUID)).Len())
	return n, nil
}
