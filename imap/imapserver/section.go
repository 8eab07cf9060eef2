package imapserver

import (
	"bufio"
	"bytes"
	"io"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// A span is a range of octets of a message.
type span struct{ off, size int64 }

// section writes BODY[…]<…> and the RFC822 items that mean the same.
func (f *fetcher) section(it *imap.FetchItem, m *mailbox.Message) error {
	sec := sectionOf(it)
	c, sp, ok, err := locate(sec, m)
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
	sp = sp.part(sec.Partial)
	return f.literal(sp.size, func(w io.Writer) error {
		if wt, ok := c.(io.WriterTo); ok && sp.off == 0 && sp.size == c.Size() {
			_, err := wt.WriteTo(w)
			return err
		}
		_, err := io.Copy(w, io.NewSectionReader(c, sp.off, sp.size))
		return err
	})
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
func locate(sec *imap.BodySection, m *mailbox.Message) (c mailbox.Content, sp span, ok bool, err error) {
	switch {
	case isHeader(sec):
		return m.Header, span{0, m.Header.Size()}, true, nil
	case isWhole(sec):
		return m.Content, span{0, m.Content.Size()}, true, nil
	}
	kind := message.SectionHeader
	switch sec.Spec {
	case imap.SectionAll:
		kind = message.SectionBody
	case imap.SectionText:
		kind = message.SectionText
	case imap.SectionMIME:
		kind = message.SectionMIME
	}
	path := make([]int, len(sec.Path))
	for i, n := range sec.Path {
		path[i] = int(n)
	}
	root, err := m.Located()
	if err != nil {
		return nil, span{}, false, err
	}
	found, ok := root.Section(path, kind)
	return m.Content, span{found.Offset, found.Size}, ok, nil
}

// literal writes a string of n octets that write produces: short ones, and
// empty ones, along with the rest of the response, long ones straight through.
func (f *fetcher) literal(n int64, write func(io.Writer) error) error {
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

// A fieldBuffer collects the header fields that were asked for. Past its limit
// it only counts.
type fieldBuffer struct {
	buf  []byte
	size int64
}

// maxFieldBuffer is how much of a header is held in memory.
const maxFieldBuffer = 256 << 10

func (b *fieldBuffer) Write(p []byte) (int, error) {
	b.size += int64(len(p))
	if b.size <= maxFieldBuffer {
		b.buf = append(b.buf, p...)
	}
	return len(p), nil
}

// headerFields writes HEADER.FIELDS and HEADER.FIELDS.NOT. A header may have
// any size: one that is too long to be held is read twice, first to count it.
func (f *fetcher) headerFields(sec *imap.BodySection, c mailbox.Content, sp span) error {
	f.fields.buf, f.fields.size = f.fields.buf[:0], 0
	if err := f.filter(&f.fields, sec, c, sp); err != nil {
		return link(err)
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
	return f.literal(out.size, func(w io.Writer) error {
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
func (f *fetcher) filter(dst io.Writer, sec *imap.BodySection, c mailbox.Content, sp span) error {
	src := io.NewSectionReader(c, sp.off, sp.size)
	if f.header == nil {
		f.header = bufio.NewReaderSize(src, 8<<10)
	} else {
		f.header.Reset(src)
	}
	not := sec.Spec == imap.SectionHeaderFieldsNot
	keep, lineStart := false, true
	for {
		line, err := f.header.ReadSlice('\n')
		if len(line) > 0 {
			if lineStart {
				switch {
				case line[0] == ' ' || line[0] == '\t':
				case len(bytes.TrimRight(line, "\r\n")) == 0:
					keep = true
				default:
					keep = namesField(sec.Fields, line) != not
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

// namesField reports whether a header line begins one of the fields.
func namesField(fields []string, line []byte) bool {
	name, _, ok := bytes.Cut(line, []byte{':'})
	if !ok {
		return false
	}
	name = bytes.TrimRight(name, " \t")
	for _, f := range fields {
		if len(f) == len(name) && strings.EqualFold(f, string(name)) {
			return true
		}
	}
	return false
}
