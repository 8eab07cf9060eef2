package imapclient

import (
	"context"
	"errors"
	"iter"

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
// (see EmulateAppend); then Appended.Done says how far it came.
//
// The error is mailbox.ErrNotExist if there is no such mailbox (also the code
// TRYCREATE), mailbox.ErrTooLarge, before anything is sent, if a message exceeds
// what the server says that it takes (RFC 7889), and a [BodyError] if a body fails
// or has another size than was said.
//
// A body whose Size is mailbox.SizeUnknown is measured if it can be sought in, and
// otherwise kept: 1 MiB in memory, more in a temporary file. So is a [Body] whose
// octets are still to be fetched, from this or from another connection. Octets go
// as they are; see [CRLF]. Where the server has UTF8=ACCEPT and BINARY, headers
// with UTF-8 (RFC 6855 §4) and bodies with octets that are zero (RFC 3516 §4.4) are
// announced as such.
//
// The connection can send nothing else while a message is on its way, and is
// closed if its body fails or ctx ends in the middle. A body must therefore not
// use the connection, except as the Body of a Message: see [ErrStalled]. What fits
// into 64 KiB is read before anything is sent, and can do no such harm.
func (c *Client) Append(ctx context.Context, name string, msgs ...mailbox.Incoming) (*Appended, error) {
	out := &Appended{}
	if len(msgs) == 0 {
		return out, nil
	}
	if len(msgs) == 1 || c.has(imap.CapMultiAppend) {
		return out, c.append(ctx, name, msgs, out)
	}
	if c.o.NoEmulation&EmulateAppend != 0 {
		return out, &UnsupportedError{Cap: imap.CapMultiAppend, What: "several messages at once"}
	}
	for i := range msgs {
		if err := c.append(ctx, name, msgs[i:i+1], out); err != nil {
			return out, err
		}
	}
	return out, nil
}

// append sends one command and adds to the result.
func (c *Client) append(ctx context.Context, name string, msgs []mailbox.Incoming, out *Appended) error {
	ups, release, err := c.uploads(ctx, name, msgs)
	defer release()
	if err != nil {
		return err
	}
	k := c.appendCall(ctx, name, msgs, ups)
	if err := c.run(ctx, k); err != nil {
		return err
	}
	out.add(k, len(msgs))
	return nil
}

func (a *Appended) add(k *call, n int) {
	a.Done += n
	a.take(k.status.Arg)
}

// take takes the UIDs from APPENDUID.
func (a *Appended) take(arg any) {
	if u, ok := arg.(imap.AppendUID); ok {
		a.UIDValidity = u.UIDValidity
		for uid := range u.UIDs.All() {
			a.UIDs = append(a.UIDs, uid)
		}
	}
}

// AppendSeq stores messages one by one, several in flight, and yields the UID of
// each in order, zero if the server does not tell. A message that the server
// refuses, or whose body fails before anything of it was sent, comes as an error
// with UID zero, and so does an error of msgs; the loop may then go on. An error
// after which the connection is closed, or ctx has ended, ends it.
//
// Bodies are as for Append. msgs may be what a Fetch yields, on any connection, this
// one included; see [Drafts]. If the loop is left early, what was sent and not
// yielded may have been stored.
func (c *Client) AppendSeq(ctx context.Context, name string, msgs iter.Seq2[mailbox.Incoming, error]) iter.Seq2[mailbox.UID, error] {
	return func(yield func(mailbox.UID, error) bool) {
		s := &appendSeq{c: c, ctx: ctx, yield: yield}
		defer s.stop()
		for msg, err := range msgs {
			var k *call
			if err == nil {
				k, err = s.send(name, msg)
			}
			s.queue = append(s.queue, appendResult{k, err})
			if !s.take(appendsInFlight) {
				return
			}
		}
		s.take(0)
	}
}

// An appendSeq is an AppendSeq that is under way.
type appendSeq struct {
	c     *Client
	ctx   context.Context
	yield func(mailbox.UID, error) bool
	queue []appendResult // in the order of the messages
}

// An appendResult is a command in flight, or why there is none.
type appendResult struct {
	k   *call
	err error
}

// appendsInFlight is how many messages AppendSeq sends ahead of the answers.
const appendsInFlight = 64

func (s *appendSeq) send(name string, msg mailbox.Incoming) (*call, error) {
	msgs := []mailbox.Incoming{msg}
	ups, release, err := s.c.uploads(s.ctx, name, msgs)
	defer release()
	if err != nil {
		return nil, err
	}
	k := s.c.appendCall(s.ctx, name, msgs, ups)
	return k, s.c.start(s.ctx, k)
}

// take yields the results that are there, and waits until no more than n are
// left. It returns false if the loop has ended.
func (s *appendSeq) take(n int) bool {
	for len(s.queue) > 0 {
		r := s.queue[0]
		if len(s.queue) <= n && r.err == nil && !r.k.isDone() {
			return true
		}
		s.queue = s.queue[1:]
		var uid mailbox.UID
		if r.err == nil {
			if r.err = s.c.wait(s.ctx, r.k); r.err == nil {
				if u, ok := r.k.status.Arg.(imap.AppendUID); ok {
					uid = u.UIDs.Min()
				}
			}
		}
		if !s.yield(uid, r.err) || isEnd(r.err) {
			return false
		}
	}
	return true
}

// isEnd reports whether an error says that no further message can be stored, or come.
func isEnd(err error) bool {
	var e *InterruptedError
	return errors.Is(err, ErrClosed) || errors.As(err, &e)
}

func (s *appendSeq) stop() {
	for _, r := range s.queue {
		if r.err == nil {
			s.c.abandon(r.k)
		}
	}
}

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

// appendCall returns the call that appends messages.
func (c *Client) appendCall(ctx context.Context, name string, msgs []mailbox.Incoming, ups []*upload) *call {
	cmd := &imap.Append{Mailbox: name}
	k := namedCall(cmd, name)
	k.write = func(w *writer) error {
		return w.writeMessages(msgs, ups, progressOf(ctx, k.name, totalSize(ups)), func(m *imap.AppendMessage) {
			cmd.Message = *m
			grammar.WriteCommand(&w.e, cmd)
		})
	}
	return k
}

func totalSize(ups []*upload) int64 {
	n := int64(0)
	for _, u := range ups {
		n += u.size
	}
	return n
}
