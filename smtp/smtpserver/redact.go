package smtpserver

import (
	"bytes"

	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/textproto"
)

// redact keeps credentials out of traces. A line that is no command is hidden as a
// whole: it may be the response to a challenge that was never sent. So is one with
// a CR in it, which may be several to the client. Of AUTH a mechanism is shown, and
// nothing of BURL, whose URL may be a capability (RFC 4468 §8).
func (s *Server) redact(dir textproto.Direction, line []byte) []byte {
	if dir != textproto.Receive {
		return line
	}
	verb, arg := smtp.CutCommand(line)
	cmd := s.lookup(verb)
	if cmd == nil && !isHTTP(verb, arg) || bytes.IndexByte(line, '\r') >= 0 {
		return hidden
	}
	if cmd == nil || len(arg) == 0 || cmd.verb != "AUTH" && cmd.verb != "BURL" {
		return line
	}
	words := [][]byte{verb, hidden}
	if n := mechanismLen(arg); cmd.verb == "AUTH" && n > 0 {
		if n == len(arg) {
			return line
		}
		words = [][]byte{verb, arg[:n], hidden}
	}
	return bytes.Join(words, []byte(" "))
}

var hidden = []byte("***")

// mechanismLen returns the length of the name of a SASL mechanism at the beginning
// of the argument of AUTH, zero if what is there does not look like one: at most 20
// letters, digits, hyphens and underscores (RFC 4422 §3.1). The letters are of one
// case, which those of base64 seldom are.
func mechanismLen(arg []byte) int {
	n, upper, lower := 0, false, false
	for n < len(arg) && arg[n] != ' ' && arg[n] != '\t' {
		switch c := arg[n]; {
		case 'A' <= c && c <= 'Z':
			upper = true
		case 'a' <= c && c <= 'z':
			lower = true
		case '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return 0
		}
		n++
	}
	if n > 20 || upper && lower {
		return 0
	}
	return n
}
