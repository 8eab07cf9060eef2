package grammar

import (
	"time"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// saveDateExt is SAVEDATE (RFC 8514).
func saveDateExt() extension {
	return extension{
		caps:       []imap.Cap{imap.CapSaveDate},
		fetchItems: []row[imap.FetchItem]{item(imap.FetchSaveDate)},
		fetchData: []row[Item]{datum(imap.FetchSaveDate,
			func(d *decoder, it *Item) bool { return d.TryKeyword("NIL") || d.DateTime(&it.Time) },
			func(e *wire.Encoder, it *Item) { WriteSaveDate(e, it.Time) })},
		searchKeys: []row[search.Key]{
			dateKey("SAVEDBEFORE", search.SaveDate, search.DateBefore),
			dateKey("SAVEDON", search.SaveDate, search.DateOn),
			dateKey("SAVEDSINCE", search.SaveDate, search.DateSince),
			fixed("SAVEDATESUPPORTED", search.SaveDateSupported{}),
		},
	}
}

// WriteSaveDate writes the value of SAVEDATE; the zero time is written as NIL.
func WriteSaveDate(e *wire.Encoder, t time.Time) {
	if t.IsZero() {
		e.NIL()
		return
	}
	e.DateTime(t)
}
