package wire

import (
	"bytes"
	"io"

	"github.com/posthorn-mail/posthorn/textproto"
)

// Bytes returns a Source of b, for tests and for data already in memory.
func Bytes(b []byte) Source { return &byteSource{b: b} }

// Repeat returns a Source that yields line, which ends with CRLF, endlessly.
func Repeat(line []byte) Source { return &byteSource{b: line, again: line} }

type byteSource struct {
	b, again []byte
	max      int
	end      []byte // of a line that is too long
}

func (s *byteSource) LineEnd() []byte { return s.end }

func (s *byteSource) SetMaxLine(n int) { s.max = n }

func (s *byteSource) ReadLine() ([]byte, error) {
	if len(s.b) == 0 {
		if s.again == nil {
			return nil, io.EOF
		}
		s.b = s.again
	}
	i := bytes.IndexByte(s.b, '\n')
	if i < 0 {
		s.b = nil
		return nil, io.ErrUnexpectedEOF
	}
	line := s.b[:i]
	s.b = s.b[i+1:]
	if s.max > 0 && i+1 > s.max {
		s.end = bytes.TrimSuffix(line, []byte("\r"))
		s.end = s.end[max(0, len(s.end)-textproto.MaxLineEnd):]
		return line[:min(len(line), 128)], textproto.ErrLineTooLong
	}
	if n := len(line); n == 0 || line[n-1] != '\r' {
		return line, textproto.ErrBareLF
	}
	line = line[:len(line)-1]
	if bytes.IndexByte(line, '\r') >= 0 {
		return line, textproto.ErrBareCR
	}
	return line, nil
}

func (s *byteSource) Literal(n int64) LiteralReader { return &byteLiteral{s, n} }

type byteLiteral struct {
	s *byteSource
	n int64
}

func (l *byteLiteral) Read(p []byte) (int, error) {
	if l.n == 0 {
		return 0, io.EOF
	}
	if len(l.s.b) == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n := copy(p[:min(int64(len(p)), l.n)], l.s.b)
	l.s.b = l.s.b[n:]
	l.n -= int64(n)
	return n, nil
}

func (l *byteLiteral) Drain(max int64) error {
	if l.n > max {
		return textproto.ErrBodyTooLong
	}
	if l.n > int64(len(l.s.b)) {
		l.s.b = nil
		return io.ErrUnexpectedEOF
	}
	l.s.b = l.s.b[l.n:]
	l.n = 0
	return nil
}
