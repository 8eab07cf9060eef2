package grammar

import (
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

var (
	// esearchCaps offer the result options of ESEARCH.
	esearchCaps = []imap.Cap{imap.CapESearch, imap.CapIMAP4rev2, imap.CapESort, imap.CapMultiSearch}

	// extendedSearchCaps offer SEARCH with result options.
	extendedSearchCaps = []imap.Cap{imap.CapESearch, imap.CapIMAP4rev2, imap.CapContextSearch}
)

// esearchExt is ESEARCH (RFC 4731; RFC 9051 §6.4.4, §7.3.4).
func esearchExt() extension {
	return extension{
		caps: esearchCaps,
		searchReturns: []row[imap.Search]{
			option("MIN", searchReturn, imap.ReturnMin),
			option("MAX", searchReturn, imap.ReturnMax),
			option("ALL", searchReturn, imap.ReturnAll),
			option("COUNT", searchReturn, imap.ReturnCount),
		},
		responses: []row[Response]{data("ESEARCH", readESearchData, writeESearchData)},
		correlators: []row[imap.ESearchData]{{
			name: "TAG", has: func(s *imap.ESearchData) bool { return s.Tag != "" },
			read:  func(d *decoder, s *imap.ESearchData) bool { return d.SP() && d.AString(&s.Tag) },
			write: func(e *wire.Encoder, s *imap.ESearchData) { e.SP().String(s.Tag) },
		}},
		searchItems: []row[imap.ESearchData]{
			searchNumber("MIN", func(s *imap.ESearchData) **uint32 { return &s.Min }),
			searchNumber("MAX", func(s *imap.ESearchData) **uint32 { return &s.Max }),
			searchNumber("COUNT", func(s *imap.ESearchData) **uint32 { return &s.Count }),
			{
				name: "ALL", has: func(s *imap.ESearchData) bool { return !s.All.IsEmpty() },
				read:  func(d *decoder, s *imap.ESearchData) bool { return d.SP() && d.NumSet(&s.All) },
				write: func(e *wire.Encoder, s *imap.ESearchData) { e.SP().NumSet(s.All) },
			},
		},
	}
}

func searchReturn(c *imap.Search) *imap.SearchReturn { return &c.Return }

// readReturn reads the result options, if there are any and one of caps is
// offered. An empty list means ALL (RFC 4731 §3.1).
func readReturn(d *decoder, c *imap.Search, caps ...imap.Cap) bool {
	if !d.offers(caps...) || !d.TryKeyword("RETURN") {
		return d.Err() == nil
	}
	c.Extended = true
	if !d.SP() || !d.List(func() bool { return all().searchReturns.read(d, c, "result option") }) || !d.SP() {
		return false
	}
	if c.Return == 0 && c.Partial == nil {
		c.Return = imap.ReturnAll
	}
	if c.Return&imap.ReturnAll != 0 && c.Partial != nil { // RFC 9394 §3.1
		return d.Expected("either ALL or PARTIAL")
	}
	return true
}

func writeReturn(e *wire.Encoder, c *imap.Search) {
	if c.Extended {
		all().searchReturns.write(e.Raw(" RETURN "), c)
	}
}

func searchNumber(name string, field func(*imap.ESearchData) **uint32) row[imap.ESearchData] {
	return row[imap.ESearchData]{
		name: name, has: func(s *imap.ESearchData) bool { return *field(s) != nil },
		read: func(d *decoder, s *imap.ESearchData) bool {
			n := new(uint32)
			*field(s) = n
			return d.SP() && d.Number(n)
		},
		write: func(e *wire.Encoder, s *imap.ESearchData) { e.SP().Uint(uint64(**field(s))) },
	}
}

func readESearchData(d *decoder, s *imap.ESearchData) bool {
	for first := true; d.TrySP(); first = false {
		if first && d.Peek() == '(' {
			if !d.List1(func() bool { return readCorrelator(d, s) }) {
				return false
			}
			continue
		}
		if !d.Element() {
			return false
		}
		w := d.Word()
		if wire.Is(w, "UID") {
			s.UID = true
		} else if r := all().searchItems.find(d, w); r != nil {
			if !r.read(d, s) {
				return false
			}
		} else if !readUnknown(d, w, &s.Unknown) {
			return false
		}
	}
	return d.Err() == nil
}

// readCorrelator reads a part of search-correlator (RFC 7377 §4).
func readCorrelator(d *decoder, s *imap.ESearchData) bool {
	if r := all().correlators.find(d, d.Word()); r != nil {
		return r.read(d, s)
	}
	var v imap.Value
	return d.SP() && d.Value(&v)
}

// readUnknown reads the value of a data item with an unknown name.
func readUnknown(d *decoder, name []byte, list *[]imap.NamedValue) bool {
	if len(name) == 0 {
		return d.Expected("data item")
	}
	v := imap.NamedValue{Name: strings.ToUpper(string(name))}
	ok := d.SP() && d.Value(&v.Value)
	*list = append(*list, v)
	return ok
}

func writeESearchData(e *wire.Encoder, s *imap.ESearchData) {
	if t := all().correlators; t.of(s) != nil {
		t.write(e.SP(), s)
	}
	if s.UID {
		e.Raw(" UID")
	}
	t := all().searchItems
	for i := range t {
		if r := &t[i]; r.has(s) {
			r.writeTo(e.SP(), s)
		}
	}
}
