package imapclient_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
	"github.com/posthorn-mail/posthorn/textproto"
)

// An operation is a call that sends one or several commands.
type operation struct {
	name string
	caps string
	run  func(ctx context.Context, c *imapclient.Client, m *imapclient.Mailbox) error

	spare bool // it can do without something: what is beyond the end of a body, CHARSET, the end of an answer
}

func use[T any](_ T, err error) error { return err }

// drain reads all that a loop yields, bodies too.
func drain(ctx context.Context, m *imapclient.Mailbox, set imapclient.Set, items ...imapclient.Item) error {
	for msg, err := range m.Fetch(ctx, set, items...) {
		if err != nil {
			return err
		}
		for _, it := range items {
			if s, ok := it.(imapclient.Section); ok {
				if _, err := io.Copy(io.Discard, msg.Body(s)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func short() mailbox.Incoming {
	return mailbox.Incoming{Body: strings.NewReader("Subject: x\r\n\r\n"), Size: 14}
}

var some = imapclient.UIDs(1, 2, 4)

type ctx = context.Context

var operations = []operation{
	{name: "NOOP", run: func(ctx ctx, c *imapclient.Client, _ *imapclient.Mailbox) error { return c.Noop(ctx) }},
	{name: "SELECT", run: func(ctx ctx, c *imapclient.Client, _ *imapclient.Mailbox) error {
		return use(c.Select(ctx, "other", nil))
	}},
	{name: "SELECT without waiting", run: func(ctx ctx, c *imapclient.Client, _ *imapclient.Mailbox) error {
		m, err := c.Select(ctx, "other", &imapclient.SelectOptions{NoWait: true})
		if err != nil {
			return err
		}
		return drain(ctx, m, imapclient.All(), imapclient.Flags)
	}},
	{name: "UNSELECT", caps: " UNSELECT", run: func(ctx ctx, _ *imapclient.Client, m *imapclient.Mailbox) error { return m.Unselect(ctx) }},
	{name: "EXAMINE and CLOSE", run: func(ctx ctx, _ *imapclient.Client, m *imapclient.Mailbox) error { return m.Unselect(ctx) }},
	{name: "FETCH", run: func(ctx ctx, _ *imapclient.Client, m *imapclient.Mailbox) error {
		return drain(ctx, m, imapclient.All(), imapclient.Flags|imapclient.Envelope)
	}},
	{name: "FETCH of flags", run: func(ctx ctx, _ *imapclient.Client, m *imapclient.Mailbox) error {
		return drain(ctx, m, some, imapclient.Flags)
	}},
	{spare: true, name: "FETCH of bodies", run: func(ctx ctx, _ *imapclient.Client, m *imapclient.Mailbox) error {
		return drain(ctx, m, imapclient.All(), imapclient.Whole(), imapclient.Header())
	}},
	{name: "FETCH where", caps: " ESEARCH", run: func(ctx ctx, _ *imapclient.Client, m *imapclient.Mailbox) error {
		return drain(ctx, m, imapclient.Where(search.Unseen), imapclient.Size)
	}},
	{name: "FETCH of the last", run: func(ctx ctx, _ *imapclient.Client, m *imapclient.Mailbox) error {
		return drain(ctx, m, imapclient.Last(2), imapclient.Size)
	}},
	{spare: true, name: "message", run: func(ctx ctx, _ *imapclient.Client, m *imapclient.Mailbox) error {
		msg, err := m.Message(ctx, 2, imapclient.Header())
		if err == nil {
			err = msg.Close()
		}
		return err
	}},
	{spare: true, name: "download", run: func(ctx ctx, _ *imapclient.Client, m *imapclient.Mailbox) error {
		return use(m.Download(ctx, 6, imapclient.Whole(), io.Discard))
	}},
	{name: "SEARCH", run: func(ctx ctx, _ *imapclient.Client, m *imapclient.Mailbox) error {
		return use(m.Search(ctx, search.Seen, nil))
	}},
	{name: "ESEARCH", caps: " ESEARCH", run: func(ctx ctx, _ *imapclient.Client, m *imapclient.Mailbox) error {
		return use(m.Search(ctx, search.Seen, nil))
	}},
	{spare: true, name: "search with a literal", run: func(ctx ctx, _ *imapclient.Client, m *imapclient.Mailbox) error {
		return use(m.Search(ctx, search.Subject("grün"), nil))
	}},
	{name: "UIDs", caps: " ESEARCH", run: func(ctx ctx, _ *imapclient.Client, m *imapclient.Mailbox) error { return use(m.UIDs(ctx)) }},
	{name: "poll", caps: " ESEARCH", run: func(ctx ctx, _ *imapclient.Client, m *imapclient.Mailbox) error { return use(m.Poll(ctx)) }},
	{name: "STORE", run: func(ctx ctx, _ *imapclient.Client, m *imapclient.Mailbox) error {
		return m.AddFlags(ctx, some, mailbox.FlagSeen)
	}},
	{name: "STORE where", caps: " ESEARCH", run: func(ctx ctx, _ *imapclient.Client, m *imapclient.Mailbox) error {
		return m.RemoveFlags(ctx, imapclient.Where(search.Unseen), mailbox.FlagSeen)
	}},
	{name: "COPY", caps: " UIDPLUS", run: func(ctx ctx, _ *imapclient.Client, m *imapclient.Mailbox) error {
		return use(m.Copy(ctx, some, "other"))
	}},
	{name: "MOVE", caps: " MOVE UIDPLUS", run: func(ctx ctx, _ *imapclient.Client, m *imapclient.Mailbox) error {
		return use(m.Move(ctx, some, "other"))
	}},
	{name: "move by copy", caps: " UIDPLUS", run: func(ctx ctx, _ *imapclient.Client, m *imapclient.Mailbox) error {
		return use(m.Move(ctx, some, "other"))
	}},
	{name: "delete", caps: " UIDPLUS", run: func(ctx ctx, _ *imapclient.Client, m *imapclient.Mailbox) error { return use(m.Delete(ctx, some)) }},
	{name: "delete without UIDPLUS", run: func(ctx ctx, _ *imapclient.Client, m *imapclient.Mailbox) error {
		return use(m.Delete(ctx, some))
	}},
	{name: "APPEND", caps: " UIDPLUS", run: func(ctx ctx, c *imapclient.Client, _ *imapclient.Mailbox) error {
		return use(c.Append(ctx, "other", short()))
	}},
	{name: "APPEND without waiting", caps: " LITERAL+", run: func(ctx ctx, c *imapclient.Client, _ *imapclient.Mailbox) error {
		return use(c.Append(ctx, "other", short(), short()))
	}},
	{name: "several APPENDs", caps: " LITERAL-", run: func(ctx ctx, c *imapclient.Client, _ *imapclient.Mailbox) error {
		for _, err := range c.AppendSeq(ctx, "other", func(yield func(mailbox.Incoming, error) bool) {
			for range 3 {
				if !yield(short(), nil) {
					return
				}
			}
		}) {
			if err != nil {
				return err
			}
		}
		return nil
	}},
	{name: "LIST", run: func(ctx ctx, c *imapclient.Client, _ *imapclient.Mailbox) error { return use(c.List(ctx, nil)) }},
	{name: "LIST with STATUS", run: func(ctx ctx, c *imapclient.Client, _ *imapclient.Mailbox) error {
		return use(c.List(ctx, &imapclient.ListOptions{Status: []imap.StatusItem{imap.StatusMessages}}))
	}},
	{name: "LSUB", run: func(ctx ctx, c *imapclient.Client, _ *imapclient.Mailbox) error {
		return use(c.List(ctx, &imapclient.ListOptions{Subscribed: true}))
	}},
	{name: "STATUS", run: func(ctx ctx, c *imapclient.Client, _ *imapclient.Mailbox) error { return use(c.Status(ctx, "other")) }},
	{name: "CREATE", run: func(ctx ctx, c *imapclient.Client, _ *imapclient.Mailbox) error { return c.Create(ctx, "new") }},
	{name: "DELETE", run: func(ctx ctx, c *imapclient.Client, _ *imapclient.Mailbox) error { return c.Delete(ctx, "new") }},
	{name: "RENAME", run: func(ctx ctx, c *imapclient.Client, _ *imapclient.Mailbox) error { return c.Rename(ctx, "new", "newer") }},
	{name: "SUBSCRIBE", run: func(ctx ctx, c *imapclient.Client, _ *imapclient.Mailbox) error { return c.Subscribe(ctx, "x") }},
	{name: "UNSUBSCRIBE", run: func(ctx ctx, c *imapclient.Client, _ *imapclient.Mailbox) error { return c.Unsubscribe(ctx, "x") }},
	{name: "NAMESPACE", caps: " NAMESPACE", run: func(ctx ctx, c *imapclient.Client, _ *imapclient.Mailbox) error { return use(c.Namespace(ctx)) }},
	{name: "separator", run: func(ctx ctx, c *imapclient.Client, _ *imapclient.Mailbox) error { return use(c.Namespace(ctx)) }},
	{name: "QUOTA", caps: " QUOTA", run: func(ctx ctx, c *imapclient.Client, _ *imapclient.Mailbox) error { return use(c.Quota(ctx, "INBOX")) }},
	{name: "ID", caps: " ID", run: func(ctx ctx, c *imapclient.Client, _ *imapclient.Mailbox) error { return use(c.ID(ctx, nil)) }},
	{name: "ENABLE", caps: " ENABLE CONDSTORE", run: func(ctx ctx, c *imapclient.Client, _ *imapclient.Mailbox) error {
		return c.Enable(ctx, imap.CapCondStore)
	}},
}

// A trial is one call of an operation, in the fake time of testing/synctest.
type trial struct {
	op    operation
	at    int // the command at which the fault is, counted from the first of the call
	fault func(t *trial, j *job, w io.Writer)
	open  func(t *trial) string // before a literal is asked for

	c      *imapclient.Client
	first  int           // the number of the first command of the call
	ctx    ctx           // of the call
	cancel func()        // ends it
	back   atomic.Bool   // the call has returned
	over   chan struct{} // closed when fault has returned; nil: nobody waits for it
	err    error
	took   time.Duration
	size   []int // of the answers
	calls  int   // how many of them are to the call
}

// run makes the call.
func (x *trial) run(t *testing.T, o *imapclient.Options, after func(t *testing.T)) {
	synctest.Test(t, func(t *testing.T) {
		m := newModel(x.op.caps)
		m.fill("INBOX", 6)
		m.fill("other", 3)
		m.boxes["INBOX"].msgs[5].body += strings.Repeat("0123456789abcdef", 40<<10) // several ranges
		x.first = 1 << 30
		n := 0
		m.send = func(i int, j *job, w io.Writer) {
			n = i + 1
			if i >= x.first {
				x.size = append(x.size, len(j.answer))
			}
			if i == x.first+x.at && x.fault != nil {
				x.fault(x, j, w)
				return
			}
			io.WriteString(w, j.answer)
		}
		m.open = func(i int) string {
			if i == x.first+x.at && x.open != nil {
				return x.open(x)
			}
			return ""
		}
		var err error
		x.c, err = imapclient.NewClient(t.Context(), m.dial(), o)
		require.NoError(t, err)
		defer x.c.Close()
		inbox, err := x.c.Select(t.Context(), "INBOX", nil)
		require.NoError(t, err)
		require.NoError(t, x.c.Noop(t.Context()))
		synctest.Wait()
		x.first = n
		var cancel context.CancelFunc
		x.ctx, cancel = context.WithCancel(t.Context())
		x.cancel = cancel
		defer cancel()
		start := time.Now()
		x.err = x.op.run(x.ctx, x.c, inbox)
		x.took = time.Since(start)
		x.back.Store(true)
		if x.over != nil {
			<-x.over
		}
		synctest.Wait()
		x.calls = len(x.size)
		after(t)
		if x.c.Err() == nil {
			require.NoError(t, x.c.Noop(context.WithoutCancel(x.ctx)))
			synctest.Wait()
			require.Zero(t, x.c.InFlight())
			require.Zero(t, x.c.Held())
		} else {
			require.ErrorIs(t, x.c.Noop(t.Context()), imapclient.ErrClosed)
		}
	})
}

// sizes returns the sizes of the answers to the commands of an operation.
func sizes(t *testing.T, op operation) []int {
	x := &trial{op: op}
	x.run(t, nil, func(t *testing.T) { require.NoError(t, x.err) })
	return x.size[:x.calls]
}

// each calls f for each command of each operation.
func each(t *testing.T, f func(t *testing.T, op operation, at, size int)) {
	for _, op := range operations {
		t.Run(op.name, func(t *testing.T) {
			for at, size := range sizes(t, op) {
				f(t, op, at, size)
			}
		})
	}
}

// A refusal is the error of the call, unless the call can do without the command. The
// connection remains usable.
func TestRefusal(t *testing.T) {
	each(t, func(t *testing.T, op operation, at, _ int) {
		for _, cond := range []imap.Condition{imap.NO, imap.BAD} {
			refuse := func(_ *trial, j *job, w io.Writer) { fmt.Fprintf(w, "%s %s [CONTACTADMIN] not today\r\n", j.tag, cond) }
			x := &trial{op: op, at: at, fault: refuse}
			x.run(t, nil, func(t *testing.T) {
				if x.err == nil && op.spare {
					x.c.Close()
					return
				}
				var e *imap.Error
				require.ErrorAs(t, x.err, &e)
				require.Equal(t, cond, e.Status)
				require.Equal(t, imap.CodeContactAdmin, e.Code)
				require.NotErrorIs(t, x.err, imapclient.ErrClosed)
				var k *imapclient.CommandError
				require.ErrorAs(t, x.err, &k)
				require.NotEmpty(t, k.Command)
				require.NoError(t, x.c.Err())
			})
			if strings.Contains(op.name, "APPEND") {
				x := &trial{op: op, at: at, open: func(*trial) string { return string(cond) + " no literals" }}
				x.run(t, nil, func(t *testing.T) {
					require.ErrorIs(t, x.err, &imap.Error{Status: cond, Text: "no literals"})
					require.NoError(t, x.c.Err())
				})
			}
		}
	})
}

// What ends the connection ends the call with ErrClosed and the reason.
func TestLostConnection(t *testing.T) {
	hang := func(w io.Writer) { w.(*lockedConn).Close() }
	each(t, func(t *testing.T, op operation, at, _ int) {
		for name, fault := range map[string]func(x *trial, j *job, w io.Writer){
			"BYE": func(_ *trial, _ *job, w io.Writer) {
				io.WriteString(w, "* BYE [UNAVAILABLE] shutting down\r\n")
				hang(w)
			},
			"EOF": func(_ *trial, _ *job, w io.Writer) { hang(w) },
			"half": func(_ *trial, j *job, w io.Writer) {
				io.WriteString(w, j.answer[:len(j.answer)/2])
				hang(w)
			},
			"silence": func(x *trial, _ *job, _ io.Writer) { <-x.c.Closed() },
			"half silence": func(x *trial, j *job, w io.Writer) {
				io.WriteString(w, j.answer[:len(j.answer)/2])
				<-x.c.Closed()
			},
			"plus": func(_ *trial, _ *job, w io.Writer) { io.WriteString(w, "+ what?\r\n") },
		} {
			x := &trial{op: op, at: at, fault: fault}
			x.run(t, nil, func(t *testing.T) {
				if x.err == nil && op.spare {
					x.c.Close()
					return
				}
				require.ErrorIs(t, x.err, imapclient.ErrClosed, name)
				require.ErrorIs(t, x.c.Err(), imapclient.ErrClosed)
				select {
				case <-x.c.Closed():
				default:
					t.Error("not closed")
				}
				switch name {
				case "BYE":
					require.ErrorIs(t, x.err, &imap.Error{Status: imap.BYE, Code: imap.CodeUnavailable})
					require.ErrorIs(t, x.err, mailbox.ErrUnavailable)
				case "silence", "half silence":
					var e *textproto.TimeoutError
					require.ErrorAs(t, x.err, &e)
					require.Equal(t, 10*time.Minute, x.took)
				case "plus":
					var e *imapclient.ProtocolError
					require.ErrorAs(t, x.err, &e)
				}
			})
		}
		if strings.HasPrefix(op.name, "APPEND") || op.name == "several APPENDs" {
			x := &trial{op: op, at: at, open: func(x *trial) string { <-x.c.Closed(); return "NO too late" }}
			x.run(t, nil, func(t *testing.T) {
				var e *textproto.TimeoutError
				require.ErrorAs(t, x.err, &e)
			})
		}
	})
}

// A call whose context has ended sends nothing.
func TestCancelledBefore(t *testing.T) {
	for _, op := range operations {
		x := &trial{op: op}
		run := op.run
		x.op.run = func(ctx ctx, c *imapclient.Client, m *imapclient.Mailbox) error {
			x.cancel()
			return run(ctx, c, m)
		}
		x.run(t, nil, func(t *testing.T) {
			var e *imapclient.InterruptedError
			require.ErrorAs(t, x.err, &e, op.name)
			require.False(t, e.Sent, op.name)
			require.ErrorIs(t, x.err, context.Canceled)
			require.Zero(t, x.calls)
			require.NoError(t, x.c.Err())
		})
	}
}

// A call whose context ends while another command holds it up sends nothing.
func TestCancelledWaiting(t *testing.T) {
	for _, op := range operations {
		x := &trial{op: op}
		run := op.run
		var free chan struct{} // of the bubble
		x.fault = func(x *trial, j *job, w io.Writer) { <-free; io.WriteString(w, j.answer) }
		x.op.run = func(ctx ctx, c *imapclient.Client, m *imapclient.Mailbox) error {
			free = make(chan struct{})
			other := make(chan error)
			go func() { other <- c.Noop(context.Background()) }()
			synctest.Wait()
			go func() {
				time.Sleep(time.Minute)
				x.cancel()
			}()
			err := run(ctx, c, m)
			close(free)
			require.NoError(t, <-other)
			return err
		}
		x.run(t, &imapclient.Options{NoPipelining: true}, func(t *testing.T) {
			var e *imapclient.InterruptedError
			require.ErrorAs(t, x.err, &e, op.name)
			require.False(t, e.Sent)
			require.ErrorIs(t, x.err, context.Canceled)
			require.Equal(t, time.Minute, x.took)
			require.Equal(t, 1, x.calls)
			require.NoError(t, x.c.Err())
		})
	}
}

// A call whose context ends at any octet of an answer returns at once. The rest of
// the answer is dropped, and the connection can be used.
func TestCancelledWithin(t *testing.T) {
	each(t, func(t *testing.T, op operation, at, size int) {
		step := 1 + size/40 // what is left out is much alike
		for k := 0; k <= size; k += step {
			x := &trial{op: op, at: at}
			returned := false
			x.fault = func(x *trial, j *job, w io.Writer) {
				defer close(x.over)
				io.WriteString(w, j.answer[:k])
				synctest.Wait()
				x.cancel()
				synctest.Wait()
				returned = x.back.Load()
				io.WriteString(w, j.answer[k:])
			}
			run := op.run
			x.op.run = func(ctx ctx, c *imapclient.Client, m *imapclient.Mailbox) error {
				x.over = make(chan struct{})
				return run(ctx, c, m)
			}
			x.run(t, nil, func(t *testing.T) {
				require.NoError(t, x.c.Err(), "at %d", k)
				require.True(t, returned || k == size, "at %d", k)
				require.Zero(t, x.took)
				if x.err != nil {
					var e *imapclient.InterruptedError
					require.ErrorAs(t, x.err, &e, "at %d", k)
					require.ErrorIs(t, x.err, context.Canceled)
				} else if !op.spare {
					require.GreaterOrEqual(t, k, size-2)
				}
			})
		}
	})
}

// If a context ends before a literal is asked for, the connection is closed: the
// server would take the next command for the literal.
func TestCancelledLiteral(t *testing.T) {
	for _, op := range operations {
		if op.name != "APPEND" {
			continue
		}
		x := &trial{op: op}
		x.open = func(x *trial) string {
			synctest.Wait()
			x.cancel()
			<-x.c.Closed()
			return "NO too late"
		}
		x.run(t, nil, func(t *testing.T) {
			var e *imapclient.InterruptedError
			require.ErrorAs(t, x.err, &e)
			require.True(t, e.Sent)
			require.ErrorIs(t, x.err, context.Canceled)
			require.ErrorIs(t, x.c.Err(), context.Canceled)
		})
	}
}

// A cancelled command that is not answered holds others up for a while; then the
// connection is closed.
func TestCancelledForEver(t *testing.T) {
	for _, op := range operations {
		if op.name == "SELECT without waiting" { // nobody has cancelled that
			continue
		}
		x := &trial{op: op}
		x.fault = func(x *trial, j *job, w io.Writer) {
			io.WriteString(w, j.answer[:len(j.answer)/2])
			synctest.Wait()
			x.cancel()
			<-x.c.Closed()
		}
		x.run(t, nil, func(t *testing.T) {
			start := time.Now()
			time.Sleep(30 * time.Second) // nobody is held up
			require.NoError(t, x.c.Err(), op.name)
			err := x.c.Noop(t.Context())
			require.ErrorIs(t, err, imapclient.ErrClosed, op.name)
			var e *imapclient.ProtocolError
			require.ErrorAs(t, err, &e, op.name)
			require.LessOrEqual(t, time.Since(start), 41*time.Second)
		})
	}
}
