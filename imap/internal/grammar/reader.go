package grammar

import (
	"errors"
	"fmt"
	"io"
	"maps"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/textproto"
)

// A Parser reads the arguments of a command, from the blank after the name to
// before the CRLF. It returns nil after an error, which is the Decoder's.
type Parser func(d *wire.Decoder) imap.Command

// A Reader reads a client's commands from a connection, one at a time. After a
// command it can't understand it is at the start of the next.
type Reader struct {
	d      *wire.Decoder
	table  map[string]Parser
	own    bool // table is not the shared one
	w      io.Writer
	flush  func() error
	hide   func(bool) // keeps lines out of the wire trace
	secret bool       // hide is on
	open   bool       // the command's messages have not all been read
}

// NewReader returns a Reader for c, on which it also writes continuation
// requests.
func NewReader(c *textproto.Conn, lim wire.Limits) *Reader {
	r := newReader(wire.Conn(c), c, c.Flush, lim)
	r.hide = c.SetSecret
	return r
}

func newReader(src wire.Source, w io.Writer, flush func() error, lim wire.Limits) *Reader {
	r := &Reader{d: wire.NewDecoder(src, lim), table: commands, w: w, flush: flush, hide: func(bool) {}}
	r.d.Continue = func() error { return r.writeLine("+ Ready") }
	return r
}

func (r *Reader) writeLine(s string) error {
	if _, err := io.WriteString(r.w, s+"\r\n"); err != nil {
		return err
	}
	return r.flush()
}

// SetLimits changes the limits from the next command on.
func (r *Reader) SetLimits(lim wire.Limits) { r.d.SetLimits(lim) }

// SetUTF8 says that mailbox names are UTF-8 from now on (RFC 6855 §3, RFC 9051
// §5.1).
func (r *Reader) SetUTF8(on bool) { r.d.UTF8 = on }

// Handle adds a command, or replaces one. The name is in capitals; that of a
// UID command begins with "UID ".
func (r *Reader) Handle(name string, p Parser) {
	if !r.own {
		r.table, r.own = maps.Clone(r.table), true
	}
	r.table[name] = p
}

// ReadCommand reads the next command. If it can't be understood the error is an
// *imap.Error: BAD, or NO, is the answer to it, and the connection is in step
// (tag is empty if there was none). BYE means that the connection must be closed
// after that answer. All other errors are those of the connection, io.EOF its end
// between two commands.
//
// An Append command must be followed by OpenLiteral or RefuseLiteral.
func (r *Reader) ReadCommand() (tag string, cmd imap.Command, err error) {
	if r.open {
		if err := r.RefuseLiteral(); err != nil {
			return "", nil, err
		}
	}
	if err := r.d.Begin(); err != nil {
		if line := r.d.Line(); len(line) > 0 {
			tag = tagOf(line)
		}
		return tag, nil, r.refuse(err)
	}
	if !r.d.Tag(&tag) || !r.d.SP() {
		return "", nil, r.refuse(r.d.Err())
	}
	cmd = r.parse()
	if err := r.d.Err(); err != nil {
		return tag, nil, r.refuse(err)
	}
	if _, ok := cmd.(*imap.Append); ok {
		r.open = true
		return tag, cmd, nil
	}
	if !r.d.End() {
		return tag, nil, r.refuse(r.d.Err())
	}
	r.reveal()
	return tag, cmd, nil
}

// tagOf finds the tag in a line that is unfit otherwise.
func tagOf(line []byte) string {
	for i, c := range line {
		if c == ' ' {
			return string(line[:i])
		}
		if c == '+' || c != ']' && !imap.IsAtomChar(c) {
			break
		}
	}
	return ""
}

func (r *Reader) parse() imap.Command {
	var buf [40]byte
	name := append(buf[:0], r.d.Word()...)
	if len(name) == 0 {
		r.d.Expected("command")
		return nil
	}
	wire.Upper(name)
	if string(name) == "UID" {
		if !r.d.SP() {
			return nil
		}
		word := r.d.Word()
		name = append(append(name, ' '), word...)
		wire.Upper(name)
	}
	p := r.table[string(name)]
	if p == nil {
		r.d.Fail(&imap.Error{Status: imap.BAD, Text: "unknown command"})
		return nil
	}
	if string(name) == "LOGIN" {
		// A password may stand on the lines after a literal's header.
		r.secret = true
		r.hide(true)
	}
	return p(r.d)
}

// reveal ends what parse began for LOGIN. The password must not be in what is
// said about an error either.
func (r *Reader) reveal() {
	if !r.secret {
		return
	}
	var s *wire.SyntaxError
	if errors.As(r.d.Err(), &s) && s.Near != "" {
		s.Near = "***"
	}
	r.secret = false
	r.hide(false)
}

// refuse brings the connection back into step after err and makes the answer.
func (r *Reader) refuse(err error) error {
	r.open = false
	e := r.d.Skip()
	r.reveal()
	if e != nil {
		err = e
	}
	return answer(err)
}

// answer makes the response to a command that can't be read.
func answer(err error) error {
	var fatal *wire.FatalError
	if errors.As(err, &fatal) {
		return &imap.Error{Status: imap.BYE, Code: imap.CodeTooBig, Text: fatal.Error()}
	}
	var e *imap.Error
	if errors.As(err, &e) {
		return e
	}
	var limit *wire.LimitError
	if errors.As(err, &limit) {
		return &imap.Error{Status: imap.BAD, Code: imap.CodeTooBig, Text: limit.Error()}
	}
	var syntax *wire.SyntaxError
	if errors.As(err, &syntax) {
		return &imap.Error{Status: imap.BAD, Text: syntax.Error()}
	}
	return err
}

// OpenLiteral asks the client for the message that an Append command, or
// NextMessage, has announced. The reader gives exactly its octets; NextMessage
// must follow.
func (r *Reader) OpenLiteral() (io.Reader, error) {
	body, err := r.d.OpenLiteral()
	if err != nil {
		return nil, answer(err)
	}
	return body, nil
}

// NextMessage goes past the message that has been read, or what is left of it.
// nil without an error is the end of the command. An *imap.Error as from
// ReadCommand says that what follows the message is not as it should be; no
// message of the command may then be appended.
func (r *Reader) NextMessage() (*imap.AppendMessage, error) {
	if !r.d.CloseLiteral() {
		return nil, r.refuse(r.d.Err())
	}
	if r.d.AtEnd() {
		r.open = false
		r.d.End()
		return nil, nil
	}
	var m imap.AppendMessage
	if !parseMessage(r.d, &m) { // MULTIAPPEND, RFC 3502
		return nil, r.refuse(r.d.Err())
	}
	return &m, nil
}

// RefuseLiteral ends an Append command without its message: the answer may be
// given then. A literal that the client sends without being asked is read and
// thrown away; if it is too big for that, the error is an *imap.Error with BYE.
func (r *Reader) RefuseLiteral() error {
	r.open = false
	if err := r.d.Skip(); err != nil {
		return answer(err)
	}
	return nil
}

// WriteChallenge sends a SASL challenge, given in base64.
func (r *Reader) WriteChallenge(challenge string) error { return r.writeLine("+ " + challenge) }

// ReadResponse reads the line that answers a challenge, which is valid until the
// next read. An *imap.Error as from ReadCommand says that it was none.
func (r *Reader) ReadResponse() ([]byte, error) {
	if err := r.d.Begin(); err != nil {
		return nil, r.refuse(err)
	}
	return r.d.Rest(), nil
}

// ReadDone reads the line that ends IDLE (RFC 2177). An *imap.Error as from
// ReadCommand says that it was another one.
func (r *Reader) ReadDone() error {
	if err := r.d.Begin(); err != nil {
		return r.refuse(err)
	}
	if !r.d.Keyword("DONE") || !r.d.End() {
		return r.refuse(fmt.Errorf("in IDLE: %w", r.d.Err()))
	}
	return nil
}
