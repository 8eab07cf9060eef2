package imapserver

import (
	"bytes"

	"github.com/posthorn-mail/posthorn/textproto"
)

// redact masks the password in a LOGIN command and the initial response in an
// AUTHENTICATE command, for traces. The lines of the exchange after
// AUTHENTICATE are marked as secret by the session.
func redact(dir textproto.Direction, line []byte) []byte {
	if dir != textproto.Receive {
		return line
	}
	tag, rest, ok := bytes.Cut(line, []byte{' '})
	if !ok {
		return line
	}
	if len(tag) == 0 {
		// What follows a literal: it may be the password behind a user name.
		return []byte("<hidden>")
	}
	name, args, ok := bytes.Cut(bytes.TrimLeft(rest, " "), []byte{' '})
	if !ok {
		return line
	}
	keep := []byte(nil)
	switch {
	case bytes.EqualFold(name, []byte("LOGIN")):
	case bytes.EqualFold(name, []byte("AUTHENTICATE")):
		mech, _, ok := bytes.Cut(args, []byte{' '})
		if !ok {
			return line
		}
		keep = append(append(keep, mech...), ' ')
	default:
		return line
	}
	out := append(append(append(append([]byte(nil), tag...), ' '), name...), ' ')
	return append(append(out, keep...), "<hidden>"...)
}
