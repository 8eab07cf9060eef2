package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// loginExt is LOGIN (RFC 9051 §6.2.3).
func loginExt() extension {
	return extension{commands: []row[imap.Command]{command("LOGIN", readLogin, writeLogin)}}
}

func readLogin(d *decoder, c *imap.Login) bool {
	return d.SP() && d.AString(&c.User) && d.SP() && d.AString(&c.Password)
}

func writeLogin(e *wire.Encoder, c *imap.Login) {
	e.SP().AString(c.User).SP().String(c.Password)
}
