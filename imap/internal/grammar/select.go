package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// Flags is a FLAGS response (RFC 9051 §7.3.5).
type Flags []mailbox.Flag

// selectExt is SELECT, EXAMINE and CLOSE (RFC 9051 §6.3.2, §6.3.3, §6.4.1) and
// CHECK (RFC 3501 §6.4.1), with the responses to SELECT.
func selectExt() extension {
	return extension{
		commands: append(
			pair("SELECT", "EXAMINE", func(c *imap.Select) *bool { return &c.ReadOnly }, readSelect, writeSelect),
			command[imap.Close]("CLOSE", nil, nil),
			command[imap.Check]("CHECK", nil, nil),
		),
		responses: []row[Response]{value("FLAGS",
			func(d *decoder, f *Flags) bool { return d.SP() && d.FlagList((*[]mailbox.Flag)(f)) },
			func(e *wire.Encoder, f *Flags) { e.SP().Flags(*f...) })},
		codes: []row[any]{
			value("PERMANENTFLAGS",
				func(d *decoder, f *[]mailbox.Flag) bool { return d.SP() && d.FlagList(f) },
				func(e *wire.Encoder, f *[]mailbox.Flag) { e.SP().Flags(*f...) }),
			number[mailbox.UID]("UIDNEXT"),
			number[uint32]("UIDVALIDITY"), // zero from mail.xwtec.cn
			number[imap.SeqNum]("UNSEEN"),
		},
	}
}

// unselectExt is UNSELECT (RFC 3691).
func unselectExt() extension {
	return extension{
		caps:     []imap.Cap{imap.CapUnselect, imap.CapIMAP4rev2},
		commands: []row[imap.Command]{command[imap.Unselect]("UNSELECT", nil, nil)},
	}
}

func readSelect(d *decoder, c *imap.Select) bool {
	if !d.SP() || !d.Mailbox(&c.Mailbox) {
		return false
	}
	return !d.TrySP() || // select-params, RFC 4466 §2.4
		d.List1(func() bool { return all().selectParams.read(d, c, "select parameter") })
}

func writeSelect(e *wire.Encoder, c *imap.Select) {
	e.SP().Mailbox(c.Mailbox)
	if t := all().selectParams; t.of(c) != nil {
		t.write(e.SP(), c)
	}
}

// number is the row of a response code with a number of 32 bits.
func number[N ~uint32](name string) row[any] {
	return value(name,
		func(d *decoder, n *N) bool {
			var v uint32
			ok := d.SP() && d.Number(&v)
			*n = N(v)
			return ok
		},
		func(e *wire.Encoder, n *N) { e.SP().Uint(uint64(*n)) })
}
