package wire

import (
	"bytes"
	"errors"
	"io"
	"math"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/textproto"
)

// LiteralAtEnd finds a literal header at the end of a line: [~]{n[+]}
// (RFC 9051 §4.3, RFC 7888 §6, RFC 3516 §4.2). start is where it begins. A
// number that is too large for int64 becomes the largest.
func LiteralAtEnd(line []byte) (lit imap.Literal, start int, ok bool) {
	i := len(line) - 1
	if i < 2 || line[i] != '}' {
		return lit, 0, false
	}
	i--
	if line[i] == '+' {
		lit.NonSync = true
		i--
	}
	end := i
	for i >= 0 && line[i] >= '0' && line[i] <= '9' {
		i--
	}
	if i < 0 || i == end || line[i] != '{' {
		return lit, 0, false
	}
	for _, c := range line[i+1 : end+1] {
		if lit.Size > (math.MaxInt64-9)/10 {
			lit.Size = math.MaxInt64
			break
		}
		lit.Size = lit.Size*10 + int64(c-'0')
	}
	if i > 0 && line[i-1] == '~' {
		lit.Binary = true
		i--
	}
	return lit, i, true
}

// header expects a literal's header, which ends the line, and takes it.
func (d *Decoder) header() (imap.Literal, bool) {
	lit, start, ok := LiteralAtEnd(d.line)
	if !ok || start != d.pos {
		return lit, d.Expected("literal")
	}
	return lit, true
}

// literal reads a literal into memory.
func (d *Decoder) literal() (string, bool) {
	lit, ok := d.header()
	if !ok {
		return "", false
	}
	if lit.Size > d.lim.Literal {
		return "", d.Fail(&LimitError{"literal too big", d.lim.Literal})
	}
	if d.octets+lit.Size > d.lim.Command {
		return "", d.Fail(&LimitError{"command too long", d.lim.Command})
	}
	d.octets += lit.Size
	if !d.hold(2*int(lit.Size)) || !d.ask(lit) {
		return "", false
	}
	b, err := readGrowing(d.src.Literal(lit.Size), lit.Size)
	if err != nil {
		d.line, d.pos = nil, 0
		return "", d.Fail(err)
	}
	if !d.readLine() {
		return "", false
	}
	if !lit.Binary && bytes.IndexByte(b, 0) >= 0 && !d.Tolerant {
		return "", d.Fail(&SyntaxError{Problem: "NUL in a literal"})
	}
	return string(b), true
}

// ask tells the peer to send a literal, if the peer waits for that.
func (d *Decoder) ask(lit imap.Literal) bool {
	if lit.NonSync || d.Continue == nil {
		return true
	}
	if err := d.Continue(); err != nil {
		d.line, d.pos = nil, 0
		return d.Fail(err)
	}
	return true
}

// readGrowing reads n octets. It allocates memory as they arrive.
func readGrowing(r io.Reader, n int64) ([]byte, error) {
	b := make([]byte, min(n, 4096))
	got := 0
	for {
		m, err := io.ReadFull(r, b[got:])
		got += m
		if err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		if int64(got) == n {
			return b, nil
		}
		b = append(b, make([]byte, min(n-int64(got), int64(got)))...)
	}
}

// LiteralHeader expects a literal that is to be streamed. It does not ask for
// the octets: OpenLiteral or Skip must follow.
func (d *Decoder) LiteralHeader(lit *imap.Literal) bool {
	if c := d.Peek(); c != '{' && !(c == '~' && d.PeekAt(1) == '{') {
		return d.Expected("literal")
	}
	l, ok := d.header()
	if !ok {
		return false
	}
	if l.Size > d.lim.Stream {
		return d.Fail(&LimitError{"literal too big", d.lim.Stream})
	}
	*lit, d.lit, d.pending = l, l, true
	return true
}

// OpenLiteral asks for the literal that LiteralHeader announced and returns its
// octets. CloseLiteral must follow. Unless the Decoder is tolerant, reading fails at
// a NUL that is not in a literal8, with the *imap.Error that Err returns then.
func (d *Decoder) OpenLiteral() (io.Reader, error) {
	if d.err != nil {
		return nil, d.err
	}
	if !d.pending {
		return nil, errors.New("no literal announced")
	}
	d.pending = false
	if !d.ask(d.lit) {
		return nil, d.err
	}
	d.body = d.src.Literal(d.lit.Size)
	if d.lit.Binary || d.Tolerant {
		return d.body, nil
	}
	return &textLiteral{d: d, r: d.body}, nil
}

// A textLiteral is a streamed literal that must have no NUL: CHAR8 in RFC 3501 §9 and
// RFC 9051 §9. It passes nothing on of what was read together with one.
type textLiteral struct {
	d *Decoder
	r io.Reader
	w io.Writer // in WriteTo
}

var _ io.WriterTo = (*textLiteral)(nil)

func (l *textLiteral) Read(p []byte) (int, error) {
	if l.d.err != nil {
		return 0, l.d.err
	}
	n, err := l.r.Read(p)
	if e := l.check(p[:n]); e != nil {
		return 0, e
	}
	return n, err
}

// WriteTo lets the connection write from its buffer.
func (l *textLiteral) WriteTo(w io.Writer) (int64, error) {
	if l.d.err != nil {
		return 0, l.d.err
	}
	l.w = w
	return io.Copy(checkedWriter{l}, l.r)
}

func (l *textLiteral) check(b []byte) error {
	if bytes.IndexByte(b, 0) < 0 {
		return nil
	}
	l.d.fail(&imap.Error{Status: imap.NO, Code: imap.CodeCannot, Text: "a message with NUL can't be sent in a literal"})
	return l.d.err
}

// checkedWriter writes to the writer of a textLiteral.
type checkedWriter struct{ l *textLiteral }

func (c checkedWriter) Write(p []byte) (int, error) {
	if err := c.l.check(p); err != nil {
		return 0, err
	}
	return c.l.w.Write(p)
}

// CloseLiteral skips the rest of the literal and continues with the line behind
// it.
func (d *Decoder) CloseLiteral() bool {
	if d.err != nil || d.body == nil {
		return d.err == nil
	}
	body := d.body
	d.body = nil
	if err := body.Drain(d.lim.Drain); err != nil {
		d.line, d.pos = nil, 0
		return d.Fail(drainError(err, d.lim.Drain))
	}
	return d.readLine()
}

func drainError(err error, limit int64) error {
	if errors.Is(err, textproto.ErrBodyTooLong) {
		return &FatalError{&LimitError{"literal too big", limit}}
	}
	return err
}

// Skip reads to the end of the command, whatever its error, so that the next
// Begin finds the next command. It discards literals that the peer sends without
// waiting, up to Limits.Drain; a literal that the peer waits to send ends the
// command (RFC 9051 §4.3). A nil result means that the next command can be read.
func (d *Decoder) Skip() error {
	var fatal *FatalError
	if errors.As(d.err, &fatal) {
		return d.err
	}
	if d.err != nil && !isInput(d.err) {
		return d.err
	}
	d.pending = false
	if d.body != nil {
		body := d.body
		d.body = nil
		if err := body.Drain(d.lim.Drain); err != nil {
			return drainError(err, d.lim.Drain)
		}
		if _, err := d.skipLine(); err != nil {
			return err
		}
	}
	for {
		end := d.line
		if d.cut {
			if end = d.src.LineEnd(); openNumber(end) {
				return d.lineTooLong()
			}
		}
		lit, _, ok := LiteralAtEnd(end)
		if !ok || (!lit.NonSync && d.Continue != nil) {
			d.pos = len(d.line)
			return nil
		}
		if d.drained += lit.Size; d.drained > d.lim.Drain || d.drained < 0 {
			return &FatalError{&LimitError{"literal too big", d.lim.Drain}}
		}
		if err := d.src.Literal(lit.Size).Drain(lit.Size); err != nil {
			return err
		}
		if _, err := d.skipLine(); err != nil {
			return err
		}
	}
}

// openNumber reports whether what is known of the end of a line may be that of a
// literal's header whose beginning is not known.
func openNumber(end []byte) bool {
	number, ok := bytes.CutSuffix(end, []byte("}"))
	return ok && len(bytes.TrimLeft(bytes.TrimSuffix(number, []byte("+")), "0123456789")) == 0
}

// lineTooLong ends the session because of a line of which it is not known what
// follows, or that would be too much to skip.
func (d *Decoder) lineTooLong() error {
	return &FatalError{&LimitError{"line too long", int64(d.lim.Line)}}
}

func (d *Decoder) skipLine() ([]byte, error) {
	line, err := d.src.ReadLine()
	d.line, d.pos, d.whole, d.cut = line, 0, "", false
	switch {
	case errors.Is(err, textproto.ErrLineTooLong):
		return nil, d.lineTooLong()
	case errors.Is(err, textproto.ErrBareLF), errors.Is(err, textproto.ErrBareCR):
		err = nil
	}
	if d.drained += int64(len(line)) + 2; err == nil && d.drained > d.lim.Drain {
		err = &FatalError{&LimitError{"command too long", d.lim.Command}}
	}
	return line, err
}

// isInput reports whether err is about the input, not the connection.
func isInput(err error) bool {
	var s *SyntaxError
	var l *LimitError
	var i *imap.Error
	return errors.As(err, &s) || errors.As(err, &l) || errors.As(err, &i)
}
