package sqlite

import (
	"context"
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
	held     int // size of the buffers of messages

	// One write may be in progress while the next chunk is read. Its buffer
	// is free when it is done.
	write *request
	spare []byte
}

// staged is a message whose body has been read.
type staged struct {
	flags    mailbox.FlagSet
	keywords string
	date     time.Time
	size     int64
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
	m := &staged{flags: msg.Flags, keywords: joinKeywords(msg.Flags), date: msg.InternalDate}
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

// settle waits for the write in progress, even if the context is done, since the
// buffer is in use until then.
func (st *stage) settle() error {
	if st.write == nil {
		return nil
	}
	err := st.a.s.wait(context.WithoutCancel(st.ctx), st.write)
	st.write = nil
	return err
}

// release returns the buffers. Unless the messages have been added, it also deletes
// their contents in the database.
func (st *stage) release(made bool) {
	st.settle()
	s := st.a.s
	s.budget.put(st.spare)
	var spooled []int64
	for _, m := range st.messages {
		s.budget.put(m.rest)
		m.rest = nil
		if m.content != 0 && !made {
			spooled = append(spooled, m.content)
		}
	}
	if len(spooled) > 0 {
		// Without this it would be deleted when the lease ends.
		s.submit(context.Background(), &request{account: st.a.id, lazy: true, run: func(t *tx) error {
			for _, id := range spooled {
				if _, err := t.exec("UPDATE content SET free_at = 0 WHERE id = ? AND refs = 0", id); err != nil {
					return err
				}
			}
			return nil
		}})
	}
}

// spool stores octets of a body that has no message yet; whole says that they are
// all of a small one. The stage continues meanwhile: spool uses only content and
// lease of m.
func (t *tx) spool(account int64, m *staged, offset int64, data []byte, whole bool) error {
	lease := t.now.Add(t.s.tune.lease)
	if offset == 0 {
		id, err := t.newContent(account, 0, lease.Unix(), m)
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
