package imapserver_test

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapserver"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/textproto"
)

// TestTwoServers: Watch reports the changes of a session of one server to a
// session of another server on the same store.
func TestTwoServers(t *testing.T) {
	store := newStore(t, nil)
	one := login(t, start(t, &imapserver.Server{Store: store, AllowInsecureAuth: true, Authenticator: plainUsers{}}))
	two := login(t, start(t, &imapserver.Server{Store: store, AllowInsecureAuth: true, Authenticator: plainUsers{}}))
	one.ok("SELECT INBOX")
	two.ok("SELECT INBOX")
	one.send("i IDLE\r\n")
	require.Equal(t, "+ idling", one.line())
	two.ok("APPEND INBOX {5+}\r\nhello")
	require.Equal(t, "* 1 EXISTS", one.line())
	one.line() // RECENT, in the session that asked first
	two.ok(`STORE 1 +FLAGS (\Deleted)`)
	require.Contains(t, one.line(), `* 1 FETCH (FLAGS (`)
	two.ok("EXPUNGE")
	require.Equal(t, "* 1 EXPUNGE", one.line())
	one.send("DONE\r\n")
	end := one.line()
	if end == "* 0 RECENT" { // in the session that had it as recent
		end = one.line()
	}
	require.Equal(t, "i OK IDLE terminated", end)

	two.ok("APPEND INBOX {5+}\r\nhello")
	require.Contains(t, one.ok("NOOP"), "* 1 EXISTS", "at NOOP at the latest")
}

// TestAppendBroken: the client goes away, or says something else than that the
// command ends; nothing is stored.
func TestAppendBroken(t *testing.T) {
	store := newStore(t, nil)
	addr := start(t, &imapserver.Server{Store: store, AllowInsecureAuth: true, Authenticator: plainUsers{}})
	acct, err := store.Account(t.Context(), "fred")
	require.NoError(t, err)
	inbox, err := acct.Mailbox(t.Context(), "INBOX")
	require.NoError(t, err)
	for _, script := range []string{
		"x APPEND INBOX {100+}\r\nonly this",
		"x APPEND INBOX {5+}\r\nhello",
		"x APPEND INBOX {5+}\r\nhello\r",
		"x APPEND INBOX {5+}\r\nhello garbage\r\n",
		"x APPEND INBOX {5+}\r\nhello {5+}\r\nagain\r\n",
	} {
		c := login(t, addr)
		c.send(script)
		c.conn.(interface{ CloseWrite() error }).CloseWrite()
		_, err := io.ReadAll(c.r)
		require.NoError(t, err)
		st, err := inbox.Status(t.Context())
		require.NoError(t, err)
		require.Zero(t, st.Messages, script)
	}
}

// TestShutdownLetsCommandsFinish: an APPEND that has begun is completed.
func TestShutdownLetsCommandsFinish(t *testing.T) {
	store := newStore(t, nil)
	srv := &imapserver.Server{Store: store, AllowInsecureAuth: true, Authenticator: plainUsers{}}
	c := login(t, start(t, srv))
	c.send("x APPEND INBOX {10}\r\n")
	require.Equal(t, "+ Ready", c.line())
	c.send("hello")
	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		done <- srv.Shutdown(ctx)
	}()
	time.Sleep(20 * time.Millisecond) // likely enough for Shutdown to have begun; either way the result is the same
	c.send("world\r\n")
	require.Contains(t, c.line(), "x OK [APPENDUID ")
	require.Equal(t, "* BYE [UNAVAILABLE] server is shutting down", c.line())
	require.NoError(t, <-done)
}

// failingMailbox fails as told, to see what clients are told.
type failingStore struct {
	mailbox.Store
	err error
}

type failingAccount struct {
	mailbox.Account
	s *failingStore
}

func (s *failingStore) Account(ctx context.Context, name string) (mailbox.Account, error) {
	a, err := s.Store.Account(ctx, name)
	return failingAccount{a, s}, err
}

func (a failingAccount) Mailbox(ctx context.Context, name string) (mailbox.Mailbox, error) {
	if a.s.err != nil {
		return nil, fmt.Errorf("store: mailbox %q: %w", name, a.s.err)
	}
	return a.Account.Mailbox(ctx, name)
}

func TestStoreErrors(t *testing.T) {
	store := &failingStore{Store: newStore(t, nil)}
	c := login(t, start(t, &imapserver.Server{Store: store, AllowInsecureAuth: true, Authenticator: plainUsers{}}))
	for _, tc := range []struct {
		err  error
		want string
	}{
		{mailbox.ErrNotExist, "NO [NONEXISTENT] no such mailbox"},
		{mailbox.ErrExist, "NO [ALREADYEXISTS] mailbox exists already"},
		{mailbox.ErrInvalidName, "NO [CANNOT] invalid name"},
		{fmt.Errorf("%w: wildcard '%%'", mailbox.ErrInvalidName), "NO [CANNOT] invalid name"},
		{mailbox.ErrOverQuota, "NO [OVERQUOTA] quota would be exceeded"},
		{mailbox.ErrTooLarge, "NO [TOOBIG] message is too large"},
		{mailbox.ErrReadOnly, "NO [NOPERM] mailbox is read-only"},
		{mailbox.ErrLimit, "NO [LIMIT] limit reached"},
		{textproto.ErrTooMuchWork, "NO [LIMIT] command costs too much; ask for less at a time"},
		{mailbox.ErrPermission, "NO [NOPERM] permission denied"},
		{mailbox.ErrUnavailable, "NO [UNAVAILABLE] temporarily unavailable"},
		{context.DeadlineExceeded, "NO [UNAVAILABLE] temporarily unavailable"},
		{mailbox.ErrClosed, "NO [UNAVAILABLE] temporarily unavailable"},
		{io.ErrUnexpectedEOF, "NO [SERVERBUG] internal error"},
	} {
		store.err = tc.err
		_, status := c.cmd("SELECT INBOX")
		require.Equal(t, tc.want, status)
	}
	store.err = nil
	c.ok("SELECT INBOX")
	_, status := c.cmd("CREATE a//b")
	require.Equal(t, "NO [CANNOT] invalid name: empty level", status, "the store's own texts are shown")
}
