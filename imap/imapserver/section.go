package imapserver

import (
	"bufio"
	"bytes"
	"io"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
	"github.com/posthorn-mail/posthorn/textproto"
)

// A span is a range of octets of a message.
type span struct{ off, size int64 }

// A section is a BODY[…]<…> that the command asks for.
type section struct {
	*imap.BodySection
	path   []int
	kind   message.SectionKind
	fields fieldSet // of HEADER.FIELDS and HEADER.FIELDS.NOT
}

func newSection(sec *imap.BodySection) *section {
	s := &section{BodySection: sec, kind: message.SectionHeader, path: make([]int, len(sec.Path))}
	for i, n := range sec.Path {
		s.path[i] = int(n)
	}
	switch sec.Spec {
	case imap.SectionAll:
		s.kind = message.SectionBody
	case imap.SectionText:
		s.kind = message.SectionText
	case imap.SectionMIME:
		s.kind = message.SectionMIME
	case imap.SectionHeaderFields, imap.SectionHeaderFieldsNot:
		s.fields = newFieldSet(sec.Fields)
	}
	return s
}

// section writes BODY[…]<…> and the RFC822 items that mean the same.
func (f *fetcher) section(it *askedItem, m *mailbox.Message) error {
	sec := it.section
	c, sp, ok, err := f.locate(sec, m)
	if err != nil {
		return err
	}
	if !ok {
		f.enc.NIL() // there is no such part
		return nil
	}
	if sec.Spec == imap.SectionHeaderFields || sec.Spec == imap.SectionHeaderFieldsNot {
		return f.headerFields(sec, c, sp)
	}
	// However few octets are sent, a store may read a block of them.
	if err := f.read(1 + int(min(c.Size(), maxBlock)>>10)); err != nil {
		return err
	}
	sp = sp.part(sec.Partial)
	return f.literal(sp.size, func(w *textproto.CountedWriter) error { return f.stream(w, c, sp) })
}

// maxBlock is how much a store may read where one octet is asked for, and
// streamStep how much is sent between two calls of work.
const (
	maxBlock   = 256 << 10
	streamStep = 1 << 20
)

// stream copies a span of a content.
func (f *fetcher) stream(w *textproto.CountedWriter, c mailbox.Content, sp span) error {
	if wt, ok := c.(io.WriterTo); ok && sp.off == 0 && sp.size == c.Size() {
		_, err := wt.WriteTo(&streamWriter{f, w})
		return err
	}
	for end := sp.off + sp.size; sp.off < end; {
		n := min(end-sp.off, streamStep)
		if _, err := w.ReadFrom(io.NewSectionReader(c, sp.off, n)); err != nil {
			return err
		}
		sp.off += n
		if err := f.streamed(n); err != nil {
			return err
		}
	}
	return nil
}

// streamed counts n octets that have been sent. The client has taken them, which
// costs it more than this server.
func (f *fetcher) streamed(n int64) error { return f.workOn(int(n >> 12)) }

// A streamWriter counts what is written as it goes.
type streamWriter struct {
	f *fetcher
	w io.Writer
}

func (s *streamWriter) Write(p []byte) (n int, err error) {
	for err == nil && n < len(p) {
		var k int
		k, err = s.w.Write(p[n:min(len(p), n+streamStep)])
		n += k
		if err == nil {
			err = s.f.streamed(int64(k))
		}
	}
	return n, err
}

// What RFC822, RFC822.HEADER and RFC822.TEXT are short for (RFC 3501 §6.4.5).
var (
	rfc822       = imap.BodySection{}
	rfc822Header = imap.BodySection{Spec: imap.SectionHeader}
	rfc822Text   = imap.BodySection{Spec: imap.SectionText}
)

// sectionOf returns the section that an item asks for, nil if it is not one of
// octets.
func sectionOf(it *imap.FetchItem) *imap.BodySection {
	switch it.Att {
	case imap.FetchRFC822:
		return &rfc822
	case imap.FetchRFC822Header:
		return &rfc822Header
	case imap.FetchRFC822Text:
		return &rfc822Text
	}
	return it.Section
}

// isHeader reports whether a section lies in the header of the message itself.
func isHeader(sec *imap.BodySection) bool {
	switch sec.Spec {
	case imap.SectionHeader, imap.SectionHeaderFields, imap.SectionHeaderFieldsNot:
		return len(sec.Path) == 0
	}
	return false
}

// isWhole reports whether a section is the whole message.
func isWhole(sec *imap.BodySection) bool {
	return sec.Spec == imap.SectionAll && len(sec.Path) == 0
}

// wantOf returns what must be read to find a section and its octets.
func wantOf(sec *imap.BodySection) mailbox.Want {
	switch {
	case isHeader(sec):
		return mailbox.WantHeader
	case isWhole(sec):
		return mailbox.WantContent
	}
	return mailbox.WantStructure | mailbox.WantContent
}

// part returns the range of a span that <offset.count> names, empty if it begins
// after the end (RFC 9051 §6.4.5).
func (sp span) part(p *imap.Partial) span {
	if p == nil {
		return sp
	}
	off := min(p.Offset, sp.size)
	return span{sp.off + off, min(p.Count, sp.size-off)}
}

// locate finds the octets of a section. ok is false if the message has no such
// part.
func (f *fetcher) locate(sec *section, m *mailbox.Message) (c mailbox.Content, sp span, ok bool, err error) {
	switch {
	case isHeader(sec.BodySection):
		return m.Header, span{0, m.Header.Size()}, true, nil
	case isWhole(sec.BodySection):
		return m.Content, span{0, m.Content.Size()}, true, nil
	}
	if f.root == nil { // it may have to be parsed
		if f.root, err = m.Located(); err != nil {
			return nil, span{}, false, err
		}
	}
	found, ok := f.root.Section(sec.path, sec.kind)
	return m.Content, span{found.Offset, found.Size}, ok, nil
}

// literal writes a string of n octets that write produces: short ones, and
// empty ones, along with the rest of the response, long ones straight through.
func (f *fetcher) literal(n int64, write func(*textproto.CountedWriter) error) error {
	if n == 0 {
		f.enc.Raw(`""`)
		return nil
	}
	f.enc.LiteralHeader(n, false)
	f.begun = true
	if err := f.end(); err != nil {
		return err
	}
	w := f.tp.CountedWriter(n)
	if err := write(w); err != nil {
		return link(err) // the client waits for octets that don't come
	}
	if err := w.Close(); err != nil {
		return link(err)
	}
	f.begin()
	return nil
}

// A fieldSet is the names of HEADER.FIELDS or HEADER.FIELDS.NOT.
type fieldSet struct {
	names   map[string]struct{} // in capitals
	lengths uint64              // bit n is set if one has n octets, modulo 64
	buf     []byte              // for one of them, of the length of the longest
}

func newFieldSet(names []string) fieldSet {
	s := fieldSet{names: make(map[string]struct{}, len(names))}
	longest := 0
	for _, n := range names {
		s.names[string(wire.Upper([]byte(n)))] = struct{}{}
		s.lengths |= 1 << (len(n) % 64)
		longest = max(longest, len(n))
	}
	s.buf = make([]byte, longest)
	return s
}

// begins reports whether a header line begins one of the fields.
func (s *fieldSet) begins(line []byte) bool {
	name, _, ok := bytes.Cut(line, []byte{':'})
	if !ok {
		return false
	}
	name = bytes.TrimRight(name, " \t")
	if s.lengths&(1<<(len(name)%64)) == 0 || len(name) > len(s.buf) {
		return false
	}
	_, ok = s.names[string(wire.Upper(append(s.buf[:0], name...)))]
	return ok
}

// A fieldBuffer collects the header fields that were asked for. Past its limit
// it only counts.
type fieldBuffer struct {
	buf  []byte
	size int64
}

// maxFieldBuffer is how much of a header is held in memory.
const maxFieldBuffer = 32 << 10

func (b *fieldBuffer) Write(p []byte) (int, error) {
	b.size += int64(len(p))
	if b.size <= maxFieldBuffer {
		b.buf = append(b.buf, p...)
	}
	return len(p), nil
}

// headerFields writes HEADER.FIELDS and HEADER.FIELDS.NOT. A header may have
// any size: one that is too long to be held is read twice, first to count it.
func (f *fetcher) headerFields(sec *section, c mailbox.Content, sp span) error {
	f.fields.buf, f.fields.size = f.fields.buf[:0], 0
	if err := f.filter(&f.fields, sec, c, sp); err != nil {
		return err
	}
	if f.fields.size <= maxFieldBuffer {
		out := span{0, f.fields.size}.part(sec.Partial)
		if out.size == 0 {
			f.enc.Raw(`""`)
			return nil
		}
		f.enc.LiteralHeader(out.size, false)
		f.enc.B = append(f.enc.B, f.fields.buf[out.off:out.off+out.size]...)
		return nil
	}
	out := span{0, f.fields.size}.part(sec.Partial)
	return f.literal(out.size, func(w *textproto.CountedWriter) error {
		return f.filter(&window{w: w, span: out}, sec, c, sp)
	})
}

// window forwards a span of the octets written to it.
type window struct {
	w    io.Writer
	span span
	at   int64
}

func (w *window) Write(p []byte) (int, error) {
	from := max(w.span.off-w.at, 0)
	to := min(w.span.off+w.span.size-w.at, int64(len(p)))
	w.at += int64(len(p))
	if from < to {
		if _, err := w.w.Write(p[from:to]); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// filter copies the fields of a header that the section asks for, and the
// empty line that ends it (RFC 3501 §6.4.5: always included if there is one).
func (f *fetcher) filter(dst io.Writer, sec *section, c mailbox.Content, sp span) error {
	src := io.NewSectionReader(c, sp.off, sp.size)
	if f.header == nil {
		f.header = bufio.NewReaderSize(src, 8<<10)
	} else {
		f.header.Reset(src)
	}
	not := sec.Spec == imap.SectionHeaderFieldsNot
	keep, lineStart := false, true
	cost := 1 << 10 // in octets; a line costs more than those that it has
	for {
		line, err := f.header.ReadSlice('\n')
		if cost += 64 + len(line); cost >= streamStep || err != nil {
			if err := f.read(cost >> 10); err != nil {
				return err
			}
			cost = 0
		}
		if len(line) > 0 {
			if lineStart {
				switch {
				case line[0] == ' ' || line[0] == '\t':
				case len(bytes.TrimRight(line, "\r\n")) == 0:
					keep = true
				default:
					keep = sec.fields.begins(line) != not
				}
			}
			if keep {
				if _, err := dst.Write(line); err != nil {
					return err
				}
			}
		}
		switch err {
		case nil:
			lineStart = true
		case bufio.ErrBufferFull:
			lineStart = false
		case io.EOF:
			return nil
		default:
			return err
		}
	}
}
