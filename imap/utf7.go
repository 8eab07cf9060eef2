package imap

import (
	"errors"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Mailbox names in modified UTF-7 (RFC 3501 §5.1.3): printable ASCII stands for
// itself, "&" is "&-", and everything else is UTF-16 in base64 with "," for "/",
// between "&" and "-".

const utf7Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,"

var errUTF7 = errors.New("imap: invalid modified UTF-7")

// DecodeMailbox turns a mailbox name from the wire into UTF-8. With utf8 (after
// ENABLE UTF8=ACCEPT or IMAP4rev2) names are UTF-8 already. A name that is not
// valid modified UTF-7 is returned as it is. INBOX, in any case, is returned in
// capitals.
func DecodeMailbox(raw string, utf8 bool) string {
	if len(raw) == 5 && strings.EqualFold(raw, "INBOX") {
		return "INBOX"
	}
	if utf8 || strings.IndexByte(raw, '&') < 0 {
		return raw
	}
	s, err := DecodeUTF7(raw)
	if err != nil {
		return raw
	}
	return s
}

// DecodeUTF7 decodes modified UTF-7. It rejects input that would lose
// something (bad base64, lone surrogates, bits left over, a missing "-"), but
// accepts what some servers write: characters in base64 that need no encoding,
// and UTF-8 that is not encoded at all.
func DecodeUTF7(s string) (string, error) {
	i := strings.IndexByte(s, '&')
	if i < 0 {
		if !utf8.ValidString(s) {
			return "", errUTF7
		}
		return s, nil
	}
	out := make([]byte, 0, len(s))
	for ; i >= 0; i = strings.IndexByte(s, '&') {
		out = append(out, s[:i]...)
		s = s[i+1:]
		j := strings.IndexByte(s, '-')
		if j < 0 {
			return "", errUTF7
		}
		if j == 0 {
			out = append(out, '&')
		} else {
			var ok bool
			if out, ok = appendShifted(out, s[:j]); !ok {
				return "", errUTF7
			}
		}
		s = s[j+1:]
	}
	out = append(out, s...)
	if !utf8.Valid(out) {
		return "", errUTF7
	}
	return string(out), nil
}

// appendShifted decodes the characters between "&" and "-".
func appendShifted(dst []byte, s string) ([]byte, bool) {
	var bits uint32
	var n int
	var high rune // a high surrogate whose low one has not come yet
	for i := 0; i < len(s); i++ {
		v := strings.IndexByte(utf7Alphabet, s[i])
		if v < 0 {
			return dst, false
		}
		bits = bits<<6 | uint32(v)
		n += 6
		if n < 16 {
			continue
		}
		n -= 16
		r := rune(bits >> n & 0xffff)
		bits &= 1<<n - 1
		switch {
		case high != 0:
			if r = utf16.DecodeRune(high, r); r == utf8.RuneError {
				return dst, false
			}
			high = 0
		case r >= 0xd800 && r < 0xdc00:
			high = r
			continue
		case utf16.IsSurrogate(r):
			return dst, false
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst, high == 0 && n < 6 && bits == 0
}

// AppendUTF7 appends s, which is UTF-8, in modified UTF-7. Octets that are not
// valid UTF-8 become U+FFFD.
func AppendUTF7(dst []byte, s string) []byte {
	var bits uint32
	var n int // bits pending
	shifted := false
	put := func(u uint16) {
		bits = bits<<16 | uint32(u)
		for n += 16; n >= 6; n -= 6 {
			dst = append(dst, utf7Alphabet[bits>>(n-6)&0x3f])
		}
		bits &= 1<<n - 1
	}
	unshift := func() {
		if !shifted {
			return
		}
		if n > 0 {
			dst = append(dst, utf7Alphabet[bits<<(6-n)&0x3f])
		}
		dst = append(dst, '-')
		bits, n, shifted = 0, 0, false
	}
	for _, r := range s {
		if r >= ' ' && r < 0x7f {
			unshift()
			dst = append(dst, byte(r))
			if r == '&' {
				dst = append(dst, '-')
			}
			continue
		}
		if !shifted {
			dst = append(dst, '&')
			shifted = true
		}
		if r > 0xffff {
			hi, lo := utf16.EncodeRune(r)
			put(uint16(hi))
			put(uint16(lo))
		} else {
			put(uint16(r))
		}
	}
	unshift()
	return dst
}

// EncodeUTF7 returns s in modified UTF-7.
func EncodeUTF7(s string) string { return string(AppendUTF7(nil, s)) }
