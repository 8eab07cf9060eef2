package message

import (
	"encoding/binary"
	"fmt"
	"time"
)

// UnmarshalBinary sets the summary to what AppendBinary wrote. It does not
// retain data, and allocates no more than in proportion to its length. Its
// errors wrap ErrSummary.
func (s *Summary) UnmarshalBinary(data []byte) error { return s.UnmarshalItems(data, AllItems) }

// UnmarshalItems does as UnmarshalBinary for these items, and sets the others
// to zero. It neither copies nor checks what it passes over.
func (s *Summary) UnmarshalItems(data []byte, items Items) error {
	if len(data) == 0 || data[0] != binaryVersion {
		return fmt.Errorf("%w: unknown version", ErrSummary)
	}
	var v Summary
	rest := data[1:]
	for _, item := range [...]Items{ItemEnvelope, ItemReferences, ItemPreview, ItemStructure} {
		block := rest
		if item != ItemStructure {
			size, n := binary.Uvarint(rest)
			if n <= 0 || size > uint64(len(rest)-n) {
				return fmt.Errorf("%w: too short", ErrSummary)
			}
			block, rest = rest[n:n+int(size)], rest[n+int(size):]
		}
		if items&item == 0 {
			continue
		}
		r := binaryReader{s: string(block)}
		switch item {
		case ItemEnvelope:
			r.addresses = make([]Address, r.count(1))
			r.envelope(&v.Envelope)
		case ItemReferences:
			if n := r.count(1); n > 0 {
				v.References = make([]string, n)
				r.texts(v.References)
			}
		case ItemPreview:
			v.Preview, r.i = r.s, len(r.s)
		case ItemStructure:
			v.Root = r.tree()
		}
		if r.err == nil && r.i != len(r.s) {
			r.fail("octets left over")
		}
		if r.err != nil {
			return r.err
		}
	}
	*s = v
	return nil
}

// tree reads the structure.
func (r *binaryReader) tree() *Part {
	// The minimum size of each bounds how many there can be.
	r.parts = make([]Part, r.count(minPart))
	r.addresses = make([]Address, r.count(1))
	r.params = make([]Param, r.count(2))
	r.strings = make([]string, r.count(1))
	r.children = make([]*Part, len(r.parts))
	return r.part(0, 1)
}

// minPart is how many octets a part takes at least: its mask, type, size and
// lines.
const minPart = 4

// A binaryReader hands out zero values after the first error.
type binaryReader struct {
	s   string
	i   int
	err error

	// What was allocated and is not yet used.
	parts     []Part
	addresses []Address
	params    []Param
	strings   []string
	children  []*Part
}

func (r *binaryReader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s at octet %d", ErrSummary, what, r.i)
	}
	r.i = len(r.s)
}

func (r *binaryReader) octet() byte {
	if r.i >= len(r.s) {
		r.fail("too short")
		return 0
	}
	r.i++
	return r.s[r.i-1]
}

func (r *binaryReader) uvarint() uint64 {
	var v uint64
	for shift := uint(0); shift < 64; shift += 7 {
		c := r.octet()
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return v
		}
	}
	r.fail("number too long")
	return 0
}

func (r *binaryReader) varint() int64 {
	u := r.uvarint()
	v := int64(u >> 1)
	if u&1 != 0 {
		v = ^v
	}
	return v
}

// count reads a number of things that take at least size octets each of what
// follows.
func (r *binaryReader) count(size int) int {
	n := r.uvarint()
	if n > uint64((len(r.s)-r.i)/size) {
		r.fail("count too high")
		return 0
	}
	return int(n)
}

func (r *binaryReader) text() string {
	n := r.count(1)
	r.i += n
	return r.s[r.i-n : r.i]
}

// take returns the next n elements of what was allocated.
func take[T any](r *binaryReader, slab *[]T, n int) []T {
	if n > len(*slab) {
		r.fail("counts differ")
		return nil
	}
	if n == 0 {
		return nil
	}
	v := (*slab)[:n:n]
	*slab = (*slab)[n:]
	return v
}

func (r *binaryReader) list() []string {
	v := take(r, &r.strings, r.count(1))
	r.texts(v)
	return v
}

func (r *binaryReader) texts(list []string) {
	for i := range list {
		list[i] = r.text()
	}
}

func (r *binaryReader) paramList() []Param {
	v := take(r, &r.params, r.count(2))
	for i := range v {
		v[i] = Param{Name: r.text(), Value: r.text()}
	}
	return v
}

func (r *binaryReader) envelope(e *Envelope) {
	mask := r.uvarint()
	for i, t := range e.texts() {
		if mask&(1<<(6+i)) != 0 {
			*t = r.text()
		}
	}
	if mask&envelopeTime != 0 {
		sec, zone := r.varint(), r.varint()
		loc := time.UTC
		if zone != 0 && zone > -48*3600 && zone < 48*3600 {
			loc = time.FixedZone("", int(zone))
		}
		e.Time = time.Unix(sec, 0).In(loc)
	}
	for i, l := range e.lists() {
		if mask&(1<<i) == 0 {
			continue
		}
		*l = take(r, &r.addresses, r.count(1))
		for j := range *l {
			r.address(&(*l)[j])
		}
	}
}

func (r *binaryReader) address(a *Address) {
	mask := r.octet()
	a.Kind = AddressKind(mask & 3)
	if a.Kind > GroupEnd {
		r.fail("unknown kind of address")
	}
	for i, t := range a.texts() {
		if mask&(4<<i) != 0 {
			*t = r.text()
		}
	}
}

func (r *binaryReader) part(base int64, depth int) *Part {
	one := take(r, &r.parts, 1)
	if r.err != nil {
		return nil
	}
	p := &one[0]
	mask := r.uvarint()
	if code := r.octet(); code == 0 {
		p.Type, p.Subtype = r.text(), r.text()
	} else if int(code) < len(commonTypes) {
		p.Type, p.Subtype = commonTypes[code][0], commonTypes[code][1]
	} else {
		r.fail("unknown type")
	}
	if p.Located = mask&partNotLocated == 0; p.Located {
		p.HeaderOffset = base + r.varint()
		p.BodyOffset = p.HeaderOffset + r.varint()
	}
	p.BodySize = r.varint()
	p.Lines = r.varint()
	for i, t := range p.texts() {
		if mask&(1<<i) != 0 {
			*t = r.text()
		}
	}
	p.Encoding = "7bit"
	if mask&partEncoding != 0 {
		p.Encoding = r.text()
	}
	if mask&partParams != 0 {
		p.Params = r.paramList()
	}
	if mask&partDispositionParams != 0 {
		p.DispositionParams = r.paramList()
	}
	if mask&partLanguage != 0 {
		p.Language = r.list()
	}
	if mask&partEnvelope != 0 {
		p.Envelope = &Envelope{}
		r.envelope(p.Envelope)
	}
	if mask&partChildren != 0 {
		r.partChildren(p, depth)
	}
	if r.err != nil {
		return nil
	}
	if r.err = p.check(depth); r.err != nil {
		return nil
	}
	if p.HeaderOffset < 0 || p.BodyOffset < p.HeaderOffset || p.BodySize < 0 || p.BodyOffset+p.BodySize < 0 || p.Lines < 0 {
		r.fail("impossible offset")
	}
	return p
}

func (r *binaryReader) partChildren(p *Part, depth int) {
	if depth > depthCap {
		r.fail("nested too deep")
		return
	}
	p.Children = take(r, &r.children, r.count(minPart))
	base := p.BodyOffset
	for i := range p.Children {
		child := r.part(base, depth+1)
		if child == nil {
			return
		}
		p.Children[i] = child
		base = child.BodyOffset + child.BodySize
	}
}
