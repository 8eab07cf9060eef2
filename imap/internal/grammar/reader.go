package grammar

import (
	"errors"
	"fmt"
	"io"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/textproto"
)

// A Reader reads a client's commands from a connection, one at a time. After an
// invalid command it is at the start of the next one.
type Reader struct {
	d      *decoder
	cmd    imap.Command // what parse has read
	w      io.Writer
	flush  func() error
	hide   func(bool) // keeps lines out of the wire trace
	secret bool       // hide is on
	open   bool       // the command's messages have not all been read
	single bool       // no further message may follow
	utf8   bool       // a parenthesis follows the current literal (RFC 6855 §4)
	parts  bool       // the parts of CATENATE have not all been read
	first  bool       // none of them has
}

// NewReader returns a Reader for c, on which it also writes continuation
// requests.
func NewReader(c *textproto.Conn, lim wire.Limits) *Reader {
	r := newReader(wire.Conn(c), c, c.Flush, lim)
	r.hide = c.SetSecret
	return r
}

func newReader(src wire.Source, w io.Writer, flush func() error, lim wire.Limits) *Reader {
	r := &Reader{d: &decoder{Decoder: wire.NewDecoder(src, lim)}, w: w, flush: flush, hide: func(bool) {}}
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

// SetHold sets a function that is called before about n octets of memory are taken for
// a command. An *imap.Error of it is the answer to the command.
func (r *Reader) SetHold(hold func(n int) error) { r.d.Hold = hold }

// SetUTF8 sets whether mailbox names are UTF-8 from now on (RFC 6855 §3, RFC 9051
// §5.1).
func (r *Reader) SetUTF8(on bool) { r.d.UTF8 = on }

// SetOffered sets the function that reports whether a capability is offered to
// the client, which the Reader calls for what a command uses. It refuses syntax
// that is not offered as it refuses unknown syntax. Without SetOffered everything
// is offered.
func (r *Reader) SetOffered(offered func(imap.Cap) bool) { r.d.offered = offered }

// ReadCommand reads the next command. If that is invalid, the error is an
// *imap.Error, which is the answer to it (tag is empty if there was none): after
// BAD or NO the next command can be read, and after BYE the connection must be
// closed. All other errors are those of the connection; io.EOF is its end between
// two commands.
//
// An Append or Replace command must be followed by OpenLiteral or RefuseLiteral, or
// by NextPart if its message has Catenate.
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
	if !r.parse() {
		return tag, nil, r.refuse(r.d.Err())
	}
	cmd = r.cmd
	switch c := cmd.(type) {
	case *imap.Append:
		r.begin(&c.Message, false)
		return tag, cmd, nil
	case *imap.Replace:
		r.begin(&c.Message, true)
		return tag, cmd, nil
	}
	if !r.d.End() {
		return tag, nil, r.refuse(r.d.Err())
	}
	r.reveal()
	return tag, cmd, nil
}

// tagOf finds the tag in a line that is otherwise invalid.
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

func (r *Reader) parse() bool {
	var buf [40]byte
	name := append(buf[:0], r.d.Word()...)
	if len(name) == 0 {
		return r.d.Expected("command")
	}
	if wire.Is(name, "UID") {
		if !r.d.SP() {
			return false
		}
		name = append(append(name, ' '), r.d.Word()...)
	}
	row := all().commands.find(r.d, name)
	if row == nil {
		if textproto.IsHTTP(r.d.Line()) {
			return r.d.Fail(&imap.Error{Status: imap.BYE, Text: "this is not HTTP"})
		}
		return r.d.Fail(&imap.Error{Status: imap.BAD, Text: "unknown command"})
	}
	if row.name == "LOGIN" {
		// A password may be on the lines after a literal's header.
		r.secret = true
		r.hide(true)
	}
	return row.read(r.d, &r.cmd)
}

// reveal ends the hiding that parse began for LOGIN. The text of an error must not
// contain the password either.
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

// refuse skips the rest of the command after err and returns the answer.
func (r *Reader) refuse(err error) error {
	r.open, r.parts = false, false
	e := r.d.Skip()
	r.reveal()
	if e != nil {
		err = e
	}
	return answer(err)
}

// answer returns the response to a command that can't be read.
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

// WriteCommand writes a command without its tag and without CRLF. It writes APPEND
// and REPLACE as WriteMessage does.
func WriteCommand(e *wire.Encoder, cmd imap.Command) {
	if raw, ok := cmd.(*imap.Raw); ok {
		writeRaw(e, raw)
		return
	}
	r := all().commands.of(&cmd)
	if r == nil {
		e.Fail(fmt.Errorf("imap: command %s can't be written", cmd.Name()))
		return
	}
	r.writeTo(e, &cmd)
}
