package grammar

import (
	"errors"
	"math"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// partialExt is PARTIAL (RFC 9394), whose result option is that of CONTEXT (RFC
// 5267 §4.4) with ranges from the end.
func partialExt() extension {
	return extension{
		caps: []imap.Cap{imap.CapPartial},
		searchReturns: []row[imap.Search]{{
			name: "PARTIAL", caps: []imap.Cap{imap.CapPartial, imap.CapContextSearch, imap.CapContextSort},
			has: func(c *imap.Search) bool { return c.Partial != nil },
			read: func(d *decoder, c *imap.Search) bool {
				if c.Partial != nil {
					return d.Expected("one PARTIAL")
				}
				c.Partial = new(imap.PartialRange)
				return d.SP() && readPartialRange(d, c.Partial)
			},
			write: func(e *wire.Encoder, c *imap.Search) { writePartialRange(e.SP(), *c.Partial) },
		}},
		searchItems: []row[imap.ESearchData]{{
			name: "PARTIAL", has: func(s *imap.ESearchData) bool { return s.Partial != nil },
			read: readPartialData, write: writePartialData,
		}},
		fetchModifiers: []row[imap.Fetch]{{ // §3.3
			name: "PARTIAL", has: func(c *imap.Fetch) bool { return c.Partial != nil },
			read: func(d *decoder, c *imap.Fetch) bool {
				if !c.UID || c.Partial != nil {
					return d.Expected("one PARTIAL, with UID FETCH")
				}
				c.Partial = new(imap.PartialRange)
				return d.SP() && readPartialRange(d, c.Partial)
			},
			write: func(e *wire.Encoder, c *imap.Fetch) { writePartialRange(e.SP(), *c.Partial) },
		}},
	}
}

var errPartialRange = errors.New("imap: invalid range of PARTIAL")

// readPartialRange reads a partial-range. Ranges from the end, which RFC 5267 does
// not have, need PARTIAL.
func readPartialRange(d *decoder, r *imap.PartialRange) bool {
	negative := d.offers(imap.CapPartial) && d.Try('-')
	position := func(n *int64) bool {
		var v uint32
		if !d.NZNumber(&v) {
			return false
		}
		if *n = int64(v); negative {
			*n = -*n
		}
		return true
	}
	return position(&r.First) && d.Special(':') && (!negative || d.Special('-')) && position(&r.Last)
}

func writePartialRange(e *wire.Encoder, r imap.PartialRange) {
	if r.First == 0 || r.Last == 0 || r.First < 0 != (r.Last < 0) {
		e.Fail(errPartialRange)
		return
	}
	for i, n := range [...]int64{r.First, r.Last} {
		if i > 0 {
			e.Raw(":")
		}
		if n < 0 {
			e.Raw("-")
			n = -n
		}
		if n < 0 || n > math.MaxUint32 {
			e.Fail(errPartialRange)
			return
		}
		e.Int(n)
	}
}

func readPartialData(d *decoder, s *imap.ESearchData) bool {
	s.Partial = new(imap.PartialData)
	return d.SP() && d.Special('(') && readPartialRange(d, &s.Partial.Range) && d.SP() &&
		(d.TryKeyword("NIL") || d.NumSet(&s.Partial.Nums)) && d.Special(')')
}

func writePartialData(e *wire.Encoder, s *imap.ESearchData) {
	e.Raw(" (")
	writePartialRange(e, s.Partial.Range)
	if e.SP(); s.Partial.Nums.IsEmpty() {
		e.NIL()
	} else {
		e.NumSet(s.Partial.Nums)
	}
	e.Raw(")")
}
