package imapserver

import (
	"bytes"

	"github.com/posthorn-mail/posthorn/sasl"
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
	case !ok || len(tag) == 0 || bytes.IndexByte(tag, '\t') >= 0 || bytes.IndexByte(line, '\r') >= 0:
		return []byte(hidden)
	}
	name, args, _ := bytes.Cut(rest, []byte{' '})
	keep := 0 // octets of args
	switch upper := string(bytes.ToUpper(name)); upper {
	case "LOGIN":
	case "AUTHENTICATE":
		mech, _, more := bytes.Cut(args, []byte{' '})
		switch {
		case !sasl.IsName(mech): // it may be the response
		case !more:
			return line
		default:
			keep = len(mech) + 1
		}
	default:
		if _, ok := p.commands[upper]; ok {
			return line
		}
		if upper != "UID" {
			name = nil
			break
		}
		sub, _, _ := bytes.Cut(args, []byte{' '})
		switch upper = string(bytes.ToUpper(sub)); upper {
		case "LOGIN", "AUTHENTICATE":
		default:
			if _, ok := p.commands[upper]; ok {
				return line
			}
		}
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
