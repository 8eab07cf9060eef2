package imapclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// rangeSize is how many octets of a long body are asked for at once; two ranges
// are in flight.
const rangeSize = 1 << 20

// A Body is octets of a message: the first of them came with the message, and the
// rest is fetched in ranges as it is read. It can be read until the loop's next
// step, or until Close for one that Open returned; then reading returns
// ErrBodyExpired. It is used by one goroutine at a time.
type Body struct {
	msg    *Message
	owner  *Message // of Open: closed with the body
	sec    Section
	binary bool // decoded by the server
	err    error

	blob *blob // the range that is being read
	own  bool  // blob belongs to the body, not to the message
	off  int64 // in blob
	pos  int64 // in the section: the offset of the next octet
	next int64 // the offset of the next range to ask for
	more bool  // there may be further ranges
	size int64 // if it is known, else -1

	ahead   *rangeCall
	decoder io.Reader // removes a transfer encoding

	reads  bool        // something was read
	report func(int64) // of progress, nil if nobody listens
}

// first returns the data items that bring the beginning of a section.
func (s Section) first(c *Client) []imap.FetchItem {
	partial := int64(firstPart)
	if s.count > 0 {
		partial = min(partial, s.count)
	}
	binary := s.binary(c)
	items := []imap.FetchItem{s.fetchItem(s.offset, partial, binary)}
	if s.decodes() && !binary {
		items = append(items, s.encodingSection().fetchItem(0, 0, false))
	}
	return items
}

// decodes reports whether there is a transfer encoding to be removed.
func (s Section) decodes() bool { return s.decoded && s.spec == imap.SectionAll && len(s.path) > 0 }

// binary reports whether the server removes it.
func (s Section) binary(c *Client) bool { return s.decodes() && c.has(imap.CapBinary) }

// encodingSection is the header in which the encoding of a part stands.
func (s Section) encodingSection() Section {
	return Section{path: s.path, spec: imap.SectionMIME}
}

// newBody finds the beginning of a section in the response.
func (m *Message) newBody(s Section) Body {
	b := Body{msg: m, sec: s, size: -1}
	if m.req == nil || m.mb == nil {
		b.err = ErrItemMissing
		return b
	}
	b.binary = s.binary(m.mb.c)
	asked := false
	for _, x := range m.req.sections {
		asked = asked || x.same(s)
	}
	if !asked {
		b.err = fmt.Errorf("%w: it was not asked for", ErrItemMissing)
		return b
	}
	part := m.part(b.sec, b.binary)
	switch {
	case part == nil, part.data == nil && !part.dropped:
		b.err = ErrItemMissing
		return b
	case part.dropped:
		// There was no room for it. It is fetched when it is read.
		b.pos, b.next, b.more = b.sec.offset, b.sec.offset, true
		b.blob = &blob{}
		return b
	}
	b.blob = part.data
	b.next = b.sec.offset + part.data.size
	limit := int64(firstPart)
	if b.sec.count > 0 {
		limit = min(limit, b.sec.count)
	}
	b.pos = b.sec.offset
	ranged := part.section != nil && part.section.Partial != nil
	b.more = ranged && part.data.size >= limit && (b.sec.count <= 0 || part.data.size < b.sec.count)
	if !b.more {
		b.size = part.data.size
	} else if b.sec.spec == imap.SectionAll && len(b.sec.path) == 0 && m.Has&Size != 0 && b.sec.count <= 0 && b.sec.offset == 0 {
		b.size = m.Entry.Size
	}
	if !ranged && b.sec.offset > 0 {
		// The server has ignored the range.
		b.off = min(b.sec.offset, part.data.size)
	}
	return b
}

// part finds a section of the response.
func (m *Message) part(s Section, binary bool) *partData {
	for i := range m.parts {
		if p := &m.parts[i]; s.isOf(p, binary) {
			return p
		}
	}
	return nil
}

// decoder removes the transfer encoding that the MIME header of the part names.
// The only part of a message without parts has no such header: its encoding is in
// that of the message.
func (m *Message) decoder(b *Body) io.Reader {
	encoding := ""
	if p := m.part(b.sec.encodingSection(), false); p != nil && p.data != nil {
		if h, err := message.ReadHeader(&blobReader{b: p.data}, maxRaw); err == nil {
			encoding = h.Get("Content-Transfer-Encoding")
		}
	}
	return message.NewTransferDecoder(readerFunc(b.readRaw), encodingName(encoding))
}

// encodingName returns the name of a transfer encoding as NewTransferDecoder
// takes it.
func encodingName(value string) string {
	value, _, _ = strings.Cut(value, ";")
	value, _, _ = strings.Cut(value, "(")
	return strings.ToLower(strings.TrimSpace(value))
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// check returns why the body can't be read.
func (b *Body) check() error {
	if b.err != nil {
		return b.err
	}
	if b.msg.expired {
		return ErrBodyExpired
	}
	return nil
}

// Size returns how many octets the body has, -1 if that is not known before its
// end.
func (b *Body) Size() int64 {
	if b.err != nil {
		return -1
	}
	return b.size
}

// Read implements io.Reader.
func (b *Body) Read(p []byte) (int, error) {
	if b.decoder != nil {
		if err := b.check(); err != nil {
			return 0, err
		}
		return b.decoder.Read(p)
	}
	return b.readRaw(p)
}

func (b *Body) readRaw(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, b.check()
	}
	for {
		if err := b.check(); err != nil {
			return 0, err
		}
		if b.off < b.blob.size {
			n := b.blob.readAt(p, b.off)
			b.off += int64(n)
			b.pos += int64(n)
			b.progress(n)
			return n, nil
		}
		if err := b.advance(); err != nil {
			return 0, err
		}
	}
}

// WriteTo implements io.WriterTo.
func (b *Body) WriteTo(w io.Writer) (int64, error) {
	if b.decoder != nil {
		return io.Copy(w, readerFunc(b.Read))
	}
	total := int64(0)
	for {
		if err := b.check(); err != nil {
			return total, err
		}
		for piece := range b.blob.pieces(b.off) {
			n, err := w.Write(piece)
			b.off += int64(n)
			b.pos += int64(n)
			total += int64(n)
			b.progress(n)
			if err != nil {
				return total, err
			}
		}
		if err := b.advance(); err == io.EOF {
			return total, nil
		} else if err != nil {
			return total, err
		}
	}
}

// progress reports that n octets were read.
func (b *Body) progress(n int) {
	if !b.reads {
		b.reads = true
		total := b.size
		if b.sec.count > 0 {
			total = b.sec.count
		}
		b.report = progressOf(b.msg.ctx(), "UID FETCH", total)
	}
	if b.report != nil && n > 0 {
		b.report(int64(n))
	}
}

// Bytes returns the whole rest of the body, or an error if it has more than max
// octets.
func (b *Body) Bytes(max int64) ([]byte, error) {
	out, err := io.ReadAll(io.LimitReader(b, max+1))
	if err == nil && int64(len(out)) > max {
		return nil, &LimitError{"body too long", max}
	}
	return out, err
}

// Close gives the body up.
func (b *Body) Close() error {
	if b.owner != nil {
		return b.owner.Close()
	}
	b.stop()
	if b.err == nil {
		b.err = ErrBodyExpired
	}
	return nil
}

// stop gives up what is still to come.
func (b *Body) stop() {
	if b.ahead != nil {
		b.ahead.giveUp()
		b.ahead = nil
	}
	b.drop()
}

// drop gives the range back that has been read.
func (b *Body) drop() {
	if b.own && b.blob != nil {
		b.msg.mb.c.release(b.blob.size)
		b.blob.free()
		b.blob, b.own = &blob{}, false
	}
}

// advance makes the next range the current one, io.EOF at the end.
func (b *Body) advance() error {
	if !b.more {
		return io.EOF
	}
	r := b.ahead
	b.ahead = nil
	if r == nil {
		var err error
		if r, err = b.ask(); err != nil {
			b.err = err
			return err
		}
	}
	if b.left() != 0 {
		if ahead, err := b.ask(); err == nil {
			b.ahead = ahead
		}
	}
	data, err := r.result(b.msg.ctx())
	if err != nil {
		b.err = err
		return err
	}
	b.drop()
	b.blob, b.own, b.off = data, true, 0
	if data.size < r.count || b.sec.count > 0 && r.offset+data.size >= b.sec.offset+b.sec.count {
		b.more = false
	}
	if data.size == 0 {
		return io.EOF
	}
	return nil
}

// left returns how many octets are still to be asked for, -1 if that is unknown.
func (b *Body) left() int64 {
	switch {
	case b.sec.count > 0:
		return max(b.sec.offset+b.sec.count-b.next, 0)
	case b.size >= 0:
		return max(b.size-b.next, 0)
	}
	return -1
}

// A rangeCall is a range of a body that has been asked for.
type rangeCall struct {
	k             *call
	offset, count int64
	data          *blob
	missing       bool
}

// ask asks for the next range.
func (b *Body) ask() (*rangeCall, error) {
	count := int64(rangeSize)
	if b.sec.count > 0 {
		count = min(count, b.sec.offset+b.sec.count-b.next)
	}
	r := &rangeCall{offset: b.next, count: count}
	m := b.msg.mb
	k := m.newCall(&imap.Fetch{UID: true, Set: imap.UIDNumSet(mailbox.UIDSetOf(b.msg.UID)), Items: []imap.FetchItem{
		{Att: imap.FetchUID}, b.sec.fetchItem(b.next, count, b.binary)}})
	k.name, k.reads = "UID FETCH", !b.sec.mark
	f := newFetching(m)
	f.set = mailbox.UIDSetOf(b.msg.UID)
	part := b.sec.Range(r.offset, r.count)
	f.req, f.binary = &request{sections: []Section{part}, exact: true}, b.binary
	f.wants = func(msg *Message) bool {
		p := msg.part(part, b.binary)
		return p != nil && p.section != nil
	}
	f.each = func(msg *Message) {
		if p := msg.part(part, b.binary); p != nil {
			r.data, r.missing = p.data, p.data == nil
			if p.data != nil {
				m.c.held += p.data.size
			}
		}
	}
	k.fetch, r.k = f, k
	if err := m.c.start(b.msg.ctx(), k); err != nil {
		return nil, err
	}
	b.next += count
	return r, nil
}

// giveUp drops the range, whether or not it has come.
func (r *rangeCall) giveUp() {
	c := r.k.mb.c
	c.abandon(r.k)
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.data != nil {
		c.releaseLocked(r.data.size)
		r.data.free()
		r.data = nil
	}
}

// result waits for the range.
func (r *rangeCall) result(ctx context.Context) (*blob, error) {
	err := r.k.mb.c.wait(ctx, r.k)
	if err == nil {
		err = r.check()
	}
	if err != nil {
		r.giveUp()
		return nil, err
	}
	return r.data, nil
}

func (r *rangeCall) check() error {
	switch { // the call has ended
	case r.missing:
		return ErrBodyDropped
	case r.data == nil:
		return errors.Join(ErrItemMissing, mailbox.ErrNotExist)
	case r.data.size > r.count:
		return &ProtocolError{What: "the server ignores the range of a body"}
	}
	return nil
}

// ctx is the context of reads: that of the loop.
func (m *Message) ctx() context.Context {
	if m.context != nil {
		return m.context
	}
	return context.Background()
}

// readEnvelope fetches the header of a message and parses it.
func (m *Mailbox) readEnvelope(ctx context.Context, uid mailbox.UID) (*message.Envelope, error) {
	b, err := m.Open(ctx, uid, Header())
	if err != nil {
		return nil, err
	}
	defer b.Close()
	sum, _, err := message.Parse(b, nil)
	if err != nil {
		return nil, err
	}
	return &sum.Envelope, nil
}
