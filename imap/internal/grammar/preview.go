package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// previewExt is PREVIEW (RFC 8970).
func previewExt() extension {
	return extension{
		caps: []imap.Cap{imap.CapPreview},
		fetchItems: []row[imap.FetchItem]{{
			name: "PREVIEW",
			has:  func(it *imap.FetchItem) bool { return it.Att == imap.FetchPreview || it.Att == imap.FetchPreviewLazy },
			read: readPreviewItem,
			write: func(e *wire.Encoder, it *imap.FetchItem) {
				if it.Att == imap.FetchPreviewLazy {
					e.Raw(" (LAZY)")
				}
			},
		}},
		fetchData: []row[Item]{datum(imap.FetchPreview,
			func(d *decoder, it *Item) bool { return readText(d, &it.Text) },
			func(e *wire.Encoder, it *Item) { e.NString(it.Text) })},
	}
}

// readPreviewItem reads the modifier LAZY, if present (RFC 8970 §3.1).
func readPreviewItem(d *decoder, it *imap.FetchItem) bool {
	it.Att = imap.FetchPreview
	if d.Peek() != ' ' || d.PeekAt(1) != '(' {
		return true
	}
	it.Att = imap.FetchPreviewLazy
	return d.SP() && d.Special('(') && d.Keyword("LAZY") && d.Special(')')
}
