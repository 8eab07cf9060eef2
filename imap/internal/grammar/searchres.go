package grammar

import "github.com/posthorn-mail/posthorn/imap"

var searchResCaps = []imap.Cap{imap.CapSearchRes, imap.CapIMAP4rev2}

// searchResExt is SEARCHRES (RFC 5182).
func searchResExt() extension {
	return extension{
		caps:          searchResCaps,
		searchReturns: []row[imap.Search]{option("SAVE", searchReturn, imap.ReturnSave)},
	}
}

// NumSet is the method of wire.Decoder, with "$" only if SEARCHRES is offered.
func (d *decoder) NumSet(set *imap.NumSet) bool {
	if d.Peek() == '$' && !d.offers(searchResCaps...) {
		return d.Expected("number")
	}
	return d.Decoder.NumSet(set)
}
