package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// stage takes the bodies of an Append off their readers before the transaction
// begins: they may come from a slow network, and one writer serves all. Small
// bodies wait in memory. What is too much for memory goes into the database,
// under a content that has no reference yet: it is garbage with a lease, until
// the transaction that makes the messages makes it theirs.
type stage struct {
	ctx    context.Context
	a      *account
	drafts []*staged
	held   int // size of the buffers of drafts

	// One write may be under way while the next chunk is read. Its buffer is
	// spare when it is done.
	write *request
	spare []byte
	probe [1]byte
}

// staged is a draft whose body has been read.
type staged struct {
	flags    mailbox.FlagSet
	keywords string
	date     time.Time
	size     int64
	summary  []byte

	content int64     // if not zero, what holds all but rest
	stored  int64     // octets in it
	lease   time.Time // until when it is kept without a reference
	rest    []byte    // the last octets, in a buffer of the budget
}

// take reads the body of a draft.
func (st *stage) take(d *mailbox.Draft) error {
	m := &staged{flags: d.Flags, keywords: joinKeywords(d.Flags), date: d.InternalDate}
	st.drafts = append(st.drafts, m)
	limit := st.a.s.opts.Limits.MaxMessageSize
	if limit > 0 && d.Size > limit {
		return fmt.Errorf("%w: %d octets, %d allowed", mailbox.ErrTooLarge, d.Size, limit)
	}
	hint := minChunk // an announced size costs nothing before the octets come
	if d.Size >= 0 && d.Size < minChunk {
		hint = int(d.Size)
	}
	m.rest = st.a.s.budget.get(hint)
	parser := message.NewParser(st.a.s.opts.Parser)
	for stuck := 0; stuck < 100; stuck++ {
		free := m.rest[len(m.rest):cap(m.rest)]
		if m.size == d.Size {
			free = st.probe[:] // nothing may follow
		} else if len(free) == 0 {
			if err := st.makeRoom(m); err != nil {
				return err
			}
			free = m.rest[len(m.rest):cap(m.rest)]
		}
		n, err := d.Body.Read(free)
		if n < 0 || n > len(free) {
			return errors.New("sqlite: body of a draft: Read returned an impossible count")
		}
		if n > 0 {
			stuck = 0
			if m.size += int64(n); d.Size >= 0 && m.size > d.Size {
				return fmt.Errorf("%w: more than %d octets", mailbox.ErrSize, d.Size)
			}
			if limit > 0 && m.size > limit {
				return fmt.Errorf("%w: more than %d octets", mailbox.ErrTooLarge, limit)
			}
			parser.Write(free[:n])
			m.rest = m.rest[:len(m.rest)+n]
		}
		switch {
		case err == io.EOF && m.size < d.Size:
			return fmt.Errorf("%w: %d octets of %d", mailbox.ErrSize, m.size, d.Size)
		case st.ctx.Err() != nil:
			return ended(st.ctx)
		case err == io.EOF:
			return st.taken(m, parser)
		case err != nil:
			return fmt.Errorf("sqlite: body of a draft: %w", err)
		}
	}
	return fmt.Errorf("sqlite: body of a draft: %w", io.ErrNoProgress)
}

// taken ends the reading of a draft.
func (st *stage) taken(m *staged, parser *message.Parser) (err error) {
	sum, _ := parser.Finish()
	if m.summary, err = sum.AppendBinary(nil); err != nil {
		return err
	}
	st.held += cap(m.rest)
	if st.held > maxHeld && len(m.rest) > 0 {
		// Many messages in one Append are not to add up in memory.
		st.held -= cap(m.rest)
		if err := st.flush(m); err != nil {
			return err
		}
		err = st.settle()
		st.a.s.budget.put(m.rest)
		m.rest = nil
		return err
	}
	return st.settle()
}

// makeRoom gives a full buffer room, in memory as long as there is some.
func (st *stage) makeRoom(m *staged) error {
	if m.rest = st.a.s.budget.grow(m.rest); len(m.rest) < cap(m.rest) {
		return nil
	}
	return st.flush(m)
}

// flush sends the octets in memory on their way into the database and gives the
// draft an empty buffer.
func (st *stage) flush(m *staged) error {
	if err := st.settle(); err != nil {
		return err
	}
	data, offset, s := m.rest, m.stored, st.a.s
	whole := m.summary != nil && m.stored == 0 && len(data) <= maxBody
	r := &request{size: len(data), lazy: true}
	r.run = func(t *tx) error { return t.spool(st.a.id, m, offset, data, whole) }
	if err := s.submit(st.ctx, r); err != nil {
		return err
	}
	st.write = r
	m.stored += int64(len(data))
	m.rest = st.spare
	st.spare = data
	if m.rest == nil {
		m.rest = s.budget.get(cap(data))
	}
	m.rest = m.rest[:0]
	return nil
}

// settle waits for the write that is under way. It waits even when the context
// has ended, since the buffer is in use until then.
func (st *stage) settle() error {
	if st.write == nil {
		return nil
	}
	err := st.a.s.wait(context.WithoutCancel(st.ctx), st.write)
	st.write = nil
	return err
}

// release gives back the buffers. Unless the messages have been made, it also
// gives up what is in the database.
func (st *stage) release(made bool) {
	st.settle()
	s := st.a.s
	s.budget.put(st.spare)
	var spooled []int64
	for _, m := range st.drafts {
		s.budget.put(m.rest)
		m.rest = nil
		if m.content != 0 && !made {
			spooled = append(spooled, m.content)
		}
	}
	if len(spooled) > 0 {
		// Without this it would be swept away when the lease ends.
		s.submit(context.Background(), &request{lazy: true, run: func(t *tx) error {
			for _, id := range spooled {
				if _, err := t.exec("UPDATE content SET free_at = 0 WHERE id = ? AND refs = 0", id); err != nil {
					return err
				}
			}
			return nil
		}})
	}
}

// spool stores octets of a body that has no message yet; whole: they are all of
// a small one. What belongs to the stage, which goes on meanwhile, it leaves
// alone: of m it uses content and lease.
func (t *tx) spool(account int64, m *staged, offset int64, data []byte, whole bool) error {
	lease := t.now.Add(t.s.tune.lease)
	if offset == 0 {
		id, err := t.newContent(account, 0, lease.Unix(), nil)
		if err != nil {
			return err
		}
		m.content, m.lease = id, lease
		if whole {
			return t.newBody(account, id, data)
		}
	} else if m.lease.Sub(t.now) < t.s.tune.lease/2 {
		if _, err := t.exec("UPDATE content SET free_at = ? WHERE id = ? AND refs = 0", lease.Unix(), m.content); err != nil {
			return err
		}
		m.lease = lease
	}
	return t.newChunk(account, m.content, offset, data)
}
