package message

import (
	"bytes"
	"errors"
	"io"
)

// Options bound what a Parser reads of a message. Zero fields, and a nil
// *Options, mean the defaults. What exceeds a limit is counted but not parsed:
// offsets and sizes are always right, and a Defect is reported.
type Options struct {
	MaxDepth       int // nesting of parts; default 64, at most 500
	MaxParts       int // default 4,096
	MaxHeaderSize  int // octets of one header; default 512 KiB
	MaxHeaderTotal int // octets of all headers together; default 2 MiB
	MaxFields      int // fields of one header; default 2,000
	MaxAddresses   int // addresses in all fields together; default 20,000
	MaxDefects     int // defects that are reported; default 100
}

// depthCap bounds the recursion over any tree that this package makes, parsed
// or unmarshaled.
const depthCap = 500

func (o *Options) withDefaults() Options {
	var v Options
	if o != nil {
		v = *o
	}
	def := func(p *int, n int) {
		if *p <= 0 {
			*p = n
		}
	}
	def(&v.MaxDepth, 64)
	def(&v.MaxParts, 4096)
	def(&v.MaxHeaderSize, 512<<10)
	def(&v.MaxHeaderTotal, 2<<20)
	def(&v.MaxFields, 2000)
	def(&v.MaxAddresses, 20000)
	def(&v.MaxDefects, 100)
	v.MaxDepth = min(v.MaxDepth, depthCap)
	return v
}

// ErrFinished is returned when a Parser is written to after Finish.
var ErrFinished = errors.New("message: parser is finished")

// A Parser makes the Summary of the message that is written to it. Its memory
// is that of the headers and the result, however long the message is, and the
// result does not depend on how the message is split into writes. It must not
// be used by several goroutines at once.
type Parser struct {
	opt      Options
	finished bool

	state parseState
	mark  // how far octets are consumed

	stack    []frame
	bounds   int // frames that wait for their boundary
	boundMax int // length of the longest of these boundaries

	// The candidate for a boundary: the beginning of a line of a body that
	// starts with "-". It starts at off and is consumed once it is decided.
	cand []byte

	// The header being read. Up to keep it holds whole lines, after it the line
	// being read, which starts at line in the message.
	hdr   []byte
	keep  int
	line  mark
	cut   bool // lines of it were left out
	total int  // octets of all headers kept

	sum       Summary
	defects   []Defect
	parts     int
	addresses int

	preview preview
}

type parseState uint8

const (
	inHeader    parseState = iota
	inBody                 // anywhere in a body
	inCandidate            // in a line of a body that may be a boundary
	inDelimiter            // in the rest of a boundary line, a part follows
	inClosing              // in the rest of a final boundary line
)

// A mark is a place in the message.
type mark struct {
	off  int64
	lf   int64   // line feeds before it
	tail [3]byte // the octets before it, the nearest last
}

// A frame is a part that has started and not ended. Its ancestors are below it
// on the stack.
type frame struct {
	part     *Part
	lf       int64     // Parser.lf at the start of the body
	boundary string    // of a multipart until its final boundary, then empty
	multi    bool      // is a multipart
	env      *Envelope // of a part whose header is a message's
	ended    bool      // a multipart that has seen its final boundary
}

// NewParser returns a Parser. opts may be nil.
func NewParser(opts *Options) *Parser {
	p := &Parser{opt: opts.withDefaults()}
	root := &Part{Located: true}
	p.sum.Root = root
	p.parts = 1
	p.push(frame{part: root, env: &p.sum.Envelope}, mark{})
	return p
}

// Parse reads a message to its end. An error is that of r; the Summary then
// describes what was read.
func Parse(r io.Reader, opts *Options) (*Summary, []Defect, error) {
	p := NewParser(opts)
	_, err := p.ReadFrom(r)
	sum, defects := p.Finish()
	return sum, defects, err
}

// ReadFrom writes everything it reads from r to the parser.
func (p *Parser) ReadFrom(r io.Reader) (int64, error) {
	buf := make([]byte, 32<<10)
	var n int64
	for {
		m, err := r.Read(buf)
		n += int64(m)
		if _, err := p.Write(buf[:m]); err != nil {
			return n, err
		}
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// Write takes the next octets of the message. It fails only with ErrFinished.
func (p *Parser) Write(b []byte) (int, error) {
	if p.finished {
		return 0, ErrFinished
	}
	n := len(b)
	for len(b) > 0 {
		switch p.state {
		case inHeader:
			b = p.header(b)
		case inBody:
			b = p.body(b)
		case inCandidate:
			b = p.candidate(b)
		default:
			b = p.restOfBoundary(b)
		}
	}
	return n, nil
}

// Finish ends the message and returns its Summary and its defects. Later calls
// return the same.
func (p *Parser) Finish() (*Summary, []Defect) {
	if p.finished {
		return &p.sum, p.defects
	}
	p.finished = true
	if p.state == inCandidate {
		p.decide()
	}
	for p.state == inHeader { // the header of a nested message may follow
		p.endOfInput()
	}
	p.closeTo(0, p.mark, p.mark)
	p.sum.Preview = p.preview.text()
	p.stack, p.hdr, p.cand, p.preview = nil, nil, nil, preview{}
	return &p.sum, p.defects
}

func (p *Parser) defect(kind DefectKind, off int64, field string) {
	if len(p.defects) < p.opt.MaxDefects {
		p.defects = append(p.defects, Defect{Kind: kind, Offset: off, Field: field})
	}
}

// consume counts octets as read. Nothing else moves off.
func (p *Parser) consume(b []byte) {
	n := len(b)
	p.off += int64(n)
	p.lf += int64(bytes.Count(b, lineFeed))
	switch {
	case n >= 3:
		copy(p.tail[:], b[n-3:])
	case n == 2:
		p.tail = [3]byte{p.tail[2], b[0], b[1]}
	case n == 1:
		p.tail = [3]byte{p.tail[1], p.tail[2], b[0]}
	}
}

var lineFeed = []byte{'\n'}

// push starts a part whose header starts at m.
func (p *Parser) push(f frame, m mark) {
	p.stack = append(p.stack, f)
	p.keep, p.hdr, p.line, p.cut = 0, p.hdr[:0], m, false
	f.part.HeaderOffset = m.off
	p.state = inHeader
}

// closeTo ends the parts above depth n at m, which is before the line break
// that belongs to the boundary at line. Where that line break is the end of a
// part's header too, the part and those around it reach to the boundary.
func (p *Parser) closeTo(n int, m, line mark) {
	for len(p.stack) > n {
		f := &p.stack[len(p.stack)-1]
		part := f.part
		if m.off < part.BodyOffset {
			m = line
		}
		if m.off > part.BodyOffset {
			part.BodySize = m.off - part.BodyOffset
			part.Lines = m.lf - f.lf
			if m.tail[2] != '\n' {
				part.Lines++
			}
		}
		p.preview.endPart(part)
		if f.multi {
			if len(part.Children) == 0 {
				p.defect(DefectNoParts, part.HeaderOffset, "")
				part.Type, part.Subtype = "text", "plain"
			} else if !f.ended {
				p.defect(DefectNoEnd, part.HeaderOffset, "")
			}
		}
		p.stack = p.stack[:len(p.stack)-1]
	}
	p.countBounds()
}

func (p *Parser) countBounds() {
	p.bounds, p.boundMax = 0, 0
	for i := range p.stack {
		if n := len(p.stack[i].boundary); n > 0 {
			p.bounds++
			p.boundMax = max(p.boundMax, n)
		}
	}
}
