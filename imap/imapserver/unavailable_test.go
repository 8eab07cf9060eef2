package imapserver_test

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapserver"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// A brokenStore fails, except for what login and SELECT need.
type brokenStore struct {
	mailbox.Store
	err error
}

func (s *brokenStore) Account(ctx context.Context, name string) (mailbox.Account, error) {
	a, err := s.Store.Account(ctx, name)
	return brokenAccount{a, s}, err
}

type brokenAccount struct {
	mailbox.Account
	s *brokenStore
}

func (a brokenAccount) Mailbox(ctx context.Context, name string) (mailbox.Mailbox, error) {
	m, err := a.Account.Mailbox(ctx, name)
	return brokenMailbox{m, a.s}, err
}

func (a brokenAccount) Create(context.Context, string, *mailbox.CreateOptions) (mailbox.Info, error) {
	return mailbox.Info{}, a.s.err
}

type brokenMailbox struct {
	mailbox.Mailbox
	s *brokenStore
}

func (m brokenMailbox) Messages(context.Context, mailbox.UIDSet, mailbox.Want) iter.Seq2[*mailbox.Message, error] {
	return func(yield func(*mailbox.Message, error) bool) { yield(nil, m.s.err) }
}

func (m brokenMailbox) SetFlags(context.Context, mailbox.UIDSet, mailbox.FlagChange) (mailbox.FlagResult, error) {
	return mailbox.FlagResult{}, m.s.err
}

func (m brokenMailbox) Copy(context.Context, mailbox.UIDSet, string) (mailbox.Result, error) {
	return mailbox.Result{}, m.s.err
}

func (m brokenMailbox) Append(context.Context, ...mailbox.Incoming) (mailbox.Result, error) {
	return mailbox.Result{}, m.s.err
}

// lines collects what is logged.
type lines struct {
	mu   sync.Mutex
	text []string
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, string(p))
	return len(p), nil
}

func (l *lines) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.text
	l.text = nil
	return text
}

// When the store fails, the client is told only that it is unavailable, and the log
// has the cause, the user and the command, but nothing that the client has sent.
func TestUnavailableIsLogged(t *testing.T) {
	inner := newStore(t, nil)
	acct, err := inner.Account(t.Context(), "fred")
	require.NoError(t, err)
	appendTo(t, acct, "INBOX", testMessage(1))
	var log lines
	srv := &imapserver.Server{
		Store:             &brokenStore{inner, fmt.Errorf("%w: cause of trouble", mailbox.ErrUnavailable)},
		AllowInsecureAuth: true,
	}
	srv.Logger = slog.New(slog.NewTextHandler(&log, nil))
	c := login(t, start(t, srv))
	c.ok("SELECT INBOX")
	require.Empty(t, log.take())
	for _, cmd := range []string{
		"FETCH 1 (FLAGS BODY[HEADER.FIELDS (private)])", "STORE 1 +FLAGS (private)", "SEARCH BODY private",
		"COPY 1 private", "CREATE private", "APPEND INBOX (private) {7+}\r\nprivate",
	} {
		_, status := c.cmd(cmd)
		require.Equal(t, "NO [UNAVAILABLE] temporarily unavailable", status)
		name, _, _ := strings.Cut(cmd, " ")
		logged := log.take()
		require.Len(t, logged, 1, cmd)
		require.Contains(t, logged[0], "level=ERROR")
		require.Contains(t, logged[0], "cause of trouble")
		require.Contains(t, logged[0], "user=fred")
		require.Contains(t, logged[0], "command="+name)
		require.NotContains(t, logged[0], "private")
	}
}
