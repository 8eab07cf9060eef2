package grammar

import (
	"fmt"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// statusExt is STATUS (RFC 9051 §6.3.11, §7.3.4) with the items of RFC 3501 and
// RFC 9051. RFC 9208 §4.1.4 defines DELETED too.
func statusExt() extension {
	deleted := statusNumber(imap.StatusDeleted, func(s *imap.StatusData) **uint32 { return &s.Deleted })
	deleted.caps = []imap.Cap{imap.CapIMAP4rev2, imap.CapQuotaResPrefix + imap.Cap(mailbox.QuotaMessage)}
	return extension{
		commands: []row[imap.Command]{command("STATUS",
			func(d *decoder, c *imap.Status) bool {
				return d.SP() && d.Mailbox(&c.Mailbox) && d.SP() && readStatusItems(d, &c.Items)
			},
			func(e *wire.Encoder, c *imap.Status) {
				e.SP().Mailbox(c.Mailbox).SP()
				writeStatusItems(e, c.Items)
			})},
		responses: []row[Response]{data("STATUS", readStatusData, writeStatusData)},
		statusItems: []row[imap.StatusData]{
			statusNumber(imap.StatusMessages, func(s *imap.StatusData) **uint32 { return &s.Messages }),
			statusNumber(imap.StatusRecent, func(s *imap.StatusData) **uint32 { return &s.Recent }),
			{
				name: "UIDNEXT", has: func(s *imap.StatusData) bool { return s.UIDNext != 0 },
				read:  func(d *decoder, s *imap.StatusData) bool { return d.SP() && d.Number((*uint32)(&s.UIDNext)) },
				write: func(e *wire.Encoder, s *imap.StatusData) { e.SP().Uint(uint64(s.UIDNext)) },
			},
			{
				name: "UIDVALIDITY", has: func(s *imap.StatusData) bool { return s.UIDValidity != 0 },
				read:  func(d *decoder, s *imap.StatusData) bool { return d.SP() && d.Number(&s.UIDValidity) },
				write: func(e *wire.Encoder, s *imap.StatusData) { e.SP().Uint(uint64(s.UIDValidity)) },
			},
			statusNumber(imap.StatusUnseen, func(s *imap.StatusData) **uint32 { return &s.Unseen }),
			deleted,
		},
	}
}

// statusNumber is the row of an item whose value is a number, nil if not given.
func statusNumber[N uint32 | int64 | mailbox.ModSeq](item imap.StatusItem, field func(*imap.StatusData) **N) row[imap.StatusData] {
	return row[imap.StatusData]{
		name: string(item),
		has:  func(s *imap.StatusData) bool { return *field(s) != nil },
		read: func(d *decoder, s *imap.StatusData) bool {
			var n int64
			if !d.SP() || !d.Size(&n) {
				return false
			}
			v := N(n)
			if int64(v) != n {
				return d.Expected("number below 2^32")
			}
			*field(s) = &v
			return true
		},
		write: func(e *wire.Encoder, s *imap.StatusData) { e.SP().Int(int64(**field(s))) },
	}
}

func readStatusItems(d *decoder, items *[]imap.StatusItem) bool {
	return d.List1(func() bool {
		r := all().statusItems.find(d, d.Word())
		if r == nil {
			return d.Expected("status item")
		}
		*items = append(*items, imap.StatusItem(r.name))
		return true
	})
}

func writeStatusItems(e *wire.Encoder, items []imap.StatusItem) {
	writeAll(e, items, func(item imap.StatusItem) { e.Atom(string(item)) })
}

func readStatusData(d *decoder, s *imap.StatusData) bool {
	if !d.SP() || !d.Mailbox(&s.Mailbox) || !d.SP() {
		return false
	}
	return d.List(func() bool {
		name := d.Word()
		if r := all().statusItems.find(d, name); r != nil {
			return r.read(d, s)
		}
		return readUnknown(d, name, &s.Unknown)
	})
}

func writeStatusData(e *wire.Encoder, s *imap.StatusData) {
	all().statusItems.write(e.SP().Mailbox(s.Mailbox).SP(), s)
}

// WriteStatus writes a STATUS response with these items, in the order in which
// the client named them.
func WriteStatus(e *wire.Encoder, s *imap.StatusData, items []imap.StatusItem) {
	t := all().statusItems
	e.Raw("* STATUS ").Mailbox(s.Mailbox).SP()
	writeAll(e, items, func(item imap.StatusItem) {
		r := t.get([]byte(item))
		if r == nil || !r.has(s) {
			e.Fail(fmt.Errorf("imap: no value for the status item %s", item))
			return
		}
		r.writeTo(e, s)
	})
	e.CRLF()
}
