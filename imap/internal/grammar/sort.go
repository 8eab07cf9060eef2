package grammar

import (
	"fmt"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// sortExt is SORT (RFC 5256) and SORT=DISPLAY (RFC 5957).
func sortExt() extension {
	return extension{
		caps:     []imap.Cap{imap.CapSort},
		commands: pair("SORT", "UID SORT", func(c *imap.Sort) *bool { return &c.UID }, readSort, writeSort),
		sortKeys: []row[search.SortKey]{
			sortKey("ARRIVAL", search.SortArrival), sortKey("CC", search.SortCc), sortKey("DATE", search.SortDate),
			sortKey("FROM", search.SortFrom), sortKey("SIZE", search.SortSize), sortKey("SUBJECT", search.SortSubject),
			sortKey("TO", search.SortTo),
			sortKey("DISPLAYFROM", search.SortDisplayFrom, imap.CapSortDisplay),
			sortKey("DISPLAYTO", search.SortDisplayTo, imap.CapSortDisplay),
		},
		responses: []row[Response]{data("SORT", // RFC 7162 §3.1.9: as SEARCH
			func(d *decoder, s *imap.SortData) bool { return readSearchData(d, (*imap.SearchData)(s)) },
			func(e *wire.Encoder, s *imap.SortData) { writeSearchData(e, (*imap.SearchData)(s)) })},
	}
}

func sortKey(name string, by search.SortField, caps ...imap.Cap) row[search.SortKey] {
	return row[search.SortKey]{
		name: name, caps: caps, has: func(k *search.SortKey) bool { return k.By == by },
		read: func(_ *decoder, k *search.SortKey) bool { k.By = by; return true },
	}
}

// extendedSortCaps offer SORT with result options (RFC 5267 §3.1, §4.1).
var extendedSortCaps = []imap.Cap{imap.CapESort, imap.CapContextSort}

func readSort(d *decoder, c *imap.Sort) bool {
	d.decode = nil
	return d.SP() && readReturn(d, &c.Search, extendedSortCaps...) &&
		d.List1(func() bool { return readSortKey(d, &c.By) }) && d.SP() &&
		readSearchCharset(d, &c.Charset) && readKeys(d, &c.Key, d.TrySP)
}

func readSortKey(d *decoder, by *[]search.SortKey) bool {
	var k search.SortKey
	if d.TryKeyword("REVERSE") {
		k.Reverse = true
		if !d.SP() {
			return false
		}
	}
	ok := all().sortKeys.read(d, &k, "sort key")
	*by = append(*by, k)
	return ok
}

// writeSort always names UTF-8, which every server knows (RFC 5256 §3).
func writeSort(e *wire.Encoder, c *imap.Sort) {
	writeReturn(e, &c.Search)
	if len(c.By) == 0 {
		e.Fail(fmt.Errorf("imap: SORT without a sort key"))
	}
	e.SP()
	writeAll(e, c.By, func(k search.SortKey) {
		if k.Reverse {
			e.Raw("REVERSE ")
		}
		if r := all().sortKeys.of(&k); r != nil {
			r.writeTo(e, &k)
			return
		}
		e.Fail(fmt.Errorf("imap: sort field %d can't be written", k.By))
	})
	e.Raw(" UTF-8 ")
	writeSearchKeys(e, c.Key)
}
