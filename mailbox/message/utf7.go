package message

import (
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"
)

// utf7 decodes UTF-7 (RFC 2152), which is obsolete. It does not encode.
type utf7 struct{}

func (utf7) NewDecoder() *encoding.Decoder {
	return &encoding.Decoder{Transformer: &utf7Decoder{}}
}

func (utf7) NewEncoder() *encoding.Encoder {
	return &encoding.Encoder{Transformer: transform.Nop}
}

type utf7Decoder struct {
	shifted bool
	started bool   // a character was seen since the shift
	bits    uint32 // of the base64 text, not yet used
	n       int    // number of bits
	high    rune   // a surrogate that waits for its other half
}

func (d *utf7Decoder) Reset() { *d = utf7Decoder{} }

func (d *utf7Decoder) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		if len(dst)-nDst < 2*utf8.UTFMax {
			return nDst, nSrc, transform.ErrShortDst
		}
		c := src[nSrc]
		nSrc++
		if !d.shifted {
			if c == '+' {
				*d = utf7Decoder{shifted: true}
			} else {
				nDst += utf8.EncodeRune(dst[nDst:], guessRune(c))
			}
			continue
		}
		v := base64Values[c]
		if v >= 64 {
			switch {
			case c == '-' && !d.started:
				dst[nDst] = '+'
				nDst++
			case c != '-':
				nDst += utf8.EncodeRune(dst[nDst:], guessRune(c))
			}
			d.shifted = false
			continue
		}
		d.started = true
		d.bits, d.n = d.bits<<6|uint32(v), d.n+6
		if d.n < 16 {
			continue
		}
		d.n -= 16
		r := rune(d.bits >> d.n & 0xffff)
		d.bits &= 1<<d.n - 1
		switch {
		case utf16.IsSurrogate(r) && d.high == 0:
			d.high = r
			continue
		case d.high != 0:
			r, d.high = utf16.DecodeRune(d.high, r), 0
		}
		nDst += utf8.EncodeRune(dst[nDst:], r)
	}
	return nDst, nSrc, nil
}

func guessRune(c byte) rune {
	if c < utf8.RuneSelf {
		return rune(c)
	}
	return windows1252(c)
}
