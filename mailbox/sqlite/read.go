package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"unsafe"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// The bounds of a page, which is read in one go and then yielded without a
// connection held: what a reader holds in memory, however slowly the client of a
// server takes it, and how long it keeps the log from being reused. A page may
// exceed pageBytes by one message.
const (
	pageRows  = 256
	pageBytes = 64 << 10
	itemBytes = int(unsafe.Sizeof(item{}))
)

// columnsOf returns the columns that are needed for want.
func columnsOf(want mailbox.Want) (cols columns) {
	if want&mailbox.WantFlags != 0 {
		cols |= colFlags
	}
	if want&mailbox.WantEntry != 0 {
		cols |= colEntry
	}
	if want&mailbox.WantSummary != 0 {
		cols |= colContent | colSummary
	}
	if want&mailbox.WantHeader != 0 {
		cols |= colContent | colHeader
	}
	if want&mailbox.WantContent != 0 {
		cols |= colContent | colBody
	}
	return cols
}

// itemsOf returns the items of a summary that are wanted.
func itemsOf(want mailbox.Want) (items message.Items) {
	for _, i := range []struct {
		want mailbox.Want
		item message.Items
	}{
		{mailbox.WantEnvelope, message.ItemEnvelope},
		{mailbox.WantStructure, message.ItemStructure},
		{mailbox.WantReferences, message.ItemReferences},
		{mailbox.WantPreview, message.ItemPreview},
	} {
		if want&i.want != 0 {
			items |= i.item
		}
	}
	return items
}

func (b *box) Messages(ctx context.Context, set mailbox.UIDSet, want mailbox.Want) iter.Seq2[*mailbox.Message, error] {
	return func(yield func(*mailbox.Message, error) bool) {
		p := pager{b: b, want: want, cols: columnsOf(want), parts: itemsOf(want), at: cursorOf(set), gap: 16}
		if p.cols&(colHeader|colBody) != 0 {
			p.gap = 2 // rows that are read and skipped cost more
		}
		defer p.release()
		for more := true; more; {
			var err error
			if more, err = p.fill(ctx); err != nil {
				yield(nil, err)
				return
			}
			for i := range p.items {
				if ctx.Err() != nil {
					yield(nil, ended(ctx))
					return
				}
				it := &p.items[i]
				var goOn bool
				if msg, err := it.message(&p); err == nil {
					goOn = yield(msg, nil)
				} else {
					goOn = yield(nil, err)
				}
				it.close()
				if !goOn {
					return
				}
			}
		}
	}
}

// pager reads a mailbox page by page.
type pager struct {
	b     *box
	want  mailbox.Want
	cols  columns
	parts message.Items // of the summary
	at    cursor
	gap   mailbox.UID
	read  entryReader
	items []item // the page

	// The yielded message, valid until the next step.
	message mailbox.Message
	summary message.Summary

	singly int // how many messages are to be read one at a time
}

// item is a message of a page.
type item struct {
	entry
	large *largeContent // if body is not all of the content
}

// release releases the contents and buffers of the page.
func (p *pager) release() {
	for i := range p.items {
		p.items[i].close()
	}
	clear(p.items)
	p.items = p.items[:0]
}

// fill reads the next page. It reports whether there may be more.
func (p *pager) fill(ctx context.Context) (more bool, err error) {
	p.release()
	err = p.b.a.read(ctx, func(c *conn) error {
		// Messages of a deleted mailbox may not have been removed yet.
		end, err := c.queryInt("SELECT uidnext FROM mailbox WHERE id = ?", p.b.id)
		if err != nil {
			return err
		}
		if end == 0 {
			return fmt.Errorf("mailbox: %w", mailbox.ErrNotExist)
		}
		if p.at.end == 0 {
			p.at.end = mailbox.UID(end)
		}
		at := p.at
		if p.singly == 0 {
			if err := p.page(ctx, c, p.cols, pageRows); !errors.Is(err, ErrDamaged) {
				return err
			}
			// SQLite cannot read a block of the file, which may belong to one
			// message only.
			p.release()
			p.at, p.singly = at, pageRows
		}
		p.singly--
		return p.one(ctx, c)
	})
	return !p.at.ended(), err
}

// page reads up to limit rows of the next span.
func (p *pager) page(ctx context.Context, c *conn, cols columns, limit int) error {
	span, ok := p.at.span(p.gap)
	if !ok {
		return nil
	}
	limit = min(limit, span.Len())
	r, err := c.query(pageQueries[cols], p.b.a.id, p.b.id, int64(span.First), int64(span.Last), int64(limit))
	if err != nil {
		return err
	}
	n, bytes := 0, 0
	for bytes < pageBytes && r.next() {
		n++
		uid := mailbox.UID(r.int(0))
		if p.at.contains(uid) {
			it := item{entry: p.read.scan(r, cols)}
			if it.chunks {
				it.large = newLargeContent(ctx, p.b, &it.entry)
			}
			p.items = append(p.items, it)
			bytes += itemBytes + len(it.summary) + len(it.body)
		}
		p.at.done(uid)
	}
	if n < limit && bytes < pageBytes {
		p.at.done(span.Last)
	}
	return r.close()
}

// one reads the next message. If only its UID can be read, it is damaged.
func (p *pager) one(ctx context.Context, c *conn) error {
	at := p.at
	if err := p.page(ctx, c, 0, 1); err != nil || len(p.items) == 0 {
		return err
	}
	uid, next := p.items[0].UID, p.at
	p.release()
	p.at = at
	err := p.page(ctx, c, p.cols, 1)
	if errors.Is(err, ErrDamaged) {
		p.release()
		it := item{entry: entry{damage: err}}
		it.UID = uid
		p.items = append(p.items, it)
		p.at = next
		err = nil
	}
	return err
}

// message prepares the message to be yielded.
func (it *item) message(p *pager) (*mailbox.Message, error) {
	if it.damage != nil {
		return nil, &mailbox.MessageError{UID: it.UID, Err: it.damage}
	}
	m, sum := &p.message, &p.summary
	*m = mailbox.Message{Entry: it.Entry}
	if p.want&mailbox.WantEntry != 0 {
		m.EmailID = contentID(it.content)
	}
	if p.cols&colSummary != 0 {
		if err := sum.UnmarshalItems(it.summary, p.parts); err != nil {
			return nil, &mailbox.MessageError{UID: it.UID, Err: fmt.Errorf("%w: %w", ErrDamaged, err)}
		}
		if p.want&mailbox.WantEnvelope != 0 {
			m.Envelope = &sum.Envelope
		}
		m.Structure, m.References, m.Preview = sum.Root, sum.References, sum.Preview
	}
	if p.want&mailbox.WantHeader != 0 {
		if it.large != nil {
			m.Header = io.NewSectionReader(it.large, 0, it.header)
		} else {
			m.Header = smallContent(it.body[:it.header])
		}
	}
	if p.want&mailbox.WantContent != 0 {
		if it.large != nil {
			m.Content = it.large
		} else {
			m.Content = smallContent(it.body)
		}
	}
	return m, nil
}

func (it *item) close() {
	if it.large != nil {
		it.large.close()
		it.large = nil
	}
}
