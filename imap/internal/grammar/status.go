package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

func parseStatus(d *wire.Decoder) imap.Command {
	var c imap.Status
	return result(d.SP() && d.Mailbox(&c.Mailbox) && d.SP() && parseStatusItems(d, &c.Items), &c)
}

// statusItems are the items in the order of a response.
var statusItems = [...]imap.StatusItem{
	imap.StatusMessages, imap.StatusRecent, imap.StatusUIDNext, imap.StatusUIDValidity, imap.StatusUnseen,
	imap.StatusDeleted, imap.StatusSize, imap.StatusHighestModSeq, imap.StatusAppendLimit, imap.StatusMailboxID,
	imap.StatusDeletedStorage,
}

func parseStatusItems(d *wire.Decoder, items *[]imap.StatusItem) bool {
	return d.List1(func() bool {
		w := d.Word()
		for _, item := range statusItems {
			if wire.Is(w, string(item)) {
				*items = append(*items, item)
				return true
			}
		}
		return d.Expected("status item")
	})
}

// WriteStatus writes a STATUS response line (RFC 9051 §7.3.4).
func WriteStatus(e *wire.Encoder, s *imap.StatusData) {
	e.Raw("* STATUS ").Mailbox(s.Mailbox).Raw(" (")
	n := len(e.B)
	writeStatusItems(e, s, func(name imap.StatusItem) *wire.Encoder {
		if len(e.B) > n {
			e.SP()
		}
		return e.Raw(string(name)).SP()
	})
	e.Raw(")").CRLF()
}

func writeStatusItems(e *wire.Encoder, s *imap.StatusData, item func(imap.StatusItem) *wire.Encoder) {
	count := func(name imap.StatusItem, n *uint32) {
		if n != nil {
			item(name).Uint(uint64(*n))
		}
	}
	count(imap.StatusMessages, s.Messages)
	count(imap.StatusRecent, s.Recent)
	if s.UIDNext != 0 {
		item(imap.StatusUIDNext).Uint(uint64(s.UIDNext))
	}
	if s.UIDValidity != 0 {
		item(imap.StatusUIDValidity).Uint(uint64(s.UIDValidity))
	}
	count(imap.StatusUnseen, s.Unseen)
	count(imap.StatusDeleted, s.Deleted)
	if s.Size != nil {
		item(imap.StatusSize).Int(*s.Size)
	}
	if s.HighestModSeq != nil {
		item(imap.StatusHighestModSeq).Uint(uint64(*s.HighestModSeq))
	}
	if s.AppendLimit != nil {
		if *s.AppendLimit < 0 {
			item(imap.StatusAppendLimit).NIL()
		} else {
			item(imap.StatusAppendLimit).Int(*s.AppendLimit)
		}
	}
	if s.DeletedStorage != nil {
		item(imap.StatusDeletedStorage).Int(*s.DeletedStorage)
	}
	if s.MailboxID != "" {
		item(imap.StatusMailboxID).Raw("(").Atom(s.MailboxID).Raw(")")
	}
}
