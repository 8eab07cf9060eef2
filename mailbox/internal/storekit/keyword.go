package storekit

import "github.com/posthorn-mail/posthorn/mailbox"

// AppendFolded appends a flag with the case of ASCII letters folded: equal flags
// yield the same octets (RFC 9051 §2.3.2).
func AppendFolded(dst []byte, f mailbox.Flag) []byte {
	for i := range len(f) {
		c := f[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// Fold returns what AppendFolded appends: the key under which a store keeps a
// keyword.
func Fold(f mailbox.Flag) string {
	var buf [64]byte
	return string(AppendFolded(buf[:0], f))
}
