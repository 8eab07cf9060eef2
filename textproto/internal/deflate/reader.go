package deflate

import (
	"encoding/binary"
	"errors"
	"io"
	"sync"

	"github.com/posthorn-mail/posthorn/textproto/internal/pool"
)

// Errors of a Reader besides those of its source.
var (
	// ErrExpansion: the input expands too much; see Options.
	ErrExpansion = errors.New("deflate: input expands too much")

	errCorrupt = errors.New("deflate: corrupt data")
	errMore    = errors.New("deflate: more input needed") // what is there does not suffice
)

// Options adjusts a Reader.
type Options struct {
	// Transient reports whether an error of the source is one after which it
	// can be read again, such as a timeout.
	Transient func(error) bool

	// MaxRatio is how many octets one octet of input may become, on average
	// since the beginning (DEFLATE itself goes to 1032). Allowance is how many
	// octets of output are exempt from it.
	MaxRatio, Allowance int64
}

// A Reader decodes a DEFLATE stream (RFC 1951) as it arrives on a connection.
// compress/flate cannot be used for that: an error of its source, such as the
// timeout by which a waiting connection is woken, ends it for good, and it
// yields nothing before a sync flush, where RFC 4978 §3 allows a partial one.
//
// A Reader can be interrupted at any octet of input: what it cannot decode
// whole stays in the input buffer. Between blocks it holds no tables, and its
// window is only as large as what has been received.
type Reader struct {
	src  io.Reader
	opts Options
	err  error // permanent

	in     []byte // small[:] or a pooled buffer
	ir, iw int    // in[ir:iw] is to be decoded
	full   bool   // the last read filled in
	bits   uint64 // the next nb bits of input
	nb     uint
	small  [64]byte

	win    []byte
	rd, wr int // win[rd:wr] is to be delivered, win[:rd] is history

	step   step
	final  bool // this block is the last
	stored int  // octets left of a stored block
	codes  *codes

	nin, nout int64
}

type step uint8

const (
	blockHeader step = iota
	storedHeader
	storedData
	dynamicHeader
	blockData
)

const (
	windowSize = 32 << 10
	maxMatch   = 258
)

// NewReader returns a Reader of src.
func NewReader(src io.Reader, o Options) *Reader {
	z := &Reader{src: src, opts: o}
	z.in = z.small[:]
	return z
}

// Feed gives z input that was read already. It must precede the first Read.
func (z *Reader) Feed(p []byte) {
	if len(p) > 0 {
		z.in = append([]byte(nil), p...)
		z.iw = len(p)
		z.nin += int64(len(p))
	}
}

// Read implements io.Reader. After an error of the source that is transient it
// can be called again.
func (z *Reader) Read(p []byte) (int, error) {
	for {
		if z.rd < z.wr {
			n := copy(p, z.win[z.rd:z.wr])
			z.rd += n
			return n, nil
		}
		if z.err != nil {
			return 0, z.err
		}
		z.room()
		before := z.wr
		err := z.decode()
		z.nout += int64(z.wr - before)
		if z.nout > z.opts.Allowance && z.nout/z.opts.MaxRatio > z.nin {
			err = ErrExpansion
		}
		switch {
		case err == errMore && z.wr == before:
			if err := z.fill(); err != nil {
				if z.opts.Transient(err) {
					return 0, err
				}
				if err == io.EOF && z.step != blockHeader {
					err = io.ErrUnexpectedEOF
				}
				z.err = err
			}
		case err != nil && err != errMore:
			z.err = err
		}
	}
}

// fill reads more compressed input.
func (z *Reader) fill() error {
	n := z.iw - z.ir
	size := len(z.in)
	switch {
	case n == size || z.full && size < pool.Large:
		if size = pool.Small; len(z.in) >= pool.Small {
			size = pool.Large
		}
	case n == 0 && !z.full:
		size = len(z.small)
	}
	if size == len(z.in) {
		copy(z.in, z.in[z.ir:z.iw])
	} else {
		old := z.in
		switch size {
		case pool.Small:
			z.in = pool.GetSmall()
		case pool.Large:
			z.in = pool.GetLarge()
		default:
			z.in = z.small[:]
		}
		copy(z.in, old[z.ir:z.iw])
		pool.Put(old)
	}
	z.ir, z.iw = 0, n
	m, err := z.src.Read(z.in[n:])
	z.iw += m
	z.nin += int64(m)
	z.full = z.iw == len(z.in)
	if m > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// room makes room for at least one match in the window. All is delivered.
func (z *Reader) room() {
	if len(z.win)-z.wr >= maxMatch {
		return
	}
	if len(z.win) < 2*windowSize {
		w := make([]byte, min(max(2*len(z.win), 4<<10), 2*windowSize))
		copy(w, z.win[:z.wr])
		z.win = w
		if len(w)-z.wr >= maxMatch {
			return
		}
	}
	copy(z.win, z.win[z.wr-windowSize:z.wr])
	z.rd, z.wr = windowSize, windowSize
}

// Shrink gives back what an idle connection does not need.
func (z *Reader) Shrink() {
	if n := min(z.wr, windowSize); z.rd == z.wr && len(z.win) > n+n/4+maxMatch {
		w := make([]byte, n)
		copy(w, z.win[z.wr-n:z.wr])
		z.win, z.rd, z.wr = w, n, n
	}
}

// decode decodes until the input or the window is used up.
func (z *Reader) decode() error {
	for {
		var err error
		switch z.step {
		case blockHeader:
			err = z.header()
		case storedHeader:
			drop := z.nb & 7
			z.bits >>= drop
			z.nb -= drop
			if !z.need(32) {
				return errMore
			}
			n, inv := z.take(16), z.take(16)
			if n != ^inv&0xffff {
				return errCorrupt
			}
			z.stored, z.step = int(n), storedData
		case storedData:
			err = z.copyStored()
		case dynamicHeader:
			bits, nb, ir := z.bits, z.nb, z.ir
			z.useCodes()
			if err = z.codes.read(z); err == errMore {
				z.bits, z.nb, z.ir = bits, nb, ir
			} else {
				z.step = blockData
			}
		case blockData:
			err = z.block()
		}
		if err != nil {
			return err
		}
		if len(z.win)-z.wr < maxMatch {
			return nil
		}
	}
}

func (z *Reader) header() error {
	if z.final {
		return io.EOF
	}
	if !z.need(3) {
		return errMore
	}
	z.final = z.take(1) == 1
	switch z.take(2) {
	case 0:
		z.step = storedHeader
	case 1:
		z.useCodes()
		z.codes.fixed()
		z.step = blockData
	case 2:
		z.step = dynamicHeader
	default:
		return errCorrupt
	}
	return nil
}

func (z *Reader) copyStored() error {
	for z.nb >= 8 && z.stored > 0 && z.wr < len(z.win) {
		z.win[z.wr] = byte(z.take(8))
		z.wr++
		z.stored--
	}
	if z.nb == 0 {
		n := min(z.stored, len(z.win)-z.wr, z.iw-z.ir)
		copy(z.win[z.wr:], z.in[z.ir:z.ir+n])
		z.wr += n
		z.ir += n
		z.stored -= n
	}
	switch {
	case z.stored == 0:
		z.step = blockHeader
	case z.wr < len(z.win):
		return errMore
	}
	return nil
}

// need makes n bits available, n <= 56, if the input has them.
func (z *Reader) need(n uint) bool {
	for z.nb < n {
		if z.ir == z.iw {
			return false
		}
		z.bits |= uint64(z.in[z.ir]) << z.nb
		z.ir++
		z.nb += 8
	}
	return true
}

// take takes n bits that are there.
func (z *Reader) take(n uint) uint32 {
	v := uint32(z.bits & (1<<n - 1))
	z.bits >>= n
	z.nb -= n
	return v
}

// refill makes as many bits available as it can, at least 56 if the input has them.
func (z *Reader) refill() {
	if z.iw-z.ir >= 8 {
		z.bits |= binary.LittleEndian.Uint64(z.in[z.ir:]) << z.nb
		n := (64 - z.nb) >> 3
		z.ir += int(n)
		z.nb += n << 3
		z.bits &= 1<<z.nb - 1
		return
	}
	z.need(56)
}

// Lengths and distances, RFC 1951 §3.2.5.
var (
	lengthBase  = [29]uint16{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthExtra = [29]uint8{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	distBase    = [30]uint16{1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577}
	distExtra   = [30]uint8{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
)

// block decodes the symbols of a compressed block.
func (z *Reader) block() error {
	for len(z.win)-z.wr >= maxMatch {
		if z.nb < 48 { // what one symbol may take
			z.refill()
		}
		bits, nb := z.bits, z.nb // z.ir does not move below
		sym, err := z.codes.lit.decode(z)
		if err != nil {
			return err
		}
		if sym < 256 {
			z.win[z.wr] = byte(sym)
			z.wr++
			continue
		}
		if sym == 256 {
			z.dropCodes()
			z.step = blockHeader
			return nil
		}
		length, dist, err := z.match(sym - 257)
		if err != nil {
			z.bits, z.nb = bits, nb
			return err
		}
		if dist > min(z.wr, windowSize) {
			return errCorrupt
		}
		from := z.wr - dist
		if dist >= length {
			copy(z.win[z.wr:z.wr+length], z.win[from:])
		} else {
			for i := range length {
				z.win[z.wr+i] = z.win[from+i]
			}
		}
		z.wr += length
	}
	return nil
}

// match decodes the rest of a length and distance.
func (z *Reader) match(sym int) (length, dist int, err error) {
	if sym >= len(lengthBase) {
		return 0, 0, errCorrupt
	}
	extra := uint(lengthExtra[sym])
	if z.nb < extra {
		return 0, 0, errMore
	}
	length = int(lengthBase[sym]) + int(z.take(extra))
	if sym, err = z.codes.dist.decode(z); err != nil {
		return 0, 0, err
	}
	if sym >= len(distBase) {
		return 0, 0, errCorrupt
	}
	extra = uint(distExtra[sym])
	if z.nb < extra {
		return 0, 0, errMore
	}
	return length, int(distBase[sym]) + int(z.take(extra)), nil
}

var codesPool = sync.Pool{New: func() any { return new(codes) }}

func (z *Reader) useCodes() {
	if z.codes == nil {
		z.codes = codesPool.Get().(*codes)
	}
}

func (z *Reader) dropCodes() {
	codesPool.Put(z.codes)
	z.codes = nil
}
