package pop3

import (
	"bytes"
	"errors"
	"strings"
	"unicode"

	"github.com/posthorn-mail/posthorn/sasl"
)

// Errors of ParseCommand.
var (
	ErrUnknownCommand = errors.New("pop3: unknown command")
	ErrSyntax         = errors.New("pop3: syntax error in the arguments")
)

// A Command is a parsed command line.
type Command struct {
	Verb string // in capitals, one of the table below

	Msg   int // LIST, UIDL, RETR, DELE, TOP: the message number; 0 if there is none
	Lines int // TOP: how many lines of the body

	// Arg is the argument of the other commands: the name of USER and APOP, the
	// password of PASS, the mechanism of AUTH in capitals, the range of LANG.
	Arg string

	// Second is the digest of APOP, or the initial response of AUTH in base64
	// ("=" for an empty one). Empty if there is none.
	Second string
}

// syntax says which arguments a command takes.
type syntax uint8

const (
	noArgs      syntax = iota
	number             // n
	maybeNumber        // [n]
	numberLines        // n lines
	rest               // one argument, blanks included
	maybeWord          // [word]
	twoWords           // word word
	maybeTwo           // [word [word]]
)

// verbs is the table of commands.
func verbs(name string) (syntax, bool) {
	switch name {
	case "QUIT", "STAT", "NOOP", "RSET", "CAPA", "STLS", "UTF8":
		return noArgs, true
	case "RETR", "DELE":
		return number, true
	case "LIST", "UIDL":
		return maybeNumber, true
	case "TOP":
		return numberLines, true
	case "USER", "PASS":
		return rest, true
	case "LANG":
		return maybeWord, true
	case "APOP":
		return twoWords, true
	case "AUTH":
		return maybeTwo, true
	}
	return 0, false
}

// canonical returns the verb in capitals as a constant, so that parsing the
// frequent commands allocates nothing.
func canonical(word []byte) string {
	for _, v := range [...]string{
		"RETR", "DELE", "LIST", "UIDL", "TOP", "STAT", "NOOP", "RSET", "QUIT", "CAPA",
		"STLS", "UTF8", "USER", "PASS", "LANG", "APOP", "AUTH",
	} {
		if len(v) == len(word) && bytes.EqualFold(word, []byte(v)) {
			return v
		}
	}
	return ""
}

// ParseCommand reads a command line without its CRLF. Verbs are not
// case-sensitive; blanks at the end of the line are ignored, except in a
// password. The error is ErrUnknownCommand, or ErrSyntax with the Verb set.
func ParseCommand(line []byte) (Command, error) {
	word, args, _ := bytes.Cut(line, []byte(" "))
	c := Command{Verb: canonical(word)}
	kind, ok := verbs(c.Verb)
	if !ok {
		return c, ErrUnknownCommand
	}
	for _, b := range line {
		if b < ' ' || b == 0x7F { // RFC 1939 §3: printable characters
			return c, ErrSyntax
		}
	}
	if kind == rest {
		if c.Verb == "USER" {
			args = bytes.TrimRight(args, " ")
		}
		c.Arg = string(args)
		return c, orSyntax(c.Arg != "")
	}
	var f [3][]byte
	n := 0
	for len(args) > 0 {
		word, tail, _ := bytes.Cut(args, []byte(" "))
		args = tail
		if len(word) == 0 {
			continue
		}
		if n == len(f) {
			return c, ErrSyntax
		}
		f[n] = word
		n++
	}
	switch kind {
	case noArgs:
		ok = n == 0
	case number, maybeNumber:
		ok = n == 0 && kind == maybeNumber
		if n == 1 {
			c.Msg, ok = parseNumber(f[0])
			ok = ok && c.Msg > 0
		}
	case numberLines:
		var ok1, ok2 bool
		c.Msg, ok1 = parseNumber(f[0])
		c.Lines, ok2 = parseNumber(f[1])
		ok = n == 2 && ok1 && ok2 && c.Msg > 0
	case maybeWord:
		c.Arg, ok = string(f[0]), n <= 1
	case twoWords, maybeTwo:
		c.Arg, c.Second, ok = string(f[0]), string(f[1]), n == 2 || kind == maybeTwo && n < 2
		if c.Verb == "AUTH" {
			c.Arg = strings.ToUpper(c.Arg)
		}
	}
	return c, orSyntax(ok)
}

func orSyntax(ok bool) error {
	if !ok {
		return ErrSyntax
	}
	return nil
}

// maxNumber is the largest message number and line count. Larger ones are
// reduced to it; no maildrop has so many messages.
const maxNumber = 1<<31 - 1

// parseNumber reads digits.
func parseNumber(b []byte) (int, bool) {
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		if n = n*10 + int(c-'0'); n > maxNumber {
			n = maxNumber
		}
	}
	return n, len(b) > 0
}

// Redact returns a command line in a form that may be logged: without
// passwords, digests and responses. A line that is not a command is hidden
// entirely: it may be the response to a challenge that was never sent, or a
// mistyped PASS. So are arguments that could be, or contain, a secret because
// something else stands where a blank belongs. line itself is not changed.
func Redact(line []byte) []byte {
	word, args, ok := bytes.Cut(line, []byte(" "))
	verb := canonical(word)
	if verb == "" && len(line) > 0 {
		return []byte(redacted)
	}
	if !ok {
		return line
	}
	first, _, more := bytes.Cut(args, []byte(" "))
	keep := false // the first argument
	switch verb {
	case "PASS":
	case "APOP":
		keep = more && oneWord(first)
	case "AUTH":
		keep = sasl.IsName(first)
	case "USER":
		keep = oneWord(first)
	default:
		return line
	}
	head := line[:len(word)+1]
	switch {
	case keep && !more:
		return line
	case keep:
		head = line[:len(word)+1+len(first)+1]
	}
	return append(head[:len(head):len(head)], redacted...)
}

const redacted = "<redacted>"

// oneWord reports whether a word contains nothing that may be meant as a blank.
func oneWord(word []byte) bool {
	return !bytes.ContainsFunc(word, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
}
