package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// jmapAccessExt is JMAPACCESS (RFC 9698).
func jmapAccessExt() extension {
	return extension{
		caps:     []imap.Cap{imap.CapJMAPAccess},
		commands: []row[imap.Command]{command[imap.GetJMAPAccess]("GETJMAPACCESS", nil, nil)},
		responses: []row[Response]{data("JMAPACCESS",
			func(d *decoder, j *imap.JMAPAccessData) bool { return d.SP() && d.AString(&j.URL) },
			func(e *wire.Encoder, j *imap.JMAPAccessData) { e.SP().String(j.URL) })},
	}
}
