package message

import (
	"bytes"
	"io"

	"golang.org/x/text/transform"
)

// KnownEncoding reports whether the name, in lower case, is that of a transfer
// encoding that NewTransferDecoder decodes (RFC 2045 §6.1, and uuencode).
func KnownEncoding(name string) bool {
	return name == "7bit" || name == "8bit" || name == "binary" || transferDecoder(name) != nil
}

// NewTransferDecoder reads r and decodes the transfer encoding of that name, in
// lower case. Data in an unknown encoding is not changed. It tolerates invalid
// input: in base64, octets outside the alphabet are skipped, and several runs
// with padding may follow each other; in quoted-printable, "=" without two hex
// digits stands for itself. Only errors of r are returned.
func NewTransferDecoder(r io.Reader, name string) io.Reader {
	if t := transferDecoder(name); t != nil {
		return transform.NewReader(r, t)
	}
	return r
}

// NewCharsetReader reads r, which is text in a charset, as UTF-8. Text without
// a charset, or in an unknown one, is treated as DecodeText treats raw octets.
func NewCharsetReader(r io.Reader, charset string) io.Reader {
	return transform.NewReader(r, charsetDecoder(charset))
}

func charsetDecoder(charset string) transform.Transformer {
	enc, _ := charsetOf(charset)
	if enc == nil {
		return guesser{}
	}
	return enc.NewDecoder()
}

func transferDecoder(name string) transform.Transformer {
	switch name {
	case "base64":
		return &base64Decoder{}
	case "quoted-printable":
		return qpDecoder{}
	case "x-uuencode", "x-uue", "uuencode":
		return &uuDecoder{}
	}
	return nil
}

type base64Decoder struct{ base64State }

func (d *base64Decoder) Reset() { d.base64State = base64State{} }

func (d *base64Decoder) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	// n octets with up to three earlier digits yield at most (n+3)/4*3, and
	// three more are reserved for the rest at the end.
	n := min(len(src), max(0, (len(dst)-6)/3*4))
	out := d.append(dst[:0], src[:n])
	if n < len(src) {
		return len(out), n, transform.ErrShortDst
	}
	if atEOF {
		if len(dst)-len(out) < 3 {
			return len(out), n, transform.ErrShortDst
		}
		out = d.flush(out)
	}
	return len(out), n, nil
}

// qpDecoder decodes quoted-printable (RFC 2045 §6.7). It has no state: octets
// that must be seen together stay in the source until all of them are there.
type qpDecoder struct{ transform.NopResetter }

// qpBlanks bounds the blanks at the end of a line that are removed as transport
// padding (RFC 2045 §6.7 rule 3). More than that are text.
const qpBlanks = 1000

func (qpDecoder) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		// Copy everything up to the next octet that may be special.
		run := src[nSrc:]
		if n := len(dst) - nDst; len(run) > n {
			run = run[:n]
		}
		n := 0
		for n < len(run) && (!qpMeans[run[n]] || run[n] != '=' && n+1 < len(run) && run[n+1] > ' ') {
			n++
		}
		nDst += copy(dst[nDst:], run[:n])
		nSrc += n
		if nSrc == len(src) {
			break
		}
		if nDst == len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		if !qpMeans[src[nSrc]] {
			continue
		}
		rest := src[nSrc:]
		if rest[0] == '=' && len(rest) >= 3 {
			if h, l := unhex(rest[1]), unhex(rest[2]); h < 16 && l < 16 {
				dst[nDst] = h<<4 | l
				nDst++
				nSrc += 3
				continue
			}
		}
		if rest[0] == '=' && len(rest) == 2 && unhex(rest[1]) < 16 && !atEOF {
			return nDst, nSrc, transform.ErrShortSrc
		}
		// A "=" or blank with only blanks up to the end of the line.
		i := 1
		for i < len(rest) && i < qpBlanks && (rest[i] == ' ' || rest[i] == '\t') {
			i++
		}
		if !atEOF && (i == len(rest) || i == len(rest)-1 && rest[i] == '\r') {
			return nDst, nSrc, transform.ErrShortSrc
		}
		ends := i == len(rest) || rest[i] == '\n'
		if !ends && rest[i] == '\r' && (i+1 == len(rest) || rest[i+1] == '\n') {
			ends = true
		}
		switch {
		case ends && rest[0] == '=': // a soft line break
			i += bytes.IndexByte(rest[i:], '\n') + 1
			if i > len(rest) || rest[i-1] != '\n' {
				i = len(rest)
			}
			nSrc += i
		case ends: // blanks before a line break
			nSrc += i
		default:
			k := i
			if rest[0] == '=' {
				k = 1
			}
			if nDst+k > len(dst) {
				return nDst, nSrc, transform.ErrShortDst
			}
			nDst += copy(dst[nDst:], rest[:k])
			nSrc += k
		}
	}
	return nDst, nSrc, nil
}

// qpMeans marks the octets of quoted-printable that may not represent
// themselves.
var qpMeans = [256]bool{'=': true, ' ': true, '\t': true}

// uuDecoder decodes uuencode: lines of a length and digits between "begin" and
// "end".
type uuDecoder struct{ inside, ended bool }

func (d *uuDecoder) Reset() { *d = uuDecoder{} }

func (d *uuDecoder) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		line := src[nSrc:]
		n := bytes.IndexByte(line, '\n') + 1
		switch {
		case n > 0:
			line = line[:n]
		case !atEOF && len(line) < 200:
			return nDst, nSrc, transform.ErrShortSrc
		default:
			n = len(line)
		}
		switch text := bytes.TrimRight(line, "\r\n"); {
		case d.ended:
		case !d.inside:
			d.inside = bytes.HasPrefix(text, []byte("begin "))
		case bytes.Equal(text, []byte("end")):
			d.ended = true
		case len(text) > 0:
			if len(dst)-nDst < 64 {
				return nDst, nSrc, transform.ErrShortDst
			}
			nDst += uuLine(dst[nDst:], text)
		}
		nSrc += n
	}
	return nDst, nSrc, nil
}

// uuLine decodes one line, of at most 63 octets.
func uuLine(dst, line []byte) int {
	digit := func(i int) byte {
		if i < len(line) {
			return (line[i] - ' ') & 0x3f
		}
		return 0
	}
	n := int(digit(0))
	for i, j := 0, 1; i < n; i, j = i+3, j+4 {
		a, b, c, e := digit(j), digit(j+1), digit(j+2), digit(j+3)
		octets := [3]byte{a<<2 | b>>4, b<<4 | c>>2, c<<6 | e}
		copy(dst[i:n], octets[:])
	}
	return n
}
