package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// binaryCaps offer the data items of BINARY, and literal8 in APPEND.
var binaryCaps = []imap.Cap{imap.CapBinary, imap.CapIMAP4rev2}

// binaryExt is BINARY (RFC 3516).
func binaryExt() extension {
	return extension{
		caps: binaryCaps,
		fetchItems: []row[imap.FetchItem]{
			sectionItem("BINARY[", imap.FetchBinary, false),
			sectionItem("BINARY.PEEK[", imap.FetchBinary, true),
			sectionItem("BINARY.SIZE[", imap.FetchBinarySize, true), // sets no flag
		},
		fetchData: []row[Item]{
			sectionDatum("BINARY[", imap.FetchBinary, readBody, writeBody),
			sectionDatum("BINARY.SIZE[", imap.FetchBinarySize,
				func(d *decoder, it *Item) bool { return d.Size(&it.N) },
				func(e *wire.Encoder, it *Item) { e.Int(it.N) }),
		},
	}
}
