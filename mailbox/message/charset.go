package message

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/transform"
)

// charsetOf returns the encoding of that name, or nil where the octets must be
// examined: see guess. known is false if there is no such charset.
//
// The names of the WHATWG come first: in mail, as on web pages, text labelled
// iso-8859-1 or gb2312 is often windows-1252 or gbk.
func charsetOf(name string) (enc encoding.Encoding, known bool) {
	name = strings.ToLower(strings.TrimSpace(name))
	switch name {
	case "", "us-ascii", "ascii", "ansi_x3.4-1968", "iso646-us", "utf-8", "utf8", "unicode-1-1-utf-8":
		return nil, true
	case "utf-7", "unicode-1-1-utf-7":
		return utf7{}, true
	case "hz-gb-2312", "hz":
		return simplifiedchinese.HZGB2312, true
	case "cp932", "windows-932":
		name = "shift_jis"
	case "cp936", "windows-936":
		name = "gbk"
	case "cp949", "windows-949", "x-windows-949":
		name = "euc-kr"
	case "cp950", "windows-950":
		name = "big5"
	}
	if e, err := htmlindex.Get(name); err == nil && e != encoding.Replacement {
		return e, true
	}
	for _, index := range []*ianaindex.Index{ianaindex.MIME, ianaindex.IANA} {
		if e, err := index.Encoding(name); err == nil && e != nil {
			return e, true
		}
	}
	if n, ok := strings.CutPrefix(name, "cp"); ok && n != "" && isDigit(n[0]) {
		return charsetOf("windows-" + n)
	}
	return nil, false
}

// KnownCharset reports whether text in the charset can be decoded.
func KnownCharset(name string) bool {
	_, known := charsetOf(name)
	return known
}

// decodeCharset decodes all of b to UTF-8, replacing what is invalid.
func decodeCharset(charset string, b []byte) string {
	if isASCII(b) && !shifts(charset) {
		return string(b)
	}
	enc, _ := charsetOf(charset)
	if enc == nil {
		return guess(b)
	}
	out, err := enc.NewDecoder().Bytes(b)
	if err != nil {
		return guess(b)
	}
	return string(out)
}

// shifts reports whether octets below 128 may mean something other than ASCII
// in the charset.
func shifts(charset string) bool {
	charset = strings.ToLower(charset)
	for _, s := range [...]string{"utf-7", "utf-16", "utf-32", "iso-2022", "hz", "037", "1047", "csiso2022", "unicode"} {
		if strings.Contains(charset, s) {
			return true
		}
	}
	return false
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// guess decodes octets without a usable charset: valid UTF-8 is kept, every
// other octet above 127 is read as windows-1252.
func guess(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	out, _, _ := transform.Bytes(guesser{}, b)
	return string(out)
}

// guesser is guess as a Transformer.
type guesser struct{ transform.NopResetter }

func (guesser) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		c := src[nSrc]
		if c < utf8.RuneSelf {
			if nDst == len(dst) {
				return nDst, nSrc, transform.ErrShortDst
			}
			dst[nDst] = c
			nDst++
			nSrc++
			continue
		}
		if !atEOF && !utf8.FullRune(src[nSrc:]) {
			return nDst, nSrc, transform.ErrShortSrc
		}
		r, n := utf8.DecodeRune(src[nSrc:])
		if r == utf8.RuneError && n == 1 {
			r = windows1252(c)
		}
		if nDst+utf8.RuneLen(r) > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		nDst += utf8.EncodeRune(dst[nDst:], r)
		nSrc += n
	}
	return nDst, nSrc, nil
}

// windows1252 is the character of an octet above 127.
func windows1252(c byte) rune {
	if c < 0xa0 {
		return windows1252Low[c-0x80]
	}
	return rune(c)
}

var windows1252Low = [32]rune{
	0x20ac, 0x81, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8d, 0x017d, 0x8f,
	0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d, 0x017e, 0x0178,
}
