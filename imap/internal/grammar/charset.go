package grammar

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// decodeFunc converts a string to UTF-8.
type decodeFunc func(string) (string, bool)

// errBadCharset names some of the supported charsets (RFC 9051 §7.1).
var errBadCharset = &imap.Error{
	Status: imap.NO, Code: imap.CodeBadCharset, CodeArgs: "(US-ASCII UTF-8 ISO-8859-1 ISO-8859-15 WINDOWS-1252 KOI8-R GB18030 BIG5 SHIFT_JIS ISO-2022-JP EUC-KR)",
	Text: "unknown charset",
}

// setCharset sets the charset of the strings that follow.
func (d *decoder) setCharset(name string) bool {
	switch strings.ToUpper(name) {
	case "UTF-8", "UTF8", "US-ASCII", "ASCII":
		d.decode = nil
		return true
	}
	enc, err := htmlindex.Get(name)
	if err != nil {
		return d.Fail(errBadCharset)
	}
	if canonical, err := htmlindex.Name(enc); err != nil || canonical == "replacement" || strings.HasPrefix(canonical, "utf-16") {
		return d.Fail(errBadCharset)
	}
	d.decode = func(s string) (string, bool) {
		out, err := enc.NewDecoder().String(s)
		return out, err == nil
	}
	return true
}

// toUTF8 converts s in place. Without CHARSET, strings are US-ASCII, but clients
// also send UTF-8.
func (d *decoder) toUTF8(s *string) bool {
	ok := true
	if d.decode != nil {
		*s, ok = d.decode(*s)
	}
	if !ok || !utf8.ValidString(*s) {
		return d.Fail(&imap.Error{Status: imap.NO, Code: imap.CodeBadCharset, CodeArgs: errBadCharset.CodeArgs, Text: "string is not in the given charset"})
	}
	return true
}

// readCharsets reads the charsets that a BADCHARSET code names.
func readCharsets(d *decoder, names *[]string) bool { return d.SP() && readStrings(d, names) }

func writeCharsets(e *wire.Encoder, names *[]string) {
	writeAll(e.SP(), *names, func(s string) { e.AString(s) })
}
