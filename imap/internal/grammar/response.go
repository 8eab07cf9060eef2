package grammar

import (
	"errors"
	"fmt"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// A Response is one response of a server: a pointer to one of the types below, to
// an LSub, or to one of the types of package imap whose names end in Data; or an
// imap.CapSet, imap.IDFields, Enabled or Flags.
type Response = any

// Responses that package imap has no type for.
type (
	// StatusLine is OK, NO, BAD, PREAUTH or BYE: the end of the command with
	// that tag, or untagged.
	StatusLine struct {
		Tag  string // empty: untagged
		Cond imap.Condition
		Code imap.Code // in capitals, empty if there was none

		// Arg is the argument of Code, of the type of its row; nil if there is
		// none, or if it is invalid. Args is the argument as on the wire; it is
		// written if Arg is nil.
		Arg  any
		Args string
		Text string
	}

	// Continuation is "+" with Text, which is base64 in a SASL exchange.
	Continuation struct{ Text string }

	// Count is EXISTS, RECENT or EXPUNGE.
	Count struct {
		Name string
		N    uint32
	}

	// Fetch is the beginning of a FETCH response, or of UIDFETCH (RFC 9586 §3)
	// with UID and without Seq. NextItem yields its items.
	Fetch struct {
		Seq imap.SeqNum
		UID mailbox.UID
	}

	// Unknown is a response with an unknown name.
	Unknown struct {
		Name   string // in capitals
		N      uint32 // the number before the name, if there was one
		Values []imap.Value
	}
)

// Err returns a status response as an error if it refuses a command.
func (s *StatusLine) Err() error {
	if s.Cond == imap.OK || s.Cond == imap.PREAUTH {
		return nil
	}
	return &imap.Error{Status: s.Cond, Code: s.Code, CodeArgs: s.Args, Text: s.Text}
}

// A ResponseReader reads a server's responses. It accepts violations of the
// grammar that servers are known to send and whose meaning is clear. An invalid
// response does not affect others: the error is a *wire.SyntaxError or
// *wire.LimitError, and the next call reads the next response.
type ResponseReader struct {
	d     *decoder
	fetch bool // within a FETCH response
	it    Item // what NextItem returned
}

// NewResponseReader returns a ResponseReader that reads from src.
func NewResponseReader(src wire.Source, lim wire.Limits) *ResponseReader {
	r := &ResponseReader{d: &decoder{Decoder: wire.NewDecoder(src, lim)}}
	r.d.Tolerant, r.d.Share = true, true
	return r
}

// SetUTF8 sets whether mailbox names are UTF-8 from now on.
func (r *ResponseReader) SetUTF8(on bool) { r.d.UTF8 = on }

// Read reads the next response. It skips the rest of a FETCH response.
func (r *ResponseReader) Read() (Response, error) {
	if r.fetch {
		r.fetch = false
		if err := r.d.Skip(); err != nil {
			return nil, err
		}
	}
	if err := r.d.Begin(); err != nil {
		return nil, r.skip(err)
	}
	resp := r.parse()
	if r.fetch {
		return resp, nil
	}
	if resp == nil || !r.d.End() {
		return nil, r.skip(r.d.Err())
	}
	return resp, nil
}

// skip skips the rest of the response and returns err, or an error that ends the
// connection.
func (r *ResponseReader) skip(err error) error {
	r.fetch = false
	if e := r.d.Skip(); e != nil {
		return e
	}
	if err == nil {
		err = errors.New("response without data")
	}
	return err
}

func (r *ResponseReader) parse() Response {
	d := r.d
	if d.Try('+') {
		d.Try(' ')
		return &Continuation{string(d.Rest())}
	}
	var tag string
	if !d.Try('*') && !d.Tag(&tag) || !d.SP() {
		return nil
	}
	if c := d.Peek(); tag == "" && c >= '0' && c <= '9' {
		return r.numbered()
	}
	word := d.Word()
	for _, cond := range [...]imap.Condition{imap.OK, imap.NO, imap.BAD, imap.BYE, imap.PREAUTH} {
		if wire.Is(word, string(cond)) {
			return statusLine(d, tag, cond)
		}
	}
	if tag != "" || len(word) == 0 {
		d.Expected("OK, NO or BAD")
		return nil
	}
	if row := all().responses.find(d, word); row != nil {
		var resp Response
		if !row.read(d, &resp) {
			return nil
		}
		return resp
	}
	u := &Unknown{Name: string(wire.Upper(word))}
	if !values(d, &u.Values) {
		return nil
	}
	return u
}

func (r *ResponseReader) numbered() Response {
	d := r.d
	var n uint32
	if !d.Number(&n) || !d.SP() {
		return nil
	}
	switch word := d.Word(); {
	case wire.Is(word, "EXISTS"), wire.Is(word, "RECENT"), wire.Is(word, "EXPUNGE"):
		return &Count{Name: string(wire.Upper(word)), N: n}
	case wire.Is(word, "FETCH"), wire.Is(word, "UIDFETCH"):
		f := &Fetch{Seq: imap.SeqNum(n)}
		if wire.Is(word, "UIDFETCH") {
			f = &Fetch{UID: mailbox.UID(n)}
		}
		if !d.SP() || !d.Special('(') {
			return nil
		}
		r.fetch = true
		return f
	case len(word) == 0:
		d.Expected("response")
		return nil
	default:
		u := &Unknown{Name: string(wire.Upper(word)), N: n}
		if !values(d, &u.Values) {
			return nil
		}
		return u
	}
}

// values reads to the end of the response.
func values(d *decoder, list *[]imap.Value) bool {
	for d.TrySP() {
		var v imap.Value
		if !d.Element() || !d.Value(&v) {
			return false
		}
		*list = append(*list, v)
	}
	return d.Err() == nil
}

// statusLine reads resp-text (RFC 9051 §7.1): a code and a text, either of which
// servers may omit.
func statusLine(d *decoder, tag string, cond imap.Condition) Response {
	s := &StatusLine{Tag: tag, Cond: cond}
	for d.Try(' ') {
	}
	rest := d.Rest()
	if len(rest) > 0 && rest[0] == '[' {
		if end := codeEnd(rest); end > 0 {
			code := rest[1:end]
			rest = rest[end+1:]
			for i, c := range code {
				if c == ' ' {
					s.Args = string(trim(code[i+1:]))
					code = code[:i]
					break
				}
			}
			s.Code = imap.Code(wire.Upper(code))
			s.readArg()
		}
	}
	s.Text = string(trim(rest))
	return s
}

// readArg reads the argument of the code.
func (s *StatusLine) readArg() {
	s.Arg = CodeArg(s.Code, s.Args)
}

// CodeArg reads the argument of a code. It is nil if the code has none, or if it is
// invalid.
func CodeArg(code imap.Code, args string) any {
	r := all().codes.get([]byte(code))
	if r == nil {
		return nil
	}
	d := &decoder{Decoder: wire.NewDecoder(wire.Bytes([]byte(" "+args+"\r\n")), wire.LimitsClient())}
	d.Tolerant = true
	var arg any
	if d.Begin() == nil && r.read(d, &arg) && d.End() {
		return arg
	}
	return nil
}

// codeEnd finds the "]" that ends a code. It passes over quoted strings and lists,
// in which keywords may contain "]".
func codeEnd(b []byte) int {
	quoted, open := false, 0
	last := -1
	for i := 1; i < len(b); i++ {
		switch c := b[i]; {
		case quoted:
			if c == '\\' {
				i++
			}
			quoted = c != '"'
		case c == '"':
			quoted = true
		case c == '(':
			open++
		case c == ')':
			open--
		case c == ']':
			if open <= 0 {
				return i
			}
			last = i
		}
	}
	return last
}

func trim(b []byte) []byte {
	for len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	for len(b) > 0 && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	return b
}

// WriteResponse writes a response. FETCH, counts and a SEARCH that is not held in
// memory have functions of their own.
func WriteResponse(e *wire.Encoder, resp Response) {
	switch r := resp.(type) {
	case *StatusLine:
		writeStatusLine(e, r)
		return
	case *Continuation:
		e.Raw("+ ").Text(r.Text).CRLF()
		return
	}
	r := all().responses.of(&resp)
	if r == nil {
		e.Fail(fmt.Errorf("imap: response %T can't be written", resp))
		return
	}
	r.writeTo(e.Raw("* "), &resp)
	e.CRLF()
}

func writeStatusLine(e *wire.Encoder, s *StatusLine) {
	e.Tag(s.Tag).SP().Raw(string(s.Cond)).SP()
	if s.Code != "" {
		e.Raw("[").Atom(string(s.Code))
		if s.Arg != nil {
			r := all().codes.get([]byte(s.Code))
			if r == nil || !r.has(&s.Arg) {
				e.Fail(fmt.Errorf("imap: code %s can't have an argument of type %T", s.Code, s.Arg))
				return
			}
			r.write(e, &s.Arg)
		} else if s.Args != "" {
			e.SP().Text(s.Args)
		}
		e.Raw("] ")
	}
	e.Text(s.Text).CRLF()
}

// WriteCount writes EXISTS, RECENT or EXPUNGE.
func WriteCount(e *wire.Encoder, name string, n uint32) {
	e.Raw("* ").Uint(uint64(n)).SP().Raw(name).CRLF()
}
