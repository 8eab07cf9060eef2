package imap

import "github.com/posthorn-mail/posthorn/mailbox"

// Flags that exist only in the protocol; the others are in package mailbox.
const (
	// FlagRecent marks messages that arrived after the last session that was
	// told of new ones (RFC 3501 §2.3.2). It can't be stored.
	FlagRecent mailbox.Flag = `\Recent`

	// FlagAny in PERMANENTFLAGS says that clients can create keywords.
	FlagAny mailbox.Flag = `\*`
)

// ValidFlag reports whether f can be written as a flag: an atom, or a backslash
// and an atom (RFC 9051 §9, flag). FlagAny is not one.
func ValidFlag(f mailbox.Flag) bool {
	if len(f) > 0 && f[0] == '\\' {
		f = f[1:]
	}
	if f == "" {
		return false
	}
	for i := 0; i < len(f); i++ {
		if !IsAtomChar(f[i]) {
			return false
		}
	}
	return true
}

// IsAtomChar reports whether c may stand in an atom: ATOM-CHAR of RFC 9051 §9.
func IsAtomChar(c byte) bool {
	if c <= ' ' || c >= 0x7f {
		return false
	}
	switch c {
	case '(', ')', '{', '%', '*', '"', '\\', ']':
		return false
	}
	return true
}
