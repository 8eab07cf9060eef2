package smtpserver

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// spoolMemory is how much of a message is held in memory. A longer one goes to a
// temporary file, and the memory becomes its write buffer.
const spoolMemory = 64 << 10

var spoolPool = sync.Pool{New: func() any { b := make([]byte, 0, spoolMemory); return &b }}

// A spool holds a message that has been received until it has been delivered,
// so that a store is not kept waiting by a slow client and can read the message
// once for each recipient.
type spool struct {
	dir  string
	buf  *[]byte
	file *os.File // nil while everything is in buf
	name string   // of file, if it still has to be removed

	start, size int64 // where the message is in file or buf
}

func newSpool(dir string) *spool {
	return &spool{dir: dir, buf: spoolPool.Get().(*[]byte)}
}

// Write implements io.Writer. Its errors are those of the temporary file.
func (s *spool) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		b := *s.buf
		if len(b) == cap(b) {
			if err := s.flush(); err != nil {
				return n, err
			}
			continue
		}
		m := copy(b[len(b):cap(b)], p)
		*s.buf = b[:len(b)+m]
		p = p[m:]
		n += m
		s.size += int64(m)
	}
	return n, nil
}

func (s *spool) flush() error {
	if s.file == nil {
		if err := s.open(); err != nil {
			return fmt.Errorf("spooling a message: %w", err)
		}
	}
	_, err := s.file.Write(*s.buf)
	*s.buf = (*s.buf)[:0]
	if err != nil {
		return fmt.Errorf("spooling a message: %w", err)
	}
	return nil
}

// open opens the temporary file, without a name where the system can.
func (s *spool) open() (err error) {
	if s.file, err = openNameless(cmp.Or(s.dir, os.TempDir())); err == nil {
		return nil
	}
	if s.file, err = os.CreateTemp(s.dir, "posthorn-*.eml"); err != nil {
		return err
	}
	if name := s.file.Name(); os.Remove(name) != nil { // Windows keeps the name of an open file
		s.name = name
	}
	return nil
}

// finish makes the message readable.
func (s *spool) finish() error {
	if s.file == nil {
		return nil
	}
	return s.flush()
}

// reader returns a reader of the whole message. There may be several.
func (s *spool) reader() io.Reader {
	if s.file == nil {
		return bytes.NewReader((*s.buf)[s.start:])
	}
	return io.NewSectionReader(s.file, s.start, s.size)
}

// readerAt returns a reader in which the message begins at start.
func (s *spool) readerAt() io.ReaderAt {
	if s.file == nil {
		return bytes.NewReader(*s.buf)
	}
	return s.file
}

// prefixed is a message with what goes before it. Unlike an io.MultiReader it
// needs no buffer to be copied.
type prefixed struct {
	prefix []byte
	body   io.Reader
}

func (p *prefixed) Read(b []byte) (int, error) {
	if len(p.prefix) > 0 {
		n := copy(b, p.prefix)
		p.prefix = p.prefix[n:]
		return n, nil
	}
	return p.body.Read(b)
}

func (p *prefixed) WriteTo(w io.Writer) (n int64, err error) {
	if len(p.prefix) > 0 {
		m, err := w.Write(p.prefix)
		p.prefix = p.prefix[m:]
		n = int64(m)
		if err != nil {
			return n, err
		}
	}
	m, err := io.Copy(w, p.body)
	return n + m, err
}

// header returns the message's header, or the first maxInspect octets of it. It
// is valid until close.
func (s *spool) header() (message.Header, error) {
	if s.file == nil {
		if i := bytes.Index(*s.buf, []byte("\r\n\r\n")); i >= 0 {
			return message.Header((*s.buf)[:i+4]), nil
		}
	}
	return message.ReadHeader(s.reader(), maxInspect)
}

// remove removes the fields of a name from the header, which is what header has
// returned and is not valid any more. The other fields move towards the rest of the
// message, which stays where it is. A field that the limit of header has cut stays
// too.
func (s *spool) remove(h message.Header, name string) error {
	kept, end := h[:0], 0
	for f := range h.All() {
		end += len(f)
		if !f.Is(name) || end == len(h) && int64(end) < s.size {
			kept = append(kept, f...)
		}
	}
	s.start = int64(end - len(kept))
	s.size -= s.start
	if s.file == nil {
		copy((*s.buf)[s.start:end], kept)
		return nil
	}
	if _, err := s.file.WriteAt(kept, s.start); err != nil {
		return fmt.Errorf("spooling a message: %w", err)
	}
	return nil
}

// close frees what the spool holds.
func (s *spool) close() {
	*s.buf = (*s.buf)[:0]
	spoolPool.Put(s.buf)
	s.buf = nil
	if s.file != nil {
		s.file.Close()
	}
	if s.name != "" {
		os.Remove(s.name)
	}
}
