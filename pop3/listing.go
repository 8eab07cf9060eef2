package pop3

import (
	"strconv"
	"strings"
)

// AppendListing appends a scan listing: a message number and its size
// (RFC 1939 §5, LIST). It is also the form of STAT's two numbers.
func AppendListing(b []byte, n int, size int64) []byte {
	b = strconv.AppendInt(b, int64(n), 10)
	return strconv.AppendInt(append(b, ' '), size, 10)
}

// AppendUIDListing appends a unique-id listing (RFC 1939 §7, UIDL).
func AppendUIDListing(b []byte, n int, uid string) []byte {
	b = strconv.AppendInt(b, int64(n), 10)
	return append(append(b, ' '), uid...)
}

// ParseListing reads two numbers: a line of LIST, or the text of STAT. What
// follows is ignored, as RFC 1939 §5 requires.
func ParseListing(line []byte) (n int, size int64, ok bool) {
	a, rest := cutWord(line)
	b, _ := cutWord(rest)
	n, ok1 := parseNumber(a)
	size, err := strconv.ParseInt(string(b), 10, 64)
	return n, size, ok1 && err == nil && size >= 0
}

// ParseUIDListing reads a line of UIDL. Any number of blanks may separate
// number and unique-id, since some servers send several.
func ParseUIDListing(line []byte) (n int, uid string, ok bool) {
	a, rest := cutWord(line)
	id, _ := cutWord(rest)
	n, ok = parseNumber(a)
	return n, string(id), ok && ValidUID(id)
}

// cutWord splits off the first word of a line.
func cutWord(line []byte) (word, rest []byte) {
	for len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
		line = line[1:]
	}
	for i, b := range line {
		if b == ' ' || b == '\t' {
			return line[:i], line[i:]
		}
	}
	return line, nil
}

// ValidUID reports whether a unique-id consists of characters from 0x21 to
// 0x7E, as RFC 1939 §7 requires. The limit of 70 characters is not checked,
// since some servers send longer ones.
func ValidUID[T string | []byte](id T) bool {
	for i := range len(id) {
		if id[i] <= ' ' || id[i] > '~' {
			return false
		}
	}
	return len(id) > 0 && len(id) < MaxResponse
}

// Stamp finds the timestamp for APOP in a greeting: the last thing in angle
// brackets that has the "@" of a msg-id (RFC 1939 §7). It is empty if there is
// none.
func Stamp(greeting string) string {
	for i := len(greeting) - 1; i >= 0; i-- {
		if greeting[i] != '>' {
			continue
		}
		for j := i - 1; j >= 0; j-- {
			switch c := greeting[j]; {
			case c == '<' && strings.Contains(greeting[j:i], "@"):
				return greeting[j : i+1]
			case c <= ' ' || c > '~' || c == '>' || c == '<':
				return ""
			}
		}
	}
	return ""
}
