package imapclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// Appended is the result of Append.
type Appended struct {
	UIDs        []mailbox.UID // of the messages in order, as far as the server tells (RFC 4315)
	UIDValidity uint32        // zero: not told
	Done        int           // how many messages the server has confirmed
}

// Append stores messages in a mailbox (RFC 9051 §6.3.12): several in one command,
// all or none, where the server has MULTIAPPEND (RFC 3502), otherwise one by one
// (see EmulateAppend). The error is mailbox.ErrNotExist if there is no such
// mailbox, and mailbox.ErrTooLarge, before anything is sent, if a message exceeds
// what the server takes.
//
// A body whose Size is mailbox.SizeUnknown is measured if it can be sought in, and
// otherwise kept: 1 MiB in memory, more in a temporary file. Its octets go as they
// are; see CRLF. A body that ends early or fails closes the connection, since the
// server waits for the rest.
func (c *Client) Append(ctx context.Context, name string, msgs ...mailbox.Incoming) (*Appended, error) {
	out := &Appended{}
	if len(msgs) == 0 {
		return out, nil
	}
	ready, release, err := c.measure(msgs)
	defer release()
	if err != nil {
		return out, err
	}
	if len(ready) == 1 || c.has(imap.CapMultiAppend) {
		k := c.appendCall(ctx, name, ready)
		if err := c.run(ctx, k); err != nil {
			return out, err
		}
		out.add(k, len(ready))
		return out, nil
	}
	if c.o.NoEmulation&EmulateAppend != 0 {
		return out, &UnsupportedError{Cap: imap.CapMultiAppend, What: "several messages at once"}
	}
	for _, msg := range ready {
		k := c.appendCall(ctx, name, []mailbox.Incoming{msg})
		if err := c.run(ctx, k); err != nil {
			return out, err
		}
		out.add(k, 1)
	}
	return out, nil
}

func (a *Appended) add(k *call, n int) {
	a.Done += n
	if u, ok := k.status.Arg.(imap.AppendUID); ok {
		a.UIDValidity = u.UIDValidity
		for uid := range u.UIDs.All() {
			a.UIDs = append(a.UIDs, uid)
		}
	}
}

// AppendSeq stores messages one by one, several in flight, and yields the UID of
// each in order, zero if the server does not tell. A message that is refused comes
// as an error with UID zero, and the loop may go on; any other error ends it. An
// error of drafts ends it too, after what was sent has been answered.
func (c *Client) AppendSeq(ctx context.Context, name string, msgs iter.Seq2[mailbox.Incoming, error]) iter.Seq2[mailbox.UID, error] {
	return func(yield func(mailbox.UID, error) bool) {
		var flying []*call
		defer func() {
			for _, k := range flying {
				c.abandon(k)
			}
		}()
		// take yields the result of the oldest.
		take := func() bool {
			k := flying[0]
			err := c.wait(ctx, k)
			flying = flying[1:]
			var uid mailbox.UID
			var e *imap.Error
			switch {
			case err == nil:
				if u, ok := k.status.Arg.(imap.AppendUID); ok {
					uid = u.UIDs.Min()
				}
			case !errors.As(err, &e) || errors.Is(err, ErrClosed):
				yield(0, err)
				return false
			}
			return yield(uid, err)
		}
		for msg, err := range msgs {
			if err != nil {
				for len(flying) > 0 {
					if !take() {
						return
					}
				}
				yield(0, err)
				return
			}
			ready, release, err := c.measure([]mailbox.Incoming{msg})
			if err == nil {
				k := c.appendCall(ctx, name, ready)
				if err = c.start(ctx, k); err == nil {
					flying = append(flying, k)
				}
			}
			release()
			if err != nil {
				if !errors.Is(err, mailbox.ErrTooLarge) {
					yield(0, err)
					return
				}
				for len(flying) > 0 {
					if !take() {
						return
					}
				}
				if !yield(0, err) {
					return
				}
			}
			for len(flying) > 0 && (len(flying) >= appendsInFlight || flying[0].isDone()) {
				if !take() {
					return
				}
			}
		}
		for len(flying) > 0 {
			if !take() {
				return
			}
		}
	}
}

// appendsInFlight is how many messages AppendSeq sends ahead of the answers.
const appendsInFlight = 64

func (k *call) isDone() bool {
	select {
	case <-k.done:
		return true
	default:
		return false
	}
}

// Drafts turns what Fetch yields, with Entry and Whole, into what AppendSeq takes.
func Drafts(msgs iter.Seq2[*Message, error]) iter.Seq2[mailbox.Incoming, error] {
	return func(yield func(mailbox.Incoming, error) bool) {
		for msg, err := range msgs {
			if err != nil {
				if !yield(mailbox.Incoming{}, err) {
					return
				}
				continue
			}
			if !yield(msg.Draft(), nil) {
				return
			}
		}
	}
}

// appendCall returns the call that appends messages of known size.
func (c *Client) appendCall(ctx context.Context, name string, msgs []mailbox.Incoming) *call {
	first := appendMessage(&msgs[0])
	k := namedCall(&imap.Append{Mailbox: name, Message: first}, name)
	k.write = func(w *writer) error {
		progress := progressOf(ctx, total(msgs))
		grammar.WriteCommand(&w.e, k.cmd)
		for i := range msgs {
			m := appendMessage(&msgs[i])
			if i > 0 {
				grammar.WriteMessage(&w.e, &m)
			}
			if err := w.send(); err != nil {
				return err
			}
			if err := w.stream(msgs[i].Body, msgs[i].Size, progress); err != nil {
				return err
			}
			w.e.Reset(w.c.conn.AvailableBuffer())
			grammar.EndMessage(&w.e, &m)
		}
		return nil
	}
	return k
}

func appendMessage(msg *mailbox.Incoming) imap.AppendMessage {
	m := imap.AppendMessage{Date: msg.InternalDate, Literal: imap.Literal{Size: msg.Size}}
	for f := range msg.Flags.All() {
		m.Flags = append(m.Flags, f)
	}
	return m
}

func total(msgs []mailbox.Incoming) int64 {
	n := int64(0)
	for i := range msgs {
		n += msgs[i].Size
	}
	return n
}

// measure returns the messages with known sizes. release removes temporary files.
func (c *Client) measure(msgs []mailbox.Incoming) (out []mailbox.Incoming, release func(), err error) {
	var files []*os.File
	release = func() {
		for _, f := range files {
			f.Close()
			os.Remove(f.Name())
		}
	}
	limit := c.appendLimit()
	out = append(out, msgs...)
	for i := range out {
		msg := &out[i]
		if msg.Size < 0 {
			f, err := sizeUp(msg)
			if f != nil {
				files = append(files, f)
			}
			if err != nil {
				return out, release, fmt.Errorf("imapclient: reading the message: %w", err)
			}
		}
		if limit >= 0 && msg.Size > limit {
			return out, release, fmt.Errorf("imapclient: %d octets, the server takes %d: %w", msg.Size, limit, mailbox.ErrTooLarge)
		}
	}
	return out, release, nil
}

// appendLimit returns how large a message may be, negative if that is not known
// (RFC 7889).
func (c *Client) appendLimit() int64 {
	v, ok := c.Capabilities().Value(string(imap.CapAppendLimit))
	var n int64
	if !ok {
		return -1
	}
	if _, err := fmt.Sscanf(v, "%d", &n); err != nil || n <= 0 {
		return -1
	}
	return n
}

// spoolMemory is how much of a body of unknown size is kept in memory.
const spoolMemory = 1 << 20

// sizeUp finds out the size of a body. If it is long and can't be sought in, it is
// copied to a file.
func sizeUp(msg *mailbox.Incoming) (*os.File, error) {
	if s, ok := msg.Body.(io.Seeker); ok {
		here, err := s.Seek(0, io.SeekCurrent)
		if err == nil {
			var end int64
			if end, err = s.Seek(0, io.SeekEnd); err == nil {
				_, err = s.Seek(here, io.SeekStart)
				msg.Size = end - here
				return nil, err
			}
		}
	}
	var buf bytes.Buffer
	n, err := io.CopyN(&buf, msg.Body, spoolMemory)
	if err == io.EOF {
		msg.Body, msg.Size = &buf, n
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	f, err := os.CreateTemp("", "imapclient")
	if err != nil {
		return nil, err
	}
	size, err := io.Copy(f, io.MultiReader(&buf, msg.Body))
	if err != nil {
		return f, err
	}
	_, err = f.Seek(0, io.SeekStart)
	msg.Body, msg.Size = f, size
	return f, err
}
