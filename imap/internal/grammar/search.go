package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// parseSearch reads SEARCH (RFC 9051 §6.4.4).
func parseSearch(d *wire.Decoder, uid bool) imap.Command {
	c := imap.Search{UID: uid}
	if !d.SP() {
		return nil
	}
	if d.TryKeyword("RETURN") {
		c.Extended = true
		if !d.SP() || !d.List(func() bool { return parseReturn(d, &c) }) || !d.SP() {
			return nil
		}
		if c.Return == 0 {
			c.Return = imap.ReturnAll // RFC 4731 §3.1
		}
	}
	p := searchParser{d: d}
	if d.TryKeyword("CHARSET") {
		if !d.SP() || !d.AString(&c.Charset) || !p.setCharset(c.Charset) || !d.SP() {
			return nil
		}
	}
	c.Key = p.program()
	return result(c.Key != nil, &c)
}

func parseReturn(d *wire.Decoder, c *imap.Search) bool {
	switch w := d.Word(); {
	case wire.Is(w, "MIN"):
		c.Return |= imap.ReturnMin
	case wire.Is(w, "MAX"):
		c.Return |= imap.ReturnMax
	case wire.Is(w, "ALL"):
		c.Return |= imap.ReturnAll
	case wire.Is(w, "COUNT"):
		c.Return |= imap.ReturnCount
	case wire.Is(w, "SAVE"):
		c.Return |= imap.ReturnSave
	default:
		return d.Expected("result option")
	}
	return true
}

// A searchParser reads a search program. Its methods return nil, or false, after
// an error, which is the Decoder's.
type searchParser struct {
	d      *wire.Decoder
	decode decodeFunc // nil: UTF-8
}

// program reads keys up to the end of the command.
func (p *searchParser) program() search.Key {
	return p.keys(func() bool { return p.d.TrySP() })
}

// keys reads one key and as many more as there are; together they are an AND.
func (p *searchParser) keys(more func() bool) search.Key {
	first := p.key()
	if first == nil || !more() {
		return first
	}
	and := search.And{first}
	for {
		k := p.key()
		if k == nil {
			return nil
		}
		and = append(and, k)
		if !more() {
			if p.d.Err() != nil {
				return nil
			}
			return and
		}
	}
}

// key reads a search-key.
func (p *searchParser) key() search.Key {
	d := p.d
	if !d.Element() || !d.Enter() {
		return nil
	}
	defer d.Leave()
	switch c := d.Peek(); {
	case c == '(':
		d.Special('(')
		k := p.keys(func() bool { return d.Peek() == ' ' && d.SP() })
		if k == nil || !d.Special(')') {
			return nil
		}
		return k
	case c == '*' || c == '$' || c >= '0' && c <= '9':
		var s imap.SearchSeq
		if !d.NumSet(&s.Set) {
			return nil
		}
		return s
	}
	var buf [24]byte
	name := buf[:0]
	w := d.Word()
	if len(w) > len(buf) {
		d.Expected("search key")
		return nil
	}
	name = wire.Upper(append(name, w...))
	switch string(name) {
	case "NOT":
		return p.not()
	case "OR":
		return p.or()
	}
	parse, ok := searchKeys[string(name)]
	if !ok {
		d.Expected("search key instead of " + string(name))
		return nil
	}
	return parse(p)
}

// A keyParser reads a key's arguments, from the blank after its name.
type keyParser func(p *searchParser) search.Key

// searchKeys is the table of keys by name, but for those that contain keys. It
// is read only.
var searchKeys = map[string]keyParser{
	"ALL":        fixed(search.All{}),
	"ANSWERED":   fixed(search.Flag{Flag: mailbox.FlagAnswered}),
	"UNANSWERED": fixed(search.Flag{Flag: mailbox.FlagAnswered, Absent: true}),
	"DELETED":    fixed(search.Flag{Flag: mailbox.FlagDeleted}),
	"UNDELETED":  fixed(search.Flag{Flag: mailbox.FlagDeleted, Absent: true}),
	"DRAFT":      fixed(search.Flag{Flag: mailbox.FlagDraft}),
	"UNDRAFT":    fixed(search.Flag{Flag: mailbox.FlagDraft, Absent: true}),
	"FLAGGED":    fixed(search.Flag{Flag: mailbox.FlagFlagged}),
	"UNFLAGGED":  fixed(search.Flag{Flag: mailbox.FlagFlagged, Absent: true}),
	"SEEN":       fixed(search.Flag{Flag: mailbox.FlagSeen}),
	"UNSEEN":     fixed(search.Flag{Flag: mailbox.FlagSeen, Absent: true}),
	"RECENT":     fixed(imap.SearchRecent{}),
	"OLD":        fixed(imap.SearchRecent{Absent: true}),
	"NEW": fixed(search.And{
		imap.SearchRecent{}, search.Flag{Flag: mailbox.FlagSeen, Absent: true},
	}),
	"KEYWORD":   func(p *searchParser) search.Key { return p.keyword(false) },
	"UNKEYWORD": func(p *searchParser) search.Key { return p.keyword(true) },

	"BEFORE":      date(search.InternalDate, search.Before),
	"ON":          date(search.InternalDate, search.On),
	"SINCE":       date(search.InternalDate, search.Since),
	"SENTBEFORE":  date(search.SentDate, search.Before),
	"SENTON":      date(search.SentDate, search.On),
	"SENTSINCE":   date(search.SentDate, search.Since),
	"SAVEDBEFORE": date(search.SaveDate, search.Before), // RFC 8514 §4.3
	"SAVEDON":     date(search.SaveDate, search.On),
	"SAVEDSINCE":  date(search.SaveDate, search.Since),

	"BCC":     header("Bcc"),
	"CC":      header("Cc"),
	"FROM":    header("From"),
	"SUBJECT": header("Subject"),
	"TO":      header("To"),
	"HEADER": func(p *searchParser) search.Key {
		var k search.Header
		if !p.d.SP() || !p.d.AString(&k.Field) {
			return nil
		}
		return p.withString(&k.Value, func() search.Key { return k })
	},
	"BODY": func(p *searchParser) search.Key {
		var k search.Body
		return p.withString(&k.Value, func() search.Key { return k })
	},
	"TEXT": func(p *searchParser) search.Key {
		var k search.Text
		return p.withString(&k.Value, func() search.Key { return k })
	},

	"LARGER":  func(p *searchParser) search.Key { return p.size(true) },
	"SMALLER": func(p *searchParser) search.Key { return p.size(false) },
	"UID": func(p *searchParser) search.Key {
		var k imap.SearchUID
		if !p.d.SP() || !p.d.NumSet(&k.Set) {
			return nil
		}
		return k
	},
	"MODSEQ":            parseModSeqKey,
	"OLDER":             func(p *searchParser) search.Key { return p.within(false) },
	"YOUNGER":           func(p *searchParser) search.Key { return p.within(true) },
	"SAVEDATESUPPORTED": fixed(search.SaveDateSupported{}),
	"EMAILID": func(p *searchParser) search.Key {
		var k search.EmailID
		if !p.d.SP() || !p.d.Atom(&k.ID) {
			return nil
		}
		return k
	},
	"THREADID": func(p *searchParser) search.Key {
		var k search.ThreadID
		if !p.d.SP() || !p.d.Atom(&k.ID) {
			return nil
		}
		return k
	},
}

func date(f search.DateField, op search.DateOp) keyParser {
	return func(p *searchParser) search.Key {
		k := search.Date{Field: f, Op: op}
		if !p.d.SP() || !p.d.Date(&k.Day) {
			return nil
		}
		return k
	}
}

func (p *searchParser) not() search.Key {
	if !p.d.SP() {
		return nil
	}
	k := p.key()
	if k == nil {
		return nil
	}
	return search.Not{Key: k}
}

func (p *searchParser) or() search.Key {
	var k search.Or
	if !p.d.SP() {
		return nil
	}
	if k.A = p.key(); k.A == nil || !p.d.SP() {
		return nil
	}
	if k.B = p.key(); k.B == nil {
		return nil
	}
	return k
}

func fixed(k search.Key) keyParser {
	return func(*searchParser) search.Key { return k }
}

func header(field string) keyParser {
	return func(p *searchParser) search.Key {
		k := search.Header{Field: field}
		return p.withString(&k.Value, func() search.Key { return k })
	}
}

// withString reads a string into s, converts it to UTF-8 and then makes the key.
func (p *searchParser) withString(s *string, key func() search.Key) search.Key {
	if !p.d.SP() || !p.d.AString(s) || !p.toUTF8(s) {
		return nil
	}
	return key()
}

func (p *searchParser) keyword(absent bool) search.Key {
	var s string
	if !p.d.SP() || !p.d.Atom(&s) {
		return nil
	}
	return search.Flag{Flag: mailbox.Flag(s), Absent: absent}
}

func (p *searchParser) size(larger bool) search.Key {
	k := search.Size{Larger: larger}
	if !p.d.SP() || !p.d.Number64(&k.N) {
		return nil
	}
	return k
}

func (p *searchParser) within(younger bool) search.Key {
	k := search.Within{Younger: younger}
	if !p.d.SP() || !p.d.NZNumber(&k.Seconds) {
		return nil
	}
	return k
}

// parseModSeqKey reads RFC 7162 §3.1.5: an entry name in quotes and its type may
// stand before the value.
func parseModSeqKey(p *searchParser) search.Key {
	var k imap.SearchModSeq
	d := p.d
	if !d.SP() {
		return nil
	}
	if d.Peek() == '"' {
		if !d.String(&k.Entry) || !d.SP() || !d.Atom(&k.Type) || !d.SP() {
			return nil
		}
	}
	if !d.ModSeq(&k.N) {
		return nil
	}
	if k.Entry == "" {
		return search.ModSeq{N: k.N}
	}
	return k
}
