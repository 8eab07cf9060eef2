package deflate

import "math/bits"

// codes are the Huffman codes of one DEFLATE block (RFC 1951 §3.2).
type codes struct {
	lit, dist huffman
}

// fastBits is the number of bits that are looked up at once.
const fastBits = 9

// A huffman is a canonical Huffman code: a table for the codes of up to fastBits
// bits, and for longer ones the number of codes of each length with the symbols in
// the order of their codes.
type huffman struct {
	fast    [1 << fastBits]uint16 // symbol<<4 | length of the code; 0 for none
	count   [16]uint16
	symbols [288]uint16
}

// init builds the code from the lengths of the symbols' codes. Like zlib and
// compress/flate it refuses a code that is not complete, unless it has no symbol
// or just one of one bit.
func (h *huffman) init(lengths []uint8) bool {
	h.count = [16]uint16{}
	for _, n := range lengths {
		h.count[n]++
	}
	h.count[0] = 0
	var next, offset [16]uint16
	total, left := 0, 1
	for n := 1; n < 16; n++ {
		left = left<<1 - int(h.count[n])
		if left < 0 {
			return false
		}
		next[n] = (next[n-1] + h.count[n-1]) << 1
		offset[n] = offset[n-1] + h.count[n-1]
		total += int(h.count[n])
	}
	if left > 0 && total > 0 && !(total == 1 && h.count[1] == 1) {
		return false
	}
	h.fast = [1 << fastBits]uint16{}
	for sym, n := range lengths {
		if n == 0 {
			continue
		}
		h.symbols[offset[n]] = uint16(sym)
		offset[n]++
		code := next[n]
		next[n]++
		if n <= fastBits {
			rev := bits.Reverse16(code) >> (16 - n)
			for i := int(rev); i < 1<<fastBits; i += 1 << n {
				h.fast[i] = uint16(sym)<<4 | uint16(n)
			}
		}
	}
	return true
}

// decode decodes a symbol from the bits that z holds; it does not read more.
func (h *huffman) decode(z *Reader) (int, error) {
	e := h.fast[z.bits&(1<<fastBits-1)]
	if n := uint(e & 15); n > 0 && n <= z.nb {
		z.bits >>= n
		z.nb -= n
		return int(e >> 4), nil
	}
	code, first, index := 0, 0, 0
	b := z.bits
	for n := uint(1); n < 16; n++ {
		if n > z.nb {
			return 0, errMore
		}
		code |= int(b & 1)
		b >>= 1
		count := int(h.count[n])
		if code-first < count {
			z.bits >>= n
			z.nb -= n
			return int(h.symbols[index+code-first]), nil
		}
		index += count
		first = (first + count) << 1
		code <<= 1
	}
	return 0, errCorrupt
}

// fixed sets the codes of RFC 1951 §3.2.6.
func (c *codes) fixed() {
	var l [288]uint8
	for i := range l {
		switch {
		case i < 144:
			l[i] = 8
		case i < 256:
			l[i] = 9
		case i < 280:
			l[i] = 7
		default:
			l[i] = 8
		}
	}
	c.lit.init(l[:])
	for i := range 32 {
		l[i] = 5
	}
	c.dist.init(l[:32])
}

// lengthOrder is the order of the code length codes (RFC 1951 §3.2.7).
var lengthOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// read reads the codes of a dynamic block (RFC 1951 §3.2.7). After errMore it is
// called again from the beginning.
func (c *codes) read(z *Reader) error {
	if !z.need(14) {
		return errMore
	}
	nlit, ndist, nlen := int(z.take(5))+257, int(z.take(5))+1, int(z.take(4))+4
	if nlit > 286 || ndist > 30 {
		return errCorrupt
	}
	var l [286 + 30]uint8
	for _, i := range lengthOrder[:nlen] {
		if !z.need(3) {
			return errMore
		}
		l[i] = uint8(z.take(3))
	}
	if !c.lit.init(l[:19]) { // for now, the code of the lengths
		return errCorrupt
	}
	l = [len(l)]uint8{}
	n := nlit + ndist
	for i := 0; i < n; {
		z.need(7 + 7)
		sym, err := c.lit.decode(z)
		if err != nil {
			return err
		}
		if sym < 16 {
			l[i] = uint8(sym)
			i++
			continue
		}
		extra, repeat, v := uint(2), 3, uint8(0)
		switch sym {
		case 16:
			if i == 0 {
				return errCorrupt
			}
			v = l[i-1]
		case 17:
			extra = 3
		case 18:
			extra, repeat = 7, 11
		}
		if z.nb < extra {
			return errMore
		}
		repeat += int(z.take(extra))
		if i+repeat > n {
			return errCorrupt
		}
		for range repeat {
			l[i] = v
			i++
		}
	}
	if !c.lit.init(l[:nlit]) || !c.dist.init(l[nlit:n]) {
		return errCorrupt
	}
	return nil
}
