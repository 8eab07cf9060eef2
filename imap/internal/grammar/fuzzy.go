package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// fuzzyExt is SEARCH=FUZZY (RFC 6203).
func fuzzyExt() extension {
	return extension{
		caps: []imap.Cap{imap.CapFuzzy},
		searchKeys: []row[search.Key]{key("FUZZY", imap.SearchFuzzy{}, nil,
			func(d *decoder, k *imap.SearchFuzzy) bool { return d.SP() && readKey(d, &k.Key) },
			func(e *wire.Encoder, k imap.SearchFuzzy) { writeKey(e.SP(), k.Key) })},
		searchReturns: []row[imap.Search]{option("RELEVANCY", searchReturn, imap.ReturnRelevancy)},
		searchItems: []row[imap.ESearchData]{{
			name: "RELEVANCY", has: func(s *imap.ESearchData) bool { return s.Relevancy != nil },
			read: readRelevancy, write: writeRelevancy,
		}},
		sortKeys: []row[search.SortKey]{sortKey("RELEVANCY", imap.SortRelevancy)},
	}
}

func readRelevancy(d *decoder, s *imap.ESearchData) bool {
	s.Relevancy = []uint8{}
	return d.SP() && d.List(func() bool {
		var n uint32
		if !d.Number(&n) {
			return false
		}
		s.Relevancy = append(s.Relevancy, uint8(min(n, 100))) // §4: 1 to 100
		return true
	})
}

func writeRelevancy(e *wire.Encoder, s *imap.ESearchData) {
	writeAll(e.SP(), s.Relevancy, func(n uint8) { e.Uint(uint64(n)) })
}
