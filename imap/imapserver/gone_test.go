package imapserver_test

import (
	"context"
	"io"
	"iter"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapserver"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/textproto"
)

// A stuckStore is one that takes as long as the caller lets it, except for what
// SELECT needs.
type stuckStore struct {
	mailbox.Store
	began chan string
	ended chan error
}

func (s *stuckStore) wait(ctx context.Context, what string) error {
	s.began <- what
	<-ctx.Done()
	s.ended <- context.Cause(ctx)
	return ctx.Err()
}

func (s *stuckStore) Account(ctx context.Context, name string) (mailbox.Account, error) {
	a, err := s.Store.Account(ctx, name)
	return stuckAccount{a, s}, err
}

type stuckAccount struct {
	mailbox.Account
	s *stuckStore
}

func (a stuckAccount) Mailbox(ctx context.Context, name string) (mailbox.Mailbox, error) {
	m, err := a.Account.Mailbox(ctx, name)
	return stuckMailbox{m, a.s}, err
}

type stuckMailbox struct {
	mailbox.Mailbox
	s *stuckStore
}

func (m stuckMailbox) Messages(ctx context.Context, set mailbox.UIDSet, want mailbox.Want) iter.Seq2[*mailbox.Message, error] {
	if want&mailbox.WantContent == 0 {
		return m.Mailbox.Messages(ctx, set, want)
	}
	return func(yield func(*mailbox.Message, error) bool) { yield(nil, m.s.wait(ctx, "Messages")) }
}

func (m stuckMailbox) Append(ctx context.Context, in ...mailbox.Incoming) (mailbox.Result, error) {
	io.Copy(io.Discard, in[0].Body)
	return mailbox.Result{}, m.s.wait(ctx, "Append")
}

func (m stuckMailbox) SetFlags(ctx context.Context, _ mailbox.UIDSet, _ mailbox.FlagChange) (mailbox.FlagResult, error) {
	return mailbox.FlagResult{}, m.s.wait(ctx, "SetFlags")
}

func (m stuckMailbox) Copy(ctx context.Context, _ mailbox.UIDSet, _ string) (mailbox.Result, error) {
	return mailbox.Result{}, m.s.wait(ctx, "Copy")
}

func (m stuckMailbox) Move(ctx context.Context, _ mailbox.UIDSet, _ string) (mailbox.Result, error) {
	return mailbox.Result{}, m.s.wait(ctx, "Move")
}

func (m stuckMailbox) Expunge(ctx context.Context, _ mailbox.UIDSet, _ mailbox.FlagSet) (mailbox.Result, error) {
	return mailbox.Result{}, m.s.wait(ctx, "Expunge")
}

// A command that takes long ends when its client has gone, by a reset or by the
// end of its input.
func TestCommandEndsWithClient(t *testing.T) {
	for _, how := range []string{"reset", "closed"} {
		for _, tc := range []struct{ cmd, call string }{
			{"SEARCH BODY x", "Messages"},
			{"FETCH 1 BODY.PEEK[]", "Messages"},
			{"STORE 1 +FLAGS (\\Seen)", "SetFlags"},
			{"APPEND INBOX {5+}\r\nhello", "Append"},
			{"COPY 1 INBOX", "Copy"},
			{"MOVE 1 INBOX", "Move"},
			{"EXPUNGE", "Expunge"},
		} {
			t.Run(how+" "+tc.call, func(t *testing.T) {
				inner := newStore(t, nil)
				acct, err := inner.Account(t.Context(), "fred")
				require.NoError(t, err)
				appendTo(t, acct, "INBOX", testMessage(1))
				store := &stuckStore{Store: inner, began: make(chan string), ended: make(chan error, 1)}
				c := login(t, start(t, &imapserver.Server{Store: store, AllowInsecureAuth: true}))
				c.ok("SELECT INBOX")
				c.send("x " + tc.cmd + "\r\n")
				require.Equal(t, tc.call, <-store.began)
				if how == "reset" {
					c.conn.(*net.TCPConn).SetLinger(0)
				}
				c.conn.Close()
				require.Equal(t, textproto.ErrPeerGone, <-store.ended)
			})
		}
	}
}

// A password is not checked for a client that hung up before its turn.
func TestLoginOfGoneClient(t *testing.T) {
	srv := &imapserver.Server{Store: newStore(t, nil), AllowInsecureAuth: true}
	users := &sasl.Users{Iterations: sasl.MinIterations, Checks: &sasl.Checks{Concurrent: 1}}
	require.NoError(t, users.Set("fred", "secret"))
	srv.Authenticator = users
	addr := start(t, srv)
	began, end := make(chan struct{}), make(chan struct{})
	go users.Checks.Do(t.Context(), func() error { close(began); <-end; return nil })
	<-began
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	_, err = conn.Write([]byte("x LOGIN fred secret\r\n"))
	require.NoError(t, err)
	for users.Checks.Stats().Waiting == 0 {
		time.Sleep(time.Millisecond)
	}
	require.NoError(t, conn.Close())
	close(end)
	for srv.Stats().Active > 0 {
		time.Sleep(time.Millisecond)
	}
	require.Equal(t, sasl.ChecksStats{Checks: 1, Waits: 1, Left: 1}, users.Checks.Stats())
}
