package grammar

import (
	"fmt"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// searchExt is SEARCH (RFC 9051 §6.4.4, RFC 3501 §7.2.5).
func searchExt() extension {
	return extension{
		commands:   pair("SEARCH", "UID SEARCH", func(c *imap.Search) *bool { return &c.UID }, readSearch, writeSearch),
		searchKeys: baseKeys(),
		responses:  []row[Response]{data("SEARCH", readSearchData, writeSearchData)},
		codes:      []row[any]{value("BADCHARSET", readCharsets, writeCharsets)},
	}
}

func readSearch(d *decoder, c *imap.Search) bool {
	return d.SP() && readReturn(d, c, extendedSearchCaps...) && readSearchProgram(d, c)
}

func writeSearch(e *wire.Encoder, c *imap.Search) {
	writeReturn(e, c)
	writeSearchProgram(e, c)
}

// readSearchProgram reads the keys and the charset that may precede them.
func readSearchProgram(d *decoder, c *imap.Search) bool {
	d.decode = nil
	if d.TryKeyword("CHARSET") && (!d.SP() || !readSearchCharset(d, &c.Charset)) {
		return false
	}
	return readKeys(d, &c.Key, d.TrySP)
}

func readSearchCharset(d *decoder, charset *string) bool {
	return d.AString(charset) && d.setCharset(*charset) && d.SP()
}

// writeSearchProgram writes CHARSET only if the key has strings that are not US-ASCII and
// UTF-8 is not enabled: some servers refuse it if it is not needed, and RFC 6855
// §3 forbids it once UTF-8 is enabled.
func writeSearchProgram(e *wire.Encoder, c *imap.Search) {
	if !e.UTF8 && !c.NoCharset && !ASCIIKey(c.Key) {
		e.Raw(" CHARSET UTF-8")
	}
	writeSearchKeys(e.SP(), c.Key)
}

// writeSearchKeys writes the keys of a command.
func writeSearchKeys(e *wire.Encoder, key search.Key) {
	if and, ok := key.(search.And); ok {
		writeKeys(e, and)
		return
	}
	writeKey(e, key)
}

// readKeys reads one or more keys, which are combined by AND.
func readKeys(d *decoder, key *search.Key, more func() bool) bool {
	if !readKey(d, key) {
		return false
	}
	if !more() {
		return d.Err() == nil
	}
	and := search.And{*key}
	for {
		var k search.Key
		if !readKey(d, &k) {
			return false
		}
		and = append(and, k)
		if !more() {
			*key = and
			return d.Err() == nil
		}
	}
}

func writeKeys(e *wire.Encoder, keys search.And) {
	if len(keys) == 0 {
		e.Raw("ALL")
	}
	for i, k := range keys {
		if i > 0 {
			e.SP()
		}
		writeKey(e, k)
	}
}

// readKey reads a search-key.
func readKey(d *decoder, key *search.Key) bool {
	if !d.Element() || !d.Enter() {
		return false
	}
	defer d.Leave()
	switch c := d.Peek(); {
	case c == '(':
		return d.Special('(') && readKeys(d, key, func() bool { return d.Peek() == ' ' && d.SP() }) && d.Special(')')
	case c == '*' || c == '$' || c >= '0' && c <= '9':
		var s imap.SearchSeq
		ok := d.NumSet(&s.Set)
		*key = s
		return ok
	}
	return all().searchKeys.read(d, key, "search key")
}

func writeKey(e *wire.Encoder, key search.Key) {
	switch k := key.(type) {
	case imap.SearchSeq:
		e.NumSet(k.Set)
		return
	case search.And:
		if len(k) == 1 {
			writeKey(e, k[0])
			return
		}
		e.Raw("(")
		writeKeys(e, k)
		e.Raw(")")
		return
	}
	r := all().searchKeys.of(&key)
	if r == nil {
		e.Fail(fmt.Errorf("imap: search key %T can't be written", key))
		return
	}
	r.writeTo(e, &key)
}

// ASCIIKey reports whether all strings of the key are US-ASCII.
func ASCIIKey(key search.Key) bool {
	for leaf := range search.Leaves(key) {
		var s string
		switch k := leaf.(type) {
		case search.Header:
			s = k.Value
		case search.Body:
			s = k.Value
		case search.Text:
			s = k.Value
		case imap.SearchGmail:
			s = k.Query
		case imap.SearchFuzzy:
			if !ASCIIKey(k.Key) {
				return false
			}
		case imap.SearchAnnotation:
			s = k.Value
		}
		if strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) >= 0 {
			return false
		}
	}
	return true
}

func readSearchData(d *decoder, s *imap.SearchData) bool {
	for d.TrySP() {
		if d.Peek() == '(' {
			return readSearchModSeq(d, &s.ModSeq)
		}
		var n uint32
		if !d.Numeral() || !d.Number(&n) {
			return false
		}
		s.Nums = append(s.Nums, n)
	}
	return d.Err() == nil
}

// BeginSearch begins a SEARCH response that is written in pieces. The caller then
// writes the numbers, each after a blank, and calls EndSearch.
func BeginSearch(e *wire.Encoder) { e.Raw("* SEARCH") }

// EndSearch ends the response that BeginSearch began, with the highest
// mod-sequence unless that is zero (RFC 7162 §3.1.5).
func EndSearch(e *wire.Encoder, m mailbox.ModSeq) {
	writeSearchModSeq(e, m)
	e.CRLF()
}

func writeSearchData(e *wire.Encoder, s *imap.SearchData) {
	for _, n := range s.Nums {
		e.SP().Uint(uint64(n))
	}
	writeSearchModSeq(e, s.ModSeq)
}
