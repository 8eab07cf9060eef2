package message

// base64Values maps an octet to its value in the base64 alphabet (RFC 2045
// §6.8); 64 is the padding, 65 stands for all octets outside it.
var base64Values = func() (t [256]byte) {
	for i := range t {
		t[i] = 65
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		t[c] = byte(i)
	}
	t['='] = 64
	return t
}()

// base64State decodes base64 piece by piece. Octets outside the alphabet are
// skipped. Padding ends a run, after which another may follow. Padding may be
// missing.
type base64State struct {
	bits uint32
	n    int  // digits in bits
	junk bool // octets outside the alphabet, other than blanks, were skipped
	cut  bool // a run ended in the middle
}

// append decodes src and appends the result to dst.
func (d *base64State) append(dst, src []byte) []byte {
	for i := 0; i < len(src); i++ {
		if d.n == 0 {
			for i+4 <= len(src) {
				a, b, c, e := base64Values[src[i]], base64Values[src[i+1]], base64Values[src[i+2]], base64Values[src[i+3]]
				if a|b|c|e >= 64 {
					break
				}
				v := uint32(a)<<18 | uint32(b)<<12 | uint32(c)<<6 | uint32(e)
				dst = append(dst, byte(v>>16), byte(v>>8), byte(v))
				i += 4
			}
			if i >= len(src) {
				break
			}
		}
		c := src[i]
		switch v := base64Values[c]; {
		case v < 64:
			d.bits, d.n = d.bits<<6|uint32(v), d.n+1
			if d.n == 4 {
				dst = append(dst, byte(d.bits>>16), byte(d.bits>>8), byte(d.bits))
				d.bits, d.n = 0, 0
			}
		case v == 64:
			dst = d.flush(dst)
		case c != '\r' && c != '\n' && c != ' ' && c != '\t':
			d.junk = true
		}
	}
	return dst
}

// flush ends a run: the remaining digits yield as many whole octets as they
// encode.
func (d *base64State) flush(dst []byte) []byte {
	switch d.n {
	case 1:
		d.cut = true
	case 2:
		dst = append(dst, byte(d.bits>>4))
	case 3:
		dst = append(dst, byte(d.bits>>10), byte(d.bits>>2))
	}
	d.bits, d.n = 0, 0
	return dst
}

func appendBase64(dst []byte, s string) ([]byte, bool) {
	var d base64State
	dst = d.append(dst, []byte(s))
	dst = d.flush(dst)
	return dst, !d.junk && !d.cut
}
