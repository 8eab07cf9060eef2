package sqlite

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/internal/storekit"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// stage reads the bodies of an Append before the transaction begins: they may come
// from a slow network, and one writer serves all calls. Small bodies are held in
// memory. Others are written to the database, as a content that has no reference
// yet: it is kept for the time of a lease, until the transaction that adds the
// messages refers to it.
type stage struct {
	ctx      context.Context
	a        *account
	messages []*staged
	held     int   // size of the buffers of messages
	total    int64 // octets of the messages that have been read, less what they replace

	// One write may be in progress while the next chunk is read. Its buffer
	// is free when it is done.
	write *request
	grows int64 // octets that the write adds to what waits in the account
	spare []byte
}

// staged is a message whose body has been read.
type staged struct {
	flags    mailbox.FlagSet
	keywords string
	date     time.Time
	size     int64
	announce int64 // the size that was announced, or mailbox.SizeUnknown
	header   int64 // octets of its header
	summary  []byte

	content int64     // if not zero, the content that holds all but rest
	stored  int64     // octets in it
	lease   time.Time // when an unreferenced content may be deleted
	rest    []byte    // the last octets, in a buffer of the budget
}

// take reads the body of a message.
func (st *stage) take(msg *mailbox.Incoming) error {
	s := st.a.s
	in, err := storekit.NewIntake(st.ctx, msg, s.opts.Limits, s.opts.Parser)
	if err != nil {
		return err
	}
	m := &staged{flags: msg.Flags, keywords: joinKeywords(msg.Flags), date: msg.InternalDate, announce: msg.Size}
	st.messages = append(st.messages, m)
	hint := minChunk // do not allocate an announced size before the octets arrive
	if msg.Size >= 0 && msg.Size < minChunk {
		hint = int(msg.Size)
	}
	m.rest = s.budget.get(hint)
	for {
		if len(m.rest) == cap(m.rest) && in.Left() != 0 {
			if err := st.makeRoom(m); err != nil {
				return err
			}
		}
		n, err := in.Read(m.rest[len(m.rest):cap(m.rest)])
		m.rest = m.rest[:len(m.rest)+n]
		if err == io.EOF {
			m.size = in.Size()
			return st.taken(m, in.Summary())
		}
		if err != nil {
			return err
		}
	}
}

// taken ends the reading of a message.
func (st *stage) taken(m *staged, sum *message.Summary) (err error) {
	m.header = sum.Root.BodyOffset
	if m.summary, err = sum.AppendBinary(nil); err != nil {
		return err
	}
	st.held += cap(m.rest)
	st.total += m.size
	if st.held > maxHeld && len(m.rest) > 0 {
		// The memory of many messages in one Append must not add up.
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

// makeRoom grows or flushes a full buffer.
func (st *stage) makeRoom(m *staged) error {
	if m.rest = st.a.s.budget.grow(m.rest); len(m.rest) < cap(m.rest) {
		return nil
	}
	return st.flush(m)
}

// flush begins to write the octets in memory to the database and gives the message
// an empty buffer.
func (st *stage) flush(m *staged) error {
	if err := st.settle(); err != nil {
		return err
	}
	data, offset, s := m.rest, m.stored, st.a.s
	whole := m.summary != nil && m.stored == 0 && len(data) <= maxBody
	r := &request{account: st.a.id, size: len(data), adds: true, lazy: true}
	total := st.total
	if m.summary == nil {
		total += max(m.announce, offset+int64(len(data)))
	}
	r.run = func(t *tx) error { return t.spool(st.a.id, m, total, offset, data, whole) }
	if err := s.submit(st.ctx, r); err != nil {
		return err
	}
	st.write, st.grows = r, m.waiting(offset+int64(len(data)))-m.waiting(offset)
	m.stored += int64(len(data))
	m.rest = st.spare
	st.spare = data
	if m.rest == nil {
		m.rest = s.budget.get(cap(data))
	}
	m.rest = m.rest[:0]
	return nil
}

// settle waits for the write in progress, even if the context is done, since the
// buffer is in use until then.
func (st *stage) settle() error {
	r := st.write
	if r == nil {
		return nil
	}
	ctx := context.WithoutCancel(st.ctx)
	err := st.a.s.wait(ctx, r)
	st.write = nil
	if errors.Is(err, errWaiting) {
		err = st.a.withSpace(st.ctx, st.grows, func() error {
			return st.a.do(ctx, &request{size: r.size, adds: true, lazy: true, run: r.run})
		})
	}
	return err
}

// release returns the buffers. Unless the messages have been added, it also deletes
// their contents in the database.
func (st *stage) release(made bool) {
	s := st.a.s
	if st.write != nil {
		s.wait(context.WithoutCancel(st.ctx), st.write)
	}
	s.budget.put(st.spare)
	var spooled []*staged
	for _, m := range st.messages {
		s.budget.put(m.rest)
		m.rest = nil
		if m.content != 0 && !made {
			spooled = append(spooled, m)
		}
	}
	if len(spooled) > 0 {
		s.submit(context.Background(), &request{account: st.a.id, lazy: true, run: func(t *tx) error {
			for _, m := range spooled {
				if err := t.unspool(st.a.id, m); err != nil {
					return err
				}
			}
			return nil
		}})
	}
}

// waiting returns the octets that the account's waiting counts for a body of which
// so many are stored. An announced size is reserved with the first of them, so that
// bodies that arrive at the same time are not all admitted to the same space.
func (m *staged) waiting(stored int64) int64 {
	if stored == 0 {
		return 0
	}
	return max(m.announce, stored) + rowSize
}

// growth returns how many octets more an account holds when staged messages are
// made.
func growth(msgs []*staged) (octets int64) {
	for _, m := range msgs {
		octets += m.size - m.waiting(m.stored)
	}
	return octets
}

// spool stores octets of a body that has no message yet; whole says that they are
// all of a small one. If what has been read of the call, total, is above the
// quota, or there is no space, the call ends here. The stage continues meanwhile:
// spool uses only announce, content and lease of m.
func (t *tx) spool(account int64, m *staged, total, offset int64, data []byte, whole bool) error {
	acct, err := t.account(account)
	if err != nil {
		return err
	}
	if err := acct.room(0, total); err != nil {
		return err
	}
	waiting := m.waiting(offset + int64(len(data)))
	grows := waiting - m.waiting(offset)
	if err := acct.space(t.s, grows); err != nil {
		return err
	}
	lease := t.now.Add(t.s.tune.lease)
	if offset == 0 {
		if m.content, err = t.newContent(account, 0, lease.Unix(), waiting, m); err != nil {
			return err
		}
		m.lease = lease
	} else {
		if m.lease.Sub(t.now) < t.s.tune.lease/2 {
			m.lease = lease
		}
		res, err := t.exec("UPDATE content SET free_at = ?, waiting = ? WHERE id = ? AND refs = 0 AND free_at > 0", m.lease.Unix(), waiting, m.content)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n != 1 {
			return errLate
		}
	}
	acct.change(t).waiting += grows
	if whole {
		return t.newBody(account, m.content, data)
	}
	return t.newChunk(account, m.content, offset, data)
}

// unspool lets a body that no message will refer to be swept away. Without this it
// would be when the lease ends.
func (t *tx) unspool(account int64, m *staged) error {
	t.wrote = true
	before, err := t.c.queryInt("SELECT waiting FROM content WHERE id = ? AND refs = 0 AND free_at > 0", m.content)
	if err != nil || before == 0 {
		return err
	}
	waiting := min(before, m.stored+rowSize) // not what is announced any more
	if _, err := t.exec("UPDATE content SET free_at = 0, waiting = ? WHERE id = ?", waiting, m.content); err != nil {
		return err
	}
	return t.waits(account, waiting-before)
}
