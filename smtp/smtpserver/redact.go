package smtpserver

import (
	"bytes"

	"github.com/posthorn-mail/posthorn/sasl"
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
	if cmd == nil && !textproto.IsHTTP(line) || bytes.IndexByte(line, '\r') >= 0 {
		return hidden
	}
	if cmd == nil || len(arg) == 0 || cmd.verb != "AUTH" && cmd.verb != "BURL" {
		return line
	}
	words := [][]byte{verb, hidden}
	first := arg
	if i := bytes.IndexAny(arg, " \t"); i >= 0 {
		first = arg[:i]
	}
	if cmd.verb == "AUTH" && sasl.IsName(first) {
		if len(first) == len(arg) {
			return line
		}
		words = [][]byte{verb, first, hidden}
	}
	return bytes.Join(words, []byte(" "))
}

var hidden = []byte("***")
