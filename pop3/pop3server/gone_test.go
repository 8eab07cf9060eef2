package pop3server

import (
	"context"
	"iter"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/textproto"
)

// A stuckStore is one that takes as long as the caller lets it to read a message.
type stuckStore struct {
	mailbox.Store
	began chan struct{}
	ended chan error
	quit  chan bool // told by Expunge whether it can be cancelled
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
	return func(yield func(*mailbox.Message, error) bool) {
		close(m.s.began)
		<-ctx.Done()
		m.s.ended <- context.Cause(ctx)
		yield(nil, ctx.Err())
	}
}

func (m stuckMailbox) Expunge(ctx context.Context, set mailbox.UIDSet, having mailbox.FlagSet) (mailbox.Result, error) {
	m.s.quit <- ctx.Done() != nil
	return m.Mailbox.Expunge(ctx, set, having)
}

// RETR ends when its client has gone.
func TestCommandEndsWithClient(t *testing.T) {
	for _, how := range []string{"reset", "closed"} {
		t.Run(how, func(t *testing.T) {
			inner, _ := openStore(t, messages...)
			store := &stuckStore{Store: inner, began: make(chan struct{}), ended: make(chan error, 1)}
			p := dial(t, testutil.Serve(t, newServer(t, store)))
			p.login()
			p.send("RETR 1\r\n")
			<-store.began
			if how == "reset" {
				p.nc.(*net.TCPConn).SetLinger(0)
			}
			p.nc.Close()
			require.Equal(t, textproto.ErrPeerGone, <-store.ended)
		})
	}
}

// A client need not stay for the answer to QUIT.
func TestQuitOutlivesClient(t *testing.T) {
	inner, _ := openStore(t, messages...)
	store := &stuckStore{Store: inner, quit: make(chan bool)}
	p := dial(t, testutil.Serve(t, newServer(t, store)))
	p.login()
	p.send("DELE 1\r\nQUIT\r\n")
	p.nc.Close()
	require.False(t, <-store.quit)
}

// A password is not checked for a client that hung up before its turn.
func TestLoginOfGoneClient(t *testing.T) {
	store, _ := openStore(t)
	srv := newServer(t, store)
	users := &sasl.Users{Iterations: sasl.MinIterations, Checks: &sasl.Checks{Concurrent: 1}}
	require.NoError(t, users.Set("mrose", "secret"))
	srv.Authenticator = users
	addr := testutil.Serve(t, srv)
	began, end := make(chan struct{}), make(chan struct{})
	go users.Checks.Do(t.Context(), func() error { close(began); <-end; return nil })
	<-began
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	_, err = conn.Write([]byte("USER mrose\r\nPASS secret\r\n"))
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
