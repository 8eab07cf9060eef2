package message

import (
	"bufio"
	"bytes"
	"io"
	"iter"
	"strings"
)

// A Field is a field of a header: all octets of its lines, unchanged.
type Field []byte

// Name returns the name of the field as written, or "" for lines that are not a
// field.
func (f Field) Name() string {
	name, _ := splitField(f)
	return string(name)
}

// Is reports whether the field has that name, without regard to case.
func (f Field) Is(name string) bool {
	n, _ := splitField(f)
	return len(n) > 0 && len(n) == len(name) && equalFold(name, n)
}

// Value returns the text of the field, unfolded as the strings of an Envelope
// are, but not decoded: see DecodeText.
func (f Field) Value() string {
	_, value := splitField(f)
	text, _ := unfold(nil, value)
	return string(text)
}

// A Header holds the octets of a header, with the empty line that ends it if
// there is one.
type Header []byte

// ReadHeader reads from r up to the empty line that ends the header, or to the
// end. It may read beyond that, but at most max octets; a longer header is
// truncated without an error.
func ReadHeader(r io.Reader, max int) (Header, error) {
	var h Header
	buf := make([]byte, 4096)
	line := 0 // start of the last line
	for len(h) < max {
		n, err := r.Read(buf[:min(len(buf), max-len(h))])
		from := len(h)
		h = append(h, buf[:n]...)
		for {
			i := bytes.IndexByte(h[from:], '\n')
			if i < 0 {
				break
			}
			from += i + 1
			if isBlankLine(h[line:from]) {
				return h[:from:from], nil
			}
			line = from
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return h, err
		}
	}
	return h, nil
}

// All yields the fields in order. Lines that are not a field, such as an mbox
// "From " line, are yielded as fields without a name.
func (h Header) All() iter.Seq[Field] {
	return func(yield func(Field) bool) {
		for i := 0; i < len(h); {
			if h[i] == '\r' || h[i] == '\n' {
				n := bytes.IndexByte(h[i:], '\n')
				if n >= 0 && isBlankLine(h[i:i+n+1]) {
					return
				}
			}
			end := fieldEnd(h, i)
			if !yield(Field(h[i:end])) {
				return
			}
			i = end
		}
	}
}

// Get returns the text of the first field of that name, or "".
func (h Header) Get(name string) string {
	for f := range h.All() {
		if f.Is(name) {
			return f.Value()
		}
	}
	return ""
}

// Values yields the text of every field of that name.
func (h Header) Values(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for f := range h.All() {
			if f.Is(name) && !yield(f.Value()) {
				return
			}
		}
	}
}

// SelectFields reads the header from r, up to the empty line that ends it or to
// the end of r, and returns only the named fields, or with not only the others
// (IMAP's HEADER.FIELDS and HEADER.FIELDS.NOT, RFC 3501 §6.4.5). Octets and
// order are unchanged, and the empty line is kept. Lines that are not a field
// count as not named. Memory does not grow with the header.
func SelectFields(r io.Reader, names []string, not bool) io.Reader {
	s := &fieldSelector{r: bufio.NewReader(r), names: make(map[string]struct{}, len(names)), not: not, keep: not}
	for _, n := range names {
		s.names[strings.ToLower(n)] = struct{}{}
	}
	return s
}

type fieldSelector struct {
	r     *bufio.Reader
	names map[string]struct{}
	not   bool

	inLine bool   // the next octets continue a line
	keep   bool   // the field is wanted
	out    []byte // to be returned, valid until the next read of r
	err    error
	lower  []byte
}

func (s *fieldSelector) Read(p []byte) (int, error) {
	for len(s.out) == 0 && s.err == nil {
		s.next()
	}
	if n := copy(p, s.out); n > 0 || len(p) == 0 {
		s.out = s.out[n:]
		return n, nil
	}
	return 0, s.err
}

// next reads the next line, or the next piece of a long one.
func (s *fieldSelector) next() {
	line, err := s.r.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		err = nil
	}
	s.err = err
	if len(line) == 0 {
		return
	}
	if !s.inLine {
		switch {
		case isBlankLine(line):
			s.out, s.err = line, io.EOF
			return
		case line[0] == ' ' || line[0] == '\t':
		default:
			s.keep = s.named(line) != s.not
		}
	}
	s.inLine = line[len(line)-1] != '\n'
	if s.keep {
		s.out = line
	}
}

func (s *fieldSelector) named(line []byte) bool {
	name, _ := splitField(line)
	s.lower = s.lower[:0]
	for _, c := range name {
		s.lower = append(s.lower, lower(c))
	}
	_, ok := s.names[string(s.lower)]
	return ok && len(name) > 0
}
