package imapstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// Append implements [mailbox.Mailbox]. The messages are read first: 1 MiB of them is
// kept in memory, the rest in a temporary file. So a connection never waits for a
// Body, which may be the Content of a message of the same account, and an error of a
// Body stops the call before anything is sent.
//
// Several messages are all or none where the server has MULTIAPPEND (RFC 3502).
// Otherwise they are appended one by one, so that others may see a part of them; if
// one fails, those before it are removed again, as far as that is possible. Without
// UIDPLUS (RFC 4315), the result does not have the UIDs.
//
// The mailbox is found by its name: if another has taken it since it was last looked
// at, the messages are in that one, and the error is mailbox.ErrNotExist.
func (m *boxHandle) Append(ctx context.Context, msgs ...mailbox.Incoming) (mailbox.Result, error) {
	var res mailbox.Result
	if err := m.writable(ctx, mailbox.RightInsert); err != nil || len(msgs) == 0 {
		return res, err
	}
	name := m.info.Name
	limit := m.h.Limits().MaxMessageSize
	for i := range msgs {
		if limit > 0 && msgs[i].Size > limit {
			return res, wrap("append to", name, errTooLarge(limit))
		}
	}
	sp := &spool{ctx: ctx, limit: limit}
	defer sp.close()
	ready := make([]mailbox.Incoming, len(msgs))
	for i, msg := range msgs {
		var err error
		if ready[i], err = sp.take(msg); err != nil {
			return res, wrap("append to", name, err)
		}
		ready[i].Flags = m.b.settable(msg.Flags)
	}
	name, err := m.b.where()
	if err != nil {
		return res, wrap("append to", name, err)
	}
	var uids []mailbox.UID
	var validity uint32
	starts, err := positions(ready)
	if err != nil {
		return res, wrap("append to", name, err)
	}
	err = m.h.client(ctx, false, func(c *imapclient.Client) (err error) {
		if err := rewind(ready, starts); err != nil {
			return err
		}
		uids, validity, err = m.h.append(ctx, c, m.h.server(name), ready)
		return err
	})
	if err != nil {
		if mayHaveBeenDone(err) {
			m.b.tell(mailbox.EventNew)
		}
		if len(uids) > 0 {
			err = errors.Join(err, m.undo(ctx, uids, validity))
		}
		return res, wrap("append to", name, err)
	}
	if validity != 0 && validity != m.b.validity {
		m.h.tell(mailbox.Event{Kind: mailbox.EventMailboxes})
		return res, wrap("append to", name, errOther)
	}
	for _, uid := range uids {
		if uid != 0 {
			res.Add(0, uid)
		}
	}
	res.DestID, res.DestUIDValidity, res.Steps = m.b.id, m.b.validity, mailbox.UnknownSteps()
	m.b.tell(mailbox.EventNew)
	return res, nil
}

// positions returns where the bodies of spooled messages begin.
func positions(msgs []mailbox.Incoming) ([]int64, error) {
	out := make([]int64, len(msgs))
	for i := range msgs {
		var err error
		if out[i], err = msgs[i].Body.(io.Seeker).Seek(0, io.SeekCurrent); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// rewind makes the messages ready to be sent, again if need be.
func rewind(msgs []mailbox.Incoming, starts []int64) error {
	for i := range msgs {
		if _, err := msgs[i].Body.(io.Seeker).Seek(starts[i], io.SeekStart); err != nil {
			return err
		}
	}
	return nil
}

// append sends the messages. On error it returns the UIDs of those that were stored
// nevertheless.
func (a *account) append(ctx context.Context, c *imapclient.Client, name string, msgs []mailbox.Incoming) ([]mailbox.UID, uint32, error) {
	if len(msgs) == 1 || a.has(imap.CapMultiAppend) {
		out, err := c.Append(ctx, name, msgs...)
		return out.UIDs, out.UIDValidity, unsent(err)
	}
	var uids []mailbox.UID
	var validity uint32
	var failed error
	for _, msg := range msgs {
		out, err := c.Append(ctx, name, msg)
		if err != nil {
			if failed = err; len(uids) == 0 {
				failed = unsent(err)
			}
			break
		}
		uids, validity = append(uids, out.UIDs...), max(validity, out.UIDValidity)
	}
	return uids, validity, failed
}

// undo removes messages again that were appended by a call that has failed.
func (m *boxHandle) undo(ctx context.Context, uids []mailbox.UID, validity uint32) error {
	if validity != m.b.validity {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer cancel()
	_, err := m.Expunge(ctx, mailbox.UIDSetOf(uids...), mailbox.FlagSet{})
	if err != nil {
		return fmt.Errorf("%d messages remain: %w", len(uids), err)
	}
	return nil
}

// A spool keeps messages until they are sent.
type spool struct {
	ctx   context.Context
	limit int64
	used  int64 // octets in memory
	file  *os.File
	size  int64 // of the file
}

// spoolMemory is how much is kept in memory.
const spoolMemory = 1 << 20

func (s *spool) close() {
	if s.file != nil {
		s.file.Close()
		os.Remove(s.file.Name())
	}
}

// take reads a message. What is in memory already is not copied.
func (s *spool) take(msg mailbox.Incoming) (mailbox.Incoming, error) {
	if n := inMemory(msg.Body); n >= 0 {
		switch {
		case msg.Size >= 0 && n != msg.Size:
			return msg, fmt.Errorf("%w: %d octets, not %d", mailbox.ErrSize, n, msg.Size)
		case s.limit > 0 && n > s.limit:
			return msg, errTooLarge(s.limit)
		}
		if msg.Body == nil {
			msg.Body = strings.NewReader("")
		}
		msg.Size = n
		return msg, nil
	}
	in := &intake{s: s, body: msg.Body, left: msg.Size}
	room := spoolMemory - s.used
	var buf bytes.Buffer
	n, err := io.CopyN(&buf, in, room+1)
	if err == io.EOF {
		s.used += n
		msg.Body, msg.Size = bytes.NewReader(buf.Bytes()), n
		return msg, nil
	}
	if err != nil {
		return msg, err
	}
	if s.file == nil {
		if s.file, err = os.CreateTemp("", "imapstore"); err != nil {
			return msg, err
		}
	}
	start := s.size
	w := io.NewOffsetWriter(s.file, start)
	n, err = io.Copy(w, io.MultiReader(&buf, in))
	s.size += n
	msg.Body, msg.Size = io.NewSectionReader(s.file, start, n), n
	return msg, err
}

// inMemory returns the length of a body that is in memory and can't fail, else -1.
func inMemory(body io.Reader) int64 {
	switch b := body.(type) {
	case nil:
		return 0
	case *bytes.Reader:
		return int64(b.Len())
	case *strings.Reader:
		return int64(b.Len())
	}
	return -1
}

// An intake reads a Body, and returns io.EOF only if it has the size that was
// announced and is within the limit.
type intake struct {
	s     *spool
	body  io.Reader
	left  int64 // announced; negative: not known
	size  int64
	empty int
}

func (in *intake) Read(p []byte) (int, error) {
	if err := in.s.ctx.Err(); err != nil {
		return 0, fmt.Errorf("reading the message: %w", err)
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := in.body.Read(p)
	in.size += int64(n)
	if n > 0 || err != nil {
		in.empty = 0
	} else if in.empty++; in.empty > 100 {
		return 0, fmt.Errorf("reading the message: %w", io.ErrNoProgress)
	}
	switch {
	case in.s.limit > 0 && in.size > in.s.limit:
		return 0, errTooLarge(in.s.limit)
	case in.left >= 0 && in.size > in.left:
		return 0, fmt.Errorf("%w: more than %d octets", mailbox.ErrSize, in.left)
	case err == io.EOF && in.left >= 0 && in.size < in.left:
		return 0, fmt.Errorf("%w: %d octets of %d", mailbox.ErrSize, in.size, in.left)
	case err != nil && err != io.EOF:
		return 0, fmt.Errorf("reading the message: %w", err)
	}
	return n, err
}
