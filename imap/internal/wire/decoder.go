package wire

import (
	"bytes"
	"errors"
	"io"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/textproto"
)

// A Source is the connection that a Decoder reads from; see [Conn].
type Source interface {
	// ReadLine is the method of textproto.Conn, with its errors.
	ReadLine() ([]byte, error)
	// LineEnd is the method of textproto.Conn.
	LineEnd() []byte
	// Literal reads the n octets that follow.
	Literal(n int64) LiteralReader
	// SetMaxLine limits the octets of a line, CRLF included.
	SetMaxLine(n int)
}

// A LiteralReader reads the octets of a literal, then io.EOF.
type LiteralReader interface {
	io.Reader
	// Drain reads what is left, or fails if that is more than max octets.
	Drain(max int64) error
}

// A Decoder reads one command or response at a time: Begin, then methods that
// each expect one element, then End. After an error, which Err returns, they all
// return false, so that calls can be chained with && and checked once.
type Decoder struct {
	// Continue asks the peer for a synchronising literal, after the limits
	// have been checked. It is nil if the peer does not wait, as a server
	// does not.
	Continue func() error

	// Hold, unless nil, is called before about n octets of memory are taken for the
	// command: for its text, and for the values made of it. An error of it is that
	// of the command.
	Hold func(n int) error

	// Tolerant accepts violations of the grammar that servers are known to
	// send and whose meaning is clear: surplus blanks, 8-bit text, NIL where
	// it is not allowed. Otherwise such input is an error.
	Tolerant bool

	// UTF8 says that mailbox names are UTF-8 (RFC 6855 §3, RFC 9051 §5.1).
	UTF8 bool

	// Share makes the strings of a line parts of one string, so that they cost
	// one allocation together, and keep each other in memory.
	Share bool

	src     Source
	lim     Limits
	whole   string // the current line, if a part of it was shared
	line    []byte // the current line; not valid after the next read
	cut     bool   // line is the beginning of one that is too long
	pos     int
	pending bool // a literal header has been taken from the line's end, its octets not read
	lit     imap.Literal
	body    LiteralReader // the streamed literal
	err     error
	octets  int64 // of this command
	drained int64
	depth   int
	items   int
	numbers int
	loose   bool // in Retry
}

// NewDecoder returns a Decoder that reads from src.
func NewDecoder(src Source, lim Limits) *Decoder {
	d := &Decoder{src: src}
	d.SetLimits(lim)
	return d
}

// SetLimits changes the limits from the next line on.
func (d *Decoder) SetLimits(lim Limits) {
	d.lim = lim.withDefaults()
	d.src.SetMaxLine(d.lim.Line)
}

// Begin reads the first line of the next command or response. Its errors are
// those of the connection, and those of Err.
func (d *Decoder) Begin() error {
	d.err, d.octets, d.drained, d.depth, d.items, d.numbers = nil, 0, 0, 0, 0, 0
	d.pending, d.body, d.loose = false, nil, false
	d.readLine()
	return d.err
}

// readLine makes the next line the current one.
func (d *Decoder) readLine() bool {
	line, err := d.src.ReadLine()
	d.line, d.pos, d.whole, d.cut = line, 0, "", false
	if err != nil {
		switch {
		case errors.Is(err, textproto.ErrLineEndless):
			d.fail(d.lineTooLong())
			return false
		case errors.Is(err, textproto.ErrLineTooLong):
			d.fail(&LimitError{"line too long", int64(d.lim.Line)})
			d.cut = true
			return false
		case errors.Is(err, textproto.ErrBareLF) && d.Tolerant:
		case errors.Is(err, textproto.ErrBareLF):
			d.fail(&SyntaxError{Problem: "line ended by LF without CR"})
			return false
		case errors.Is(err, textproto.ErrBareCR):
			d.fail(&SyntaxError{Problem: "CR within a line"})
			return false
		default:
			d.line = nil
			d.fail(err)
			return false
		}
	}
	d.octets += int64(len(line)) + 2
	if d.octets > d.lim.Command {
		d.fail(&LimitError{"command too long", d.lim.Command})
		return false
	}
	if !d.hold(2 * len(line)) { // which strings are copied from
		return false
	}
	if bytes.IndexByte(line, 0) >= 0 {
		d.fail(&SyntaxError{Problem: "NUL in a line"})
		return false
	}
	return true
}

// hold asks for memory.
func (d *Decoder) hold(n int) bool {
	if d.Hold == nil {
		return true
	}
	if err := d.Hold(n); err != nil {
		return d.Fail(err)
	}
	return true
}

// What an element and a number take when they are values, about.
const (
	elementMemory = 128
	numberMemory  = 16
)

// maxShared bounds the lines whose strings are shared.
const maxShared = 64 << 10

// str returns a part of the line as a string.
func (d *Decoder) str(from, to int) string {
	if !d.Share || len(d.line) > maxShared {
		return string(d.line[from:to])
	}
	if d.whole == "" {
		d.whole = string(d.line)
	}
	return d.whole[from:to]
}

// Err returns the first error since Begin.
func (d *Decoder) Err() error { return d.err }

func (d *Decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

// Fail records err, unless there is an error already, and returns false.
func (d *Decoder) Fail(err error) bool {
	d.fail(err)
	return false
}

// Expected records that the grammar expects what, which the input is not, and
// returns false.
func (d *Decoder) Expected(what string) bool {
	if d.err == nil {
		near := d.line[min(d.pos, len(d.line)):]
		d.err = &SyntaxError{Expected: what, Near: string(near[:min(len(near), 24)])}
	}
	return false
}

// Peek returns the next octet, zero at the end of the line.
func (d *Decoder) Peek() byte {
	if d.err != nil || d.pos >= len(d.line) {
		return 0
	}
	return d.line[d.pos]
}

// PeekAt returns the octet n places ahead, zero past the end of the line.
func (d *Decoder) PeekAt(n int) byte {
	if d.err != nil || d.pos+n >= len(d.line) {
		return 0
	}
	return d.line[d.pos+n]
}

// A Mark is a place in the input.
type Mark struct {
	octets int64
	pos    int
}

// Mark returns the current place, for Since.
func (d *Decoder) Mark() Mark { return Mark{d.octets, d.pos} }

// Pos returns where in its line a Mark is.
func (m Mark) Pos() int { return m.pos }

// Advance takes n octets of the line, which the caller has seen.
func (d *Decoder) Advance(n int) { d.pos = min(d.pos+n, len(d.line)) }

// Since returns the input since m; nil if m is on an earlier line. It is
// valid until the next line is read.
func (d *Decoder) Since(m Mark) []byte {
	if d.err != nil || m.octets != d.octets {
		return nil
	}
	return d.line[m.pos:d.pos]
}

// Line returns the current line, valid until the next one is read.
func (d *Decoder) Line() []byte { return d.line }

// Rest takes the rest of the line, which is valid until the next one is read.
func (d *Decoder) Rest() []byte {
	if d.err != nil {
		return nil
	}
	b := d.line[d.pos:]
	d.pos = len(d.line)
	return b
}

// AtEnd reports whether only blanks are left of the line. It skips blanks before
// CRLF, since clients and servers send them.
func (d *Decoder) AtEnd() bool {
	if d.err != nil {
		return false
	}
	for i := d.pos; i < len(d.line); i++ {
		if d.line[i] != ' ' {
			return false
		}
	}
	return true
}

// End expects the end of the command.
func (d *Decoder) End() bool {
	if d.err != nil {
		return false
	}
	if !d.AtEnd() {
		return d.Expected("end of command")
	}
	d.pos = len(d.line)
	return true
}

// Special expects the octet c.
func (d *Decoder) Special(c byte) bool {
	if d.Peek() != c || c == 0 {
		return d.Expected(string([]byte{'\'', c, '\''}))
	}
	d.pos++
	return true
}

// Try takes the octet c if it is next.
func (d *Decoder) Try(c byte) bool {
	if d.Peek() != c || c == 0 {
		return false
	}
	d.pos++
	return true
}

// SP expects a blank; a tolerant Decoder takes several.
func (d *Decoder) SP() bool {
	if d.Peek() != ' ' {
		return d.Expected("SP")
	}
	d.pos++
	if d.Tolerant {
		d.blanks()
	}
	return true
}

// TrySP takes a blank if something other than blanks follows on the line.
func (d *Decoder) TrySP() bool {
	return d.Peek() == ' ' && !d.AtEnd() && d.SP()
}

func (d *Decoder) blanks() {
	for d.Peek() == ' ' {
		d.pos++
	}
}

// Enter begins a level of nesting, which Leave ends.
func (d *Decoder) Enter() bool {
	if d.err != nil {
		return false
	}
	if d.depth++; d.depth > d.lim.Depth {
		return d.Fail(&LimitError{"nested too deeply", int64(d.lim.Depth)})
	}
	return true
}

// Leave ends a level of nesting.
func (d *Decoder) Leave() { d.depth-- }

// Element counts an element of a list, a set or a search program.
func (d *Decoder) Element() bool {
	if d.err != nil {
		return false
	}
	if d.items++; d.items > d.lim.Elements {
		return d.Fail(&LimitError{"too many elements", int64(d.lim.Elements)})
	}
	return d.hold(elementMemory)
}

// Numeral counts a number of a search result, or a range of a set.
func (d *Decoder) Numeral() bool {
	if d.err != nil {
		return false
	}
	if d.numbers++; d.numbers > d.lim.Numbers {
		return d.Fail(&LimitError{"too many numbers", int64(d.lim.Numbers)})
	}
	return d.hold(numberMemory)
}

// List expects a parenthesised list and calls item for each element of it. The
// list may be empty.
func (d *Decoder) List(item func() bool) bool {
	if !d.Special('(') || !d.Enter() {
		return false
	}
	defer d.Leave()
	if d.Tolerant {
		d.blanks()
	}
	if d.Try(')') {
		return true
	}
	for {
		if !d.Element() || !item() {
			return d.err == nil && d.Expected("list element")
		}
		if d.Tolerant {
			d.blanks()
			if d.Try(')') {
				return true
			}
			continue
		}
		if d.Try(')') {
			return true
		}
		if d.Peek() != ' ' {
			return d.Expected("SP or ')'")
		}
		d.pos++
	}
}

// List1 is List for lists that can't be empty.
func (d *Decoder) List1(item func() bool) bool {
	if d.Peek() == '(' && d.PeekAt(1) == ')' && !d.Tolerant {
		d.pos++
		return d.Expected("list element")
	}
	return d.List(item)
}
