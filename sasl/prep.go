package sasl

import (
	"fmt"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/bidi"
	"golang.org/x/text/unicode/norm"
)

// Prep prepares a user name or a password with SASLprep (RFC 4013), so that the
// same text entered in different ways compares as equal. It fails with
// ErrMalformed on text that is not UTF-8, that contains characters which
// SASLprep prohibits (such as controls), or that mixes writing directions
// against its rules. The result can be empty where s is not.
//
// The mechanisms here are all specified with SASLprep, and the keys of SCRAM
// are derived from its result. Its successors, the PRECIS profiles of RFC 8265,
// differ (NFC instead of NFKC), so that some users could not log in with other
// implementations. Code points that were not assigned in Unicode 3.2 are
// allowed, as in a query, and are normalised according to the current Unicode.
func Prep(s string) (string, error) {
	if printableASCII(s) {
		return s, nil
	}
	if !utf8.ValidString(s) {
		return "", malformed("not UTF-8")
	}
	mapped := make([]rune, 0, len(s))
	for _, r := range s {
		switch {
		case unicode.Is(nonASCIISpace, r): // RFC 4013 §2.1
			mapped = append(mapped, ' ')
		case !unicode.Is(mappedToNothing, r):
			mapped = append(mapped, r)
		}
	}
	out := norm.NFKC.String(string(mapped)) // RFC 4013 §2.2
	var rtl, ltr bool
	var first, last bidi.Class
	for i, r := range out {
		if unicode.Is(prohibited, r) || unicode.Is(nonASCIISpace, r) {
			return "", fmt.Errorf("%w: character %U is prohibited", ErrMalformed, r)
		}
		p, _ := bidi.LookupRune(r)
		last = p.Class()
		if i == 0 {
			first = last
		}
		rtl = rtl || isRTL(last)
		ltr = ltr || last == bidi.L
	}
	if rtl && (ltr || !isRTL(first) || !isRTL(last)) { // RFC 3454 §6
		return "", malformed("mixed writing directions")
	}
	return out, nil
}

func isRTL(c bidi.Class) bool { return c == bidi.R || c == bidi.AL }

func printableASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// RFC 3454, table C.1.2.
var nonASCIISpace = &unicode.RangeTable{R16: []unicode.Range16{
	{Lo: 0x00A0, Hi: 0x00A0, Stride: 1},
	{Lo: 0x1680, Hi: 0x1680, Stride: 1},
	{Lo: 0x2000, Hi: 0x200B, Stride: 1},
	{Lo: 0x202F, Hi: 0x202F, Stride: 1},
	{Lo: 0x205F, Hi: 0x205F, Stride: 1},
	{Lo: 0x3000, Hi: 0x3000, Stride: 1},
}}

// RFC 3454, table B.1.
var mappedToNothing = &unicode.RangeTable{R16: []unicode.Range16{
	{Lo: 0x00AD, Hi: 0x00AD, Stride: 1},
	{Lo: 0x034F, Hi: 0x034F, Stride: 1},
	{Lo: 0x1806, Hi: 0x1806, Stride: 1},
	{Lo: 0x180B, Hi: 0x180D, Stride: 1},
	{Lo: 0x200B, Hi: 0x200D, Stride: 1},
	{Lo: 0x2060, Hi: 0x2060, Stride: 1},
	{Lo: 0xFE00, Hi: 0xFE0F, Stride: 1},
	{Lo: 0xFEFF, Hi: 0xFEFF, Stride: 1},
}}

// RFC 3454, tables C.2.1, C.2.2 and C.3 to C.9.
var prohibited = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x0000, Hi: 0x001F, Stride: 1},
		{Lo: 0x007F, Hi: 0x009F, Stride: 1},
		{Lo: 0x0340, Hi: 0x0341, Stride: 1},
		{Lo: 0x06DD, Hi: 0x06DD, Stride: 1},
		{Lo: 0x070F, Hi: 0x070F, Stride: 1},
		{Lo: 0x180E, Hi: 0x180E, Stride: 1},
		{Lo: 0x200C, Hi: 0x200F, Stride: 1},
		{Lo: 0x2028, Hi: 0x202E, Stride: 1},
		{Lo: 0x2060, Hi: 0x2063, Stride: 1},
		{Lo: 0x206A, Hi: 0x206F, Stride: 1},
		{Lo: 0x2FF0, Hi: 0x2FFB, Stride: 1},
		{Lo: 0xD800, Hi: 0xF8FF, Stride: 1}, // surrogates, private use
		{Lo: 0xFDD0, Hi: 0xFDEF, Stride: 1},
		{Lo: 0xFEFF, Hi: 0xFEFF, Stride: 1},
		{Lo: 0xFFF9, Hi: 0xFFFF, Stride: 1},
	},
	R32: []unicode.Range32{
		{Lo: 0x1D173, Hi: 0x1D17A, Stride: 1},
		{Lo: 0x1FFFE, Hi: 0x1FFFF, Stride: 1},
		{Lo: 0x2FFFE, Hi: 0x2FFFF, Stride: 1},
		{Lo: 0x3FFFE, Hi: 0x3FFFF, Stride: 1},
		{Lo: 0x4FFFE, Hi: 0x4FFFF, Stride: 1},
		{Lo: 0x5FFFE, Hi: 0x5FFFF, Stride: 1},
		{Lo: 0x6FFFE, Hi: 0x6FFFF, Stride: 1},
		{Lo: 0x7FFFE, Hi: 0x7FFFF, Stride: 1},
		{Lo: 0x8FFFE, Hi: 0x8FFFF, Stride: 1},
		{Lo: 0x9FFFE, Hi: 0x9FFFF, Stride: 1},
		{Lo: 0xAFFFE, Hi: 0xAFFFF, Stride: 1},
		{Lo: 0xBFFFE, Hi: 0xBFFFF, Stride: 1},
		{Lo: 0xCFFFE, Hi: 0xCFFFF, Stride: 1},
		{Lo: 0xDFFFE, Hi: 0xDFFFF, Stride: 1},
		{Lo: 0xE0001, Hi: 0xE0001, Stride: 1},
		{Lo: 0xE0020, Hi: 0xE007F, Stride: 1},
		{Lo: 0xEFFFE, Hi: 0x10FFFF, Stride: 1}, // private use planes, non-characters
	},
}
