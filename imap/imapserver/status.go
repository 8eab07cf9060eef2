package imapserver

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// mailboxStatus is STATUS (RFC 9051 §6.3.11).
func (s *Session) mailboxStatus(c *imap.Status) (reply, error) {
	return reply{}, s.statusOf(c.Mailbox, c.Items)
}

func (s *Session) statusOf(name string, items []imap.StatusItem) error {
	mb, err := s.account.Mailbox(s.ctx, name)
	if err != nil {
		return err
	}
	st, err := mb.Status(s.ctx)
	if err != nil {
		return err
	}
	e := s.begin()
	e.Raw("* STATUS ").Mailbox(mb.Info().Name).Raw(" (")
	for i, item := range items {
		var n uint64
		switch item {
		case imap.StatusMessages:
			n = uint64(st.Messages)
		case imap.StatusUIDNext:
			n = uint64(st.UIDNext)
		case imap.StatusUIDValidity:
			n = uint64(st.UIDValidity)
		case imap.StatusUnseen:
			n = uint64(st.Unseen)
		case imap.StatusDeleted:
			n = uint64(st.Deleted)
		case imap.StatusSize:
			n = uint64(st.Size)
		case imap.StatusHighestModSeq:
			n = uint64(st.HighestModSeq)
		case imap.StatusRecent:
			if n, err = s.countRecent(mb, st); err != nil {
				return err
			}
		default:
			return bad("unknown status item")
		}
		if i > 0 {
			e.Raw(" ")
		}
		e.Raw(string(item)).Raw(" ").Uint(n)
	}
	e.Raw(")").CRLF()
	return link(s.end())
}

// countRecent counts the messages that a session that selects the mailbox now
// would see as \Recent.
func (s *Session) countRecent(mb mailbox.Mailbox, st mailbox.Status) (uint64, error) {
	m, ok := mb.(mailbox.RecentMarker)
	if !ok {
		return 0, nil
	}
	first, err := m.Recent(s.ctx)
	if err != nil || first >= st.UIDNext {
		return 0, err
	}
	snap, err := mb.Snapshot(s.ctx)
	if err != nil {
		return 0, err
	}
	return uint64(snap.UIDs.Intersect(mailbox.UIDRangeSet(first, mailbox.MaxUID)).Len()), nil
}
