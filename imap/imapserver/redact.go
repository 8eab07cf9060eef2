package imapserver

import (
	"bytes"

	"github.com/posthorn-mail/posthorn/textproto"
)

// redact masks the password in a LOGIN command and the initial response in an
// AUTHENTICATE command, for traces. The lines of the exchange after
// AUTHENTICATE are marked as secret by the session. Of lines that are no
// commands only the first word is shown: they may be what follows a literal, a
// LOGIN without a tag, or the response to a challenge that was never sent.
func (p *protocol) redact(dir textproto.Direction, line []byte) []byte {
	if dir != textproto.Receive {
		return line
	}
	tag, rest, ok := bytes.Cut(line, []byte{' '})
	switch {
	case !ok && (len(line) == 0 || bytes.EqualFold(line, []byte("DONE"))):
		return line
	case !ok || len(tag) == 0 || bytes.IndexByte(tag, '\t') >= 0:
		return []byte(hidden)
	}
	name, args, _ := bytes.Cut(rest, []byte{' '})
	keep := 0 // octets of args
	switch upper := string(bytes.ToUpper(name)); upper {
	case "LOGIN":
	case "AUTHENTICATE":
		if keep = bytes.IndexByte(args, ' ') + 1; keep == 0 {
			return line
		}
	default:
		if _, ok := p.commands[upper]; ok || upper == "UID" {
			return line
		}
		name = nil
	}
	if len(name) > 0 && len(args) == 0 {
		return line
	}
	head := line[:len(tag)+1]
	if len(name) > 0 {
		head = line[:len(tag)+1+len(name)+1+keep]
	}
	return append(head[:len(head):len(head)], hidden...)
}

const hidden = "<hidden>"
