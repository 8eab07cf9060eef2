package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// mailboxesExt is the commands that create, delete, rename and subscribe to
// mailboxes (RFC 9051 §6.3.4 to §6.3.8).
func mailboxesExt() extension {
	return extension{commands: []row[imap.Command]{
		command("CREATE", readCreate, writeCreate),
		named("DELETE", func(c *imap.Delete) *string { return &c.Mailbox }),
		named("SUBSCRIBE", func(c *imap.Subscribe) *string { return &c.Mailbox }),
		named("UNSUBSCRIBE", func(c *imap.Unsubscribe) *string { return &c.Mailbox }),
		command("RENAME",
			func(d *decoder, c *imap.Rename) bool {
				return d.SP() && d.Mailbox(&c.From) && d.SP() && d.Mailbox(&c.To)
			},
			func(e *wire.Encoder, c *imap.Rename) { e.SP().Mailbox(c.From).SP().Mailbox(c.To) }),
	}}
}

// named is the row of a command whose only argument is a mailbox.
func named[T any, C interface {
	*T
	imap.Command
}](name string, box func(*T) *string) row[imap.Command] {
	return command[T, C](name,
		func(d *decoder, c *T) bool { return d.SP() && d.Mailbox(box(c)) },
		func(e *wire.Encoder, c *T) { e.SP().Mailbox(*box(c)) })
}

func readCreate(d *decoder, c *imap.Create) bool {
	if !d.SP() || !d.Mailbox(&c.Mailbox) {
		return false
	}
	return !d.TrySP() || // create-params, RFC 4466 §2.2
		d.List1(func() bool { return all().createParams.read(d, c, "create parameter") })
}

func writeCreate(e *wire.Encoder, c *imap.Create) {
	e.SP().Mailbox(c.Mailbox)
	if t := all().createParams; t.of(c) != nil {
		t.write(e.SP(), c)
	}
}
