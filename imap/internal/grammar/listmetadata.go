package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// listMetadataExt is LIST-METADATA (RFC 9590): METADATA responses follow those of
// LIST.
func listMetadataExt() extension {
	metadata := option("METADATA", listReturn, imap.ReturnMetadata)
	metadata.read = func(d *decoder, c *imap.List) bool {
		c.Return |= imap.ReturnMetadata
		return d.SP() && d.List1(func() bool {
			var name string
			ok := d.AString(&name)
			c.Metadata = append(c.Metadata, name)
			return ok
		})
	}
	metadata.write = func(e *wire.Encoder, c *imap.List) { writeStrings(e.SP(), c.Metadata) }
	return extension{caps: []imap.Cap{imap.CapListMetadata}, listReturns: []row[imap.List]{metadata}}
}
