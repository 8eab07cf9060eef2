package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// listStatusExt is LIST-STATUS (RFC 5819).
func listStatusExt() extension {
	status := option("STATUS", listReturn, imap.ReturnStatus)
	status.read = func(d *decoder, c *imap.List) bool {
		c.Return |= imap.ReturnStatus
		return d.SP() && readStatusItems(d, &c.Status)
	}
	status.write = func(e *wire.Encoder, c *imap.List) {
		e.SP()
		writeStatusItems(e, c.Status)
	}
	return extension{
		caps:        []imap.Cap{imap.CapListStatus, imap.CapIMAP4rev2},
		listReturns: []row[imap.List]{status},
	}
}
