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
