package message

import (
	"errors"
	"io"
)

// ErrNotLocated is returned by the readers of parts that are not Located.
var ErrNotLocated = errors.New("message: offsets of the part are unknown")

// A Span is a range of octets in a message. That of a part that is not Located
// has an Offset of -1.
type Span struct{ Offset, Size int64 }

// Reader reads the span of the message r. It may be used by several goroutines
// if r may. Where the Offset is negative, every read fails with ErrNotLocated.
func (s Span) Reader(r io.ReaderAt) *io.SectionReader {
	if s.Offset < 0 {
		return io.NewSectionReader(notLocated{}, 0, max(s.Size, 1))
	}
	return io.NewSectionReader(r, s.Offset, s.Size)
}

type notLocated struct{}

func (notLocated) ReadAt([]byte, int64) (int, error) { return 0, ErrNotLocated }

// span returns a span of the part, one without a place unless it is Located.
func (p *Part) span(offset, size int64) Span {
	if !p.Located {
		return Span{-1, size}
	}
	return Span{offset, size}
}

// Header is the span of the part's header with the empty line that ends it.
func (p *Part) Header() Span { return p.span(p.HeaderOffset, p.BodyOffset-p.HeaderOffset) }

// Body is the span of the part's body, still transfer encoded.
func (p *Part) Body() Span { return p.span(p.BodyOffset, p.BodySize) }

// Whole is the span of the header and the body.
func (p *Part) Whole() Span {
	return p.span(p.HeaderOffset, p.BodyOffset-p.HeaderOffset+p.BodySize)
}

// Find returns the part that IMAP names by a list of numbers (RFC 3501 §6.4.5,
// RFC 9051 §6.4.5) in the message whose root is p, or nil if there is none.
//
// The children of a multipart count from 1. A message that is not a multipart
// has one part, 1, which is its root. The numbers within a message/rfc822
// follow that of the part, as if the message were on its own.
func (p *Part) Find(path ...int) *Part {
	root := true // p is the root of a message, not a part found by number
	for _, n := range path {
		if !root {
			if p.Envelope != nil {
				p, root = p.Children[0], true
			} else if p.Type != "multipart" {
				return nil
			}
		}
		switch {
		case p.Type == "multipart" && n >= 1 && n <= len(p.Children):
			p = p.Children[n-1]
		case p.Type != "multipart" && n == 1:
		default:
			return nil
		}
		root = false
	}
	return p
}

// SectionKind is the word after the part number of an IMAP section.
type SectionKind uint8

// The kinds of section.
const (
	SectionBody   SectionKind = iota // no word: the part's body, or the whole message
	SectionHeader                    // HEADER: of the message, or of a message/rfc822's message
	SectionText                      // TEXT: what follows that header
	SectionMIME                      // MIME: the header of the part itself
)

// Section returns the span of the section that IMAP names by path and kind, as
// in BODY[path.kind], in the message whose root is p. ok is false if there is
// no such section: a missing part, HEADER or TEXT of a part that is not a
// message, or MIME without a part; and if the part is not Located.
func (p *Part) Section(path []int, kind SectionKind) (s Span, ok bool) {
	s, ok = p.section(path, kind)
	if s.Offset < 0 {
		return Span{}, false
	}
	return s, ok
}

func (p *Part) section(path []int, kind SectionKind) (s Span, ok bool) {
	if len(path) == 0 {
		switch kind {
		case SectionBody:
			return p.Whole(), true
		case SectionHeader:
			return p.Header(), true
		case SectionText:
			return p.Body(), true
		}
		return Span{}, false
	}
	p = p.Find(path...)
	switch {
	case p == nil:
	case kind == SectionBody:
		return p.Body(), true
	case kind == SectionMIME:
		return p.Header(), true
	case p.Envelope == nil:
	case kind == SectionHeader:
		return p.Children[0].Header(), true
	case kind == SectionText:
		return p.Children[0].Body(), true
	}
	return Span{}, false
}

// Walk calls visit for p and the parts below it, each before its children,
// which are skipped where visit returns false. path is the number by which Find
// returns the part, with p as the root. A multipart that is a whole message has
// no number of its own: path is then that of the message/rfc822 around it, or
// empty for the root. path is valid until visit returns.
func (p *Part) Walk(visit func(path []int, p *Part) (into bool)) {
	var path []int
	if p.Type != "multipart" {
		path = append(path, 1)
	}
	p.walk(path, visit)
}

func (p *Part) walk(path []int, visit func([]int, *Part) bool) {
	if !visit(path, p) {
		return
	}
	for i, child := range p.Children {
		if p.Envelope != nil && child.Type == "multipart" {
			child.walk(path, visit)
		} else {
			child.walk(append(path, i+1), visit)
		}
	}
}

// TransferDecoded reads the body of the part of the message r and decodes its
// transfer encoding. Invalid encodings are decoded as well as possible; only
// errors of r are returned, and ErrNotLocated. See KnownEncoding.
func TransferDecoded(r io.ReaderAt, p *Part) io.Reader {
	return NewTransferDecoder(p.Body().Reader(r), p.Encoding)
}

// DecodedBody reads the body of the part of the message r, decodes its
// transfer encoding and, if it is of type text, converts it to UTF-8. Text in
// an unknown charset, or in none, is taken as DecodeText takes raw octets.
func DecodedBody(r io.ReaderAt, p *Part) io.Reader {
	body := TransferDecoded(r, p)
	if p.Type != "text" {
		return body
	}
	return NewCharsetReader(body, p.Charset())
}
