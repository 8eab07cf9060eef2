package sqlite

import (
	"context"
	"fmt"
	"iter"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// The bounds of a page, which is read in one go and then yielded without a
// connection held: what a reader holds in memory, and how long it keeps the
// log from being reused.
const (
	pageRows  = 256
	pageBytes = 256 << 10
)

// pageQueries are the queries by what is wanted.
var pageQueries = [4]string{
	mailbox.WantEntry:   pageQuery("", ""),
	mailbox.WantSummary: pageQuery(", c.summary", " LEFT JOIN content c ON c.id = m.content"),
	mailbox.WantContent: pageQuery(", b.data", " LEFT JOIN body b ON b.id = m.content"),
	mailbox.WantSummary | mailbox.WantContent: pageQuery(", c.summary, b.data",
		" LEFT JOIN content c ON c.id = m.content LEFT JOIN body b ON b.id = m.content"),
}

func pageQuery(columns, joins string) string {
	return "SELECT " + entryColumns + columns + " FROM message m" + joins +
		" WHERE m.account = ? AND m.mailbox = ? AND m.uid BETWEEN ? AND ? ORDER BY m.uid LIMIT ?"
}

func (b *box) Messages(ctx context.Context, set mailbox.UIDSet, want mailbox.Want) iter.Seq2[*mailbox.Message, error] {
	return func(yield func(*mailbox.Message, error) bool) {
		p := pager{b: b, want: want & (mailbox.WantSummary | mailbox.WantContent), set: cursor{set.Ranges()}}
		gap := mailbox.UID(16)
		if want&mailbox.WantContent != 0 {
			gap = 2 // what is read for nothing is dear
		}
		if set.IsEmpty() { // the mailbox must exist even so
			if err := b.a.read(ctx, func(c *conn) error { _, err := b.load(c); return err }); err != nil {
				yield(nil, err)
			}
			return
		}
		defer p.release()
		for first, last := range spans(set, gap) {
			for more := true; more; first = p.next {
				var err error
				if more, err = p.fill(ctx, first, last); err != nil {
					yield(nil, err)
					return
				}
				for i := range p.items {
					if err := p.items[i].open(ctx, p.want); err != nil {
						yield(nil, err)
						return
					}
					goOn := yield(&p.items[i].Message, nil)
					p.items[i].close()
					if !goOn {
						return
					}
				}
			}
		}
	}
}

// pager reads a mailbox page by page.
type pager struct {
	b     *box
	want  mailbox.Want
	set   cursor
	read  entryReader
	items []item // the page
	next  mailbox.UID
	end   mailbox.UID // UIDNext when the iteration began
}

// item is a message of a page.
type item struct {
	mailbox.Message
	content int64
	summary []byte
	body    []byte
	large   *largeContent // if body is not all of the content
}

// release gives up what the page holds.
func (p *pager) release() {
	for i := range p.items {
		p.items[i].close()
	}
	clear(p.items)
	p.items = p.items[:0]
}

// fill reads the next page of the UIDs from first to last. It reports whether
// there may be more, from p.next on.
func (p *pager) fill(ctx context.Context, first, last mailbox.UID) (more bool, err error) {
	p.release()
	err = p.b.a.read(ctx, func(c *conn) error {
		// Messages of a deleted mailbox may still be waiting to be swept away.
		end, err := c.queryInt("SELECT uidnext FROM mailbox WHERE id = ?", p.b.id)
		if err != nil {
			return err
		}
		if end == 0 {
			return fmt.Errorf("mailbox: %w", mailbox.ErrNotExist)
		}
		if p.end == 0 {
			p.end = mailbox.UID(end)
		}
		if last = min(last, p.end-1); first > last {
			return nil
		}
		limit := min(pageRows, mailbox.UIDRange{First: first, Last: last}.Len())
		r, err := c.query(pageQueries[p.want], p.b.a.id, p.b.id, int64(first), int64(last), int64(limit))
		if err != nil {
			return err
		}
		n, bytes := 0, 0
		for bytes < pageBytes && r.next() {
			n++
			uid := mailbox.UID(r.int(0))
			p.next = uid + 1
			if uid == last {
				n = 0 // nothing can follow
			}
			if !p.set.contains(uid) {
				continue
			}
			bytes += p.scan(ctx, r)
		}
		more = n > 0 && (n == limit || bytes >= pageBytes)
		return r.close()
	})
	return more, err
}

// scan adds a row to the page and returns about how much memory it takes.
func (p *pager) scan(ctx context.Context, r *rows) int {
	var it item
	it.Entry, it.content = p.read.entry(r)
	column := entryCount
	if p.want&mailbox.WantSummary != 0 {
		it.summary = r.blob(column)
		column++
	}
	if p.want&mailbox.WantContent != 0 {
		if it.body = r.blob(column); r.null(column) {
			it.large = newLargeContent(ctx, p.b.a, it.content, it.Size)
		}
	}
	p.items = append(p.items, it)
	return 128 + len(it.summary) + len(it.body)
}

// open makes ready what is to be yielded.
func (it *item) open(ctx context.Context, want mailbox.Want) error {
	if ctx.Err() != nil {
		return ended(ctx)
	}
	if want&mailbox.WantSummary != 0 {
		it.Summary = new(message.Summary)
		if err := it.Summary.UnmarshalBinary(it.summary); err != nil {
			return fmt.Errorf("%w: summary of content %d: %w", ErrDamaged, it.content, err)
		}
	}
	switch {
	case it.large != nil:
		it.Content = it.large
	case want&mailbox.WantContent != 0:
		it.Content = smallContent(it.body)
	}
	return nil
}

func (it *item) close() {
	if it.large != nil {
		it.large.close()
		it.large = nil
	}
}
