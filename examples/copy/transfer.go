package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// A batch is appended in one step. Its messages are in memory, up to batchOctets,
// or it is one message that is long, which is read while it is appended.
const (
	batchOctets  = 8 << 20
	batchBuffers = 3 // one is read into, one waits, one is appended
)

// A batch is messages on their way.
type batch struct {
	uids   []mailbox.UID // at the source
	msgs   []mailbox.Incoming
	octets int64
	buf    []byte        // has the bodies
	taken  chan struct{} // closed when a body that is not in memory has been read; else nil
}

// transfer copies messages. One goroutine reads them, while this one appends.
func (m *mover) transfer(ctx context.Context, set mailbox.UIDSet) error {
	ctx, cancel := context.WithCancel(ctx)
	batches := make(chan *batch, 1)
	var read error
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(batches)
		read = m.read(ctx, set, batches)
	})
	var err error
	for b := range batches {
		if err == nil {
			err = m.append(ctx, b)
		}
		if err != nil {
			cancel() // and take what is still in the channel
		}
		if b.taken != nil {
			close(b.taken)
		} else if err == nil {
			m.free <- b.buf
		}
	}
	wg.Wait()
	cancel()
	if err == nil {
		err = read
	}
	if err != nil {
		m.free, m.made = make(chan []byte, batchBuffers), 0 // some are lost
	}
	return err
}

// read reads messages into batches.
func (m *mover) read(ctx context.Context, set mailbox.UIDSet, to chan<- *batch) error {
	send := func(b *batch) error {
		if b == nil || len(b.msgs) == 0 {
			return nil
		}
		select {
		case to <- b:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	var b *batch
	for msg, err := range m.src.messages(ctx, set) {
		if msg == nil {
			return fmt.Errorf("reading messages: %w", err)
		}
		if err != nil {
			m.refuse(msg.UID, err)
			continue
		}
		in := mailbox.Incoming{Flags: m.dst.storable(msg.Flags), InternalDate: msg.InternalDate}
		if msg.Size > batchOctets/2 {
			if err := send(b); err != nil {
				return err
			}
			b = nil
			// The size that a server tells need not be right.
			in.Body, in.Size = msg.body, mailbox.SizeUnknown
			alone := &batch{uids: []mailbox.UID{msg.UID}, msgs: []mailbox.Incoming{in}, octets: msg.Size, taken: make(chan struct{})}
			if err := send(alone); err != nil {
				return err
			}
			<-alone.taken // every batch that was sent is received
			continue
		}
		if b != nil && (len(b.msgs) >= m.batch || len(b.buf)+int(msg.Size) > cap(b.buf)) {
			if err := send(b); err != nil {
				return err
			}
			b = nil
		}
		if b == nil {
			if b, err = m.newBatch(ctx); err != nil {
				return err
			}
		}
		// A buffer that grows beyond what was reserved moves, and leaves the bodies
		// before where they are.
		body := bytes.NewBuffer(b.buf[len(b.buf):])
		if _, err := msg.body.WriteTo(body); err != nil {
			if ctx.Err() != nil || m.from.failed() {
				return err
			}
			m.refuse(msg.UID, err)
			continue
		}
		data := body.Bytes()
		if len(b.buf)+len(data) <= cap(b.buf) {
			b.buf = b.buf[:len(b.buf)+len(data)]
		}
		in.Body, in.Size = bytes.NewReader(data), int64(len(data))
		b.uids, b.msgs, b.octets = append(b.uids, msg.UID), append(b.msgs, in), b.octets+in.Size
	}
	return send(b)
}

// newBatch returns a batch with a buffer that is free.
func (m *mover) newBatch(ctx context.Context) (*batch, error) {
	select {
	case buf := <-m.free:
		return &batch{buf: buf[:0]}, nil
	default:
	}
	if m.made < cap(m.free) {
		m.made++
		return &batch{buf: make([]byte, 0, batchOctets)}, nil
	}
	select {
	case buf := <-m.free:
		return &batch{buf: buf[:0]}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// append appends a batch to the target. That it is about to be is in the journal
// before, and what has become of it afterwards.
func (m *mover) append(ctx context.Context, b *batch) error {
	if err := m.journal.intend(m.rec, mailbox.UIDSetOf(b.uids...), m.next); err != nil {
		return err
	}
	uids, refused, err := m.dst.append(ctx, b.msgs)
	var done pairs
	for i, uid := range uids { // even after an error, as far as it is known
		if uid != 0 {
			done.add(b.uids[i], uid)
			m.next = max(m.next, uid+1)
		}
	}
	if err := errors.Join(err, m.journal.done(m.rec, done)); err != nil {
		return fmt.Errorf("appending messages: %w", err)
	}
	for i, err := range refused {
		m.refuse(b.uids[i], err)
	}
	if len(b.msgs) > len(refused) && done.sources().Len()+len(refused) < len(b.msgs) {
		if err := m.findAppended(ctx, b, refused, done.sources()); err != nil {
			return err
		}
	}
	m.progress.add(len(b.msgs)-len(refused), b.octets)
	return nil
}

// findAppended finds out which UIDs the messages of a batch were given by a server
// that does not tell (RFC 4315): those of the only new messages, if there are as
// many, which are in the same order; else they are compared.
func (m *mover) findAppended(ctx context.Context, b *batch, refused map[int]error, known mailbox.UIDSet) error {
	all, err := m.dst.uids(ctx)
	if err != nil {
		return err
	}
	fresh := all.Intersect(mailbox.UIDRangeSet(m.next, mailbox.MaxUID))
	var asked []mailbox.UID
	for i, uid := range b.uids {
		if refused[i] == nil && !known.Contains(uid) {
			asked = append(asked, uid)
		}
	}
	var found pairs
	if fresh.Len() == len(asked) {
		for i, uid := range slices.Collect(fresh.All()) {
			found.add(asked[i], uid)
		}
	} else if found, err = m.match(ctx, m.src, m.dst, mailbox.UIDSetOf(asked...), fresh, false); err != nil {
		return err
	}
	m.next = max(m.next, fresh.Max()+1)
	return m.journal.done(m.rec, found)
}
