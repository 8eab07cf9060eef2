package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

var esearchCaps = []imap.Cap{imap.CapESearch, imap.CapIMAP4rev2}

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

// readSearchReturns reads the result options; an empty list means ALL (RFC 4731
// §3.1).
func readSearchReturns(d *decoder, c *imap.Search) bool {
	c.Extended = true
	if !d.SP() || !d.List(func() bool { return all().searchReturns.read(d, c, "result option") }) || !d.SP() {
		return false
	}
	if c.Return == 0 {
		c.Return = imap.ReturnAll
	}
	return true
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
			if !d.Special('(') || !d.Keyword("TAG") || !d.SP() || !d.AString(&s.Tag) || !d.Special(')') {
				return false
			}
			continue
		}
		w := d.Word()
		if wire.Is(w, "UID") {
			s.UID = true
		} else if r := all().searchItems.find(d, w); r != nil {
			if !r.read(d, s) {
				return false
			}
		} else if v := (imap.Value{}); !d.SP() || !d.Value(&v) {
			return false
		}
	}
	return d.Err() == nil
}

func writeESearchData(e *wire.Encoder, s *imap.ESearchData) {
	if s.Tag != "" {
		e.Raw(" (TAG ").String(s.Tag).Raw(")")
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
