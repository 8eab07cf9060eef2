package wire

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// LiteralMode says how an Encoder announces literals.
type LiteralMode uint8

const (
	LiteralServer LiteralMode = iota // {n}, and the peer doesn't wait: what servers send
	LiteralSync                      // {n}, then wait for "+"
	LiteralMinus                     // {n+} up to 4096 octets (RFC 7888 §5), above that {n} and wait
	LiteralPlus                      // {n+} (RFC 7888 §4)
)

// An Encoder appends elements of commands or responses to B. Its methods can be
// chained, with SP where a blank separates two elements. A value that can't be
// written sets Err and writes nothing.
//
// A server gives it the connection's free buffer and writes B:
//
//	e := wire.Encoder{B: conn.AvailableBuffer()}
//	e.Raw("* ").Uint(n).Raw(" EXISTS").CRLF()
//	conn.Write(e.B)
type Encoder struct {
	B []byte

	// UTF8 says that the peer accepts UTF-8 in quoted strings and mailbox names
	// (RFC 6855 §3, RFC 9051 §5.1).
	UTF8 bool

	// Rev2 says that the session is one of IMAP4rev2: message/global has the
	// structure of message/rfc822 (RFC 9051 §7.5.2).
	Rev2 bool

	// Names are mailbox names that are written as the server spells them, since
	// it has encoded them wrongly: by their decoded form. It is only read.
	Names map[string]string

	Mode LiteralMode

	// Waits are the places in B where a client must flush and wait for "+":
	// each is behind the CRLF of a literal's header.
	Waits []int

	// Spill, unless nil, is given B when it has SpillSize octets or more, after
	// a string, within a long one, or when Overflow is called. It returns an empty
	// slice to go on with. An Encoder with Waits can't have it.
	Spill func(b []byte) ([]byte, error)

	Err error
}

// SpillSize is how many octets an Encoder gathers until it calls Spill. B has at
// most the double of it, and what was appended by other methods than those for
// strings.
const SpillSize = 16 << 10

// Reset makes the Encoder write to b, and clears its error.
func (e *Encoder) Reset(b []byte) {
	e.B, e.Err = b, nil
	e.Waits = e.Waits[:0]
}

// Fail records err, unless there is an error already.
func (e *Encoder) Fail(err error) {
	if e.Err == nil {
		e.Err = err
	}
}

func (e *Encoder) fail(format string, args ...any) *Encoder {
	e.Fail(fmt.Errorf("imap: "+format, args...))
	return e
}

// Raw appends s as it is. It is for constants, never for data.
func (e *Encoder) Raw(s string) *Encoder {
	e.B = append(e.B, s...)
	return e
}

// SP appends a blank.
func (e *Encoder) SP() *Encoder {
	e.B = append(e.B, ' ')
	return e
}

// CRLF ends the line.
func (e *Encoder) CRLF() *Encoder {
	e.B = append(e.B, '\r', '\n')
	return e
}

// Uint appends a number.
func (e *Encoder) Uint(n uint64) *Encoder {
	e.B = strconv.AppendUint(e.B, n, 10)
	return e
}

// Int appends a number, which may not be negative.
func (e *Encoder) Int(n int64) *Encoder {
	if n < 0 {
		return e.fail("negative number")
	}
	return e.Uint(uint64(n))
}

// NIL appends NIL.
func (e *Encoder) NIL() *Encoder { return e.Raw("NIL") }

// Atom appends an atom; it is an error if s isn't one.
func (e *Encoder) Atom(s string) *Encoder {
	if !allOf(s, classAtom) {
		return e.fail("%q is not an atom", s)
	}
	e.B = append(e.B, s...)
	return e
}

func allOf(s string, class uint8) bool {
	for i := 0; i < len(s); i++ {
		if classOf[s[i]]&class == 0 {
			return false
		}
	}
	return s != ""
}

// Tag appends a tag, or "*" if s is empty or not a tag.
func (e *Encoder) Tag(s string) *Encoder {
	if !allOf(s, classTag) {
		s = "*"
	}
	return e.Raw(s)
}

// String appends s as a quoted string, or as a literal if it can't be quoted:
// it has CR or LF in it, or octets above 127 that the peer doesn't accept in
// quotes. NUL can't be sent (RFC 9051 §9): a server sends "?" instead, and for a
// client it is an error.
func (e *Encoder) String(s string) *Encoder {
	kind := e.kindOf(s)
	if kind == asLiteral {
		return e.Literal(s)
	}
	e.B = append(e.B, '"')
	for kind == asEscaped {
		i := strings.IndexAny(s, `"\`)
		if i < 0 {
			break
		}
		e.octets(s[:i])
		e.B = append(e.B, '\\', s[i])
		s = s[i+1:]
	}
	e.octets(s)
	e.B = append(e.B, '"')
	return e
}

// octets appends s, and calls Spill as it goes.
func (e *Encoder) octets(s string) {
	if len(s)+len(e.B) < SpillSize {
		e.B = append(e.B, s...)
		return
	}
	e.longOctets(s)
}

func (e *Encoder) longOctets(s string) {
	for len(s) > SpillSize && e.Spill != nil {
		e.B = append(e.B, s[:SpillSize]...)
		e.Overflow()
		s = s[SpillSize:]
	}
	e.B = append(e.B, s...)
	e.Overflow()
}

// Overflow calls Spill if it is due. After an error what was gathered is discarded
// instead, since it can't be sent.
func (e *Encoder) Overflow() {
	switch {
	case e.Spill == nil || len(e.B) < SpillSize:
	case e.Err != nil:
		e.B = e.B[:0]
	default:
		e.B, e.Err = e.Spill(e.B)
	}
}

const (
	asPlain = iota
	asEscaped
	asLiteral
)

func (e *Encoder) kindOf(s string) int {
	kind := asPlain
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 0x80:
			if !e.UTF8 || !utf8.ValidString(s[i:]) || strings.ContainsAny(s[i:], "\r\n\x00") {
				return asLiteral
			}
			if kind == asPlain && strings.ContainsAny(s[i:], `"\`) {
				kind = asEscaped
			}
			return kind
		case c == '"' || c == '\\':
			kind = asEscaped
		case c == 0 || c == '\r' || c == '\n':
			return asLiteral
		}
	}
	return kind
}

// Literal appends s as a literal.
func (e *Encoder) Literal(s string) *Encoder {
	nul := strings.IndexByte(s, 0) >= 0
	if nul && e.Mode != LiteralServer {
		return e.fail("NUL in a string")
	}
	if nul {
		s = strings.ReplaceAll(s, "\x00", "?")
	}
	e.LiteralHeader(int64(len(s)), false).octets(s)
	return e
}

// LiteralHeader appends what precedes the n octets of a literal, CRLF included. With binary it is a literal8, whose octets may be zero (RFC 3516).
func (e *Encoder) LiteralHeader(n int64, binary bool) *Encoder {
	if n < 0 {
		return e.fail("negative size of a literal")
	}
	if binary {
		e.B = append(e.B, '~')
	}
	e.B = append(e.B, '{')
	e.B = strconv.AppendInt(e.B, n, 10)
	nonSync := e.Mode == LiteralPlus || (e.Mode == LiteralMinus && n <= 4096)
	if nonSync {
		e.B = append(e.B, '+')
	}
	e.B = append(e.B, '}', '\r', '\n')
	if !nonSync && e.Mode != LiteralServer {
		e.Waits = append(e.Waits, len(e.B))
	}
	return e
}

// NString appends s, or NIL if it is empty.
func (e *Encoder) NString(s string) *Encoder {
	if s == "" {
		return e.NIL()
	}
	return e.String(s)
}

// AString appends s as an atom if it is one, else as a string.
func (e *Encoder) AString(s string) *Encoder {
	if allOf(s, classAString) && !strings.EqualFold(s, "NIL") {
		return e.Raw(s)
	}
	return e.String(s)
}

// Mailbox appends a mailbox name as the session encodes them.
func (e *Encoder) Mailbox(name string) *Encoder {
	if len(name) == 5 && strings.EqualFold(name, "INBOX") {
		return e.Raw("INBOX")
	}
	if raw, ok := e.Names[name]; ok {
		return e.AString(raw)
	}
	for i := 0; i < len(name) && !e.UTF8; i++ {
		if c := name[i]; c < ' ' || c >= 0x7f || c == '&' {
			return e.AString(imap.EncodeUTF7(name))
		}
	}
	return e.AString(name)
}

// ListMailbox appends a mailbox name that may have wildcards.
func (e *Encoder) ListMailbox(pattern string) *Encoder {
	if raw, ok := e.Names[pattern]; ok {
		return e.String(raw)
	}
	if allOf(pattern, classList) && !strings.EqualFold(pattern, "NIL") && !strings.Contains(pattern, "&") {
		return e.Raw(pattern)
	}
	if e.UTF8 {
		return e.String(pattern)
	}
	return e.String(imap.EncodeUTF7(pattern))
}

// FlagSet appends the flags in parentheses, with \Recent if recent is true. It
// omits a keyword that is not an atom: a store may have got it from another
// source, and it must not be read as something else.
func (e *Encoder) FlagSet(flags mailbox.FlagSet, recent bool) *Encoder {
	e.B = append(e.B, '(')
	n := len(e.B)
	if recent {
		e.B = append(e.B, imap.FlagRecent...)
	}
	system := flags.System()
	for i, f := range systemFlags {
		if system&(1<<i) != 0 {
			e.listSep(n)
			e.B = append(e.B, f...)
		}
	}
	for _, f := range flags.Keywords() {
		if imap.ValidFlag(f) {
			e.listSep(n)
			e.B = append(e.B, f...)
		}
	}
	e.B = append(e.B, ')')
	return e
}

// systemFlags are in the order of mailbox.SystemFlags.
var systemFlags = [...]mailbox.Flag{
	mailbox.FlagAnswered, mailbox.FlagFlagged, mailbox.FlagDeleted, mailbox.FlagSeen, mailbox.FlagDraft,
}

// Flags appends a list of flags, which may include imap.FlagAny. It omits those
// that can't be written.
func (e *Encoder) Flags(flags ...mailbox.Flag) *Encoder {
	e.B = append(e.B, '(')
	n := len(e.B)
	for _, f := range flags {
		if f == imap.FlagAny || imap.ValidFlag(f) {
			e.listSep(n)
			e.B = append(e.B, f...)
		}
	}
	e.B = append(e.B, ')')
	return e
}

// listSep appends a blank if the list that began at n has an element.
func (e *Encoder) listSep(n int) {
	if len(e.B) > n {
		e.B = append(e.B, ' ')
	}
}

// UIDSet appends a set of UIDs, which may not be empty.
func (e *Encoder) UIDSet(set mailbox.UIDSet) *Encoder {
	if set.IsEmpty() {
		return e.fail("empty set")
	}
	e.B = set.Append(e.B)
	return e
}

// NumSet appends a sequence-set, which may not be empty.
func (e *Encoder) NumSet(set imap.NumSet) *Encoder {
	if set.IsEmpty() {
		return e.fail("empty set")
	}
	e.B = set.Append(e.B)
	return e
}

// Date appends a date without quotes.
func (e *Encoder) Date(t time.Time) *Encoder {
	e.B = imap.AppendDate(e.B, t)
	return e
}

// DateTime appends a date-time, in quotes.
func (e *Encoder) DateTime(t time.Time) *Encoder {
	e.B = append(e.B, '"')
	e.B = imap.AppendDateTime(e.B, t)
	e.B = append(e.B, '"')
	return e
}
