package imapserver_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapserver"
	"github.com/posthorn-mail/posthorn/mailbox"
)

func TestSearchTimeout(t *testing.T) {
	store := newStore(t, nil)
	acct, err := store.Account(t.Context(), "fred")
	require.NoError(t, err)
	appendTo(t, acct, "INBOX", testMessage(1))
	c := login(t, start(t, &imapserver.Server{Store: store, AllowInsecureAuth: true, Authenticator: plainUsers{}, SearchTimeout: time.Nanosecond}))
	c.ok("SELECT INBOX")
	_, status := c.cmd("SEARCH TEXT body")
	require.Equal(t, "NO [LIMIT] limit exceeded: it took longer than 1ns", status)
	require.Equal(t, []string{"* SEARCH 1"}, c.ok("SEARCH ALL"), "which takes nothing")
}

// A SEARCH that costs too much is refused, whether it reads much or has many keys.
func TestSearchMaxWork(t *testing.T) {
	store := newStore(t, nil)
	acct, err := store.Account(t.Context(), "fred")
	require.NoError(t, err)
	appendTo(t, acct, "INBOX", testMessage(1)+strings.Repeat("a line of text\r\n", 1<<16))
	srv := &imapserver.Server{Store: store, AllowInsecureAuth: true, Authenticator: plainUsers{}}
	srv.MaxWork = 10_000
	c := login(t, start(t, srv))
	c.ok("SELECT INBOX")
	texts := ""
	for i := range 60 {
		texts += fmt.Sprintf(" NOT TEXT absent%d", i)
	}
	for i, cmd := range []string{
		"SEARCH" + texts,
		"SEARCH CHARSET UTF-8 SUBJECT message" + strings.Repeat(" UNSEEN", 20) + texts,
		"SEARCH" + strings.Repeat(" NOT (UID 2 NOT 1)", 10) + texts,
	} {
		require.Equal(t, []string{"* SEARCH 1"}, c.ok("SEARCH NOT TEXT absent"))
		_, status := c.cmd(cmd)
		require.Equal(t, "NO [LIMIT] command costs too much; ask for less at a time", status)
		require.EqualValues(t, i+1, srv.Stats().TooMuchWork)
	}
}

// Keys of extensions that are not advertised are refused.
func TestSearchUnknownKeys(t *testing.T) {
	c := login(t, start(t, &imapserver.Server{Store: newStore(t, nil), AllowInsecureAuth: true, Authenticator: plainUsers{}}))
	c.ok("SELECT INBOX")
	for _, key := range []string{"OLDER 1", "YOUNGER 1", "SAVEDON 1-Jan-2020",
		"SAVEDATESUPPORTED", "EMAILID x", "THREADID x", "NOT (OR SEEN OLDER 1)"} {
		_, status := c.cmd("SEARCH " + key)
		require.Regexp(t, "^BAD ", status, key)
	}
}

// A message that can't be read is not found, and logged.
func TestSearchDamaged(t *testing.T) {
	store := newStore(t, nil)
	acct, err := store.Account(t.Context(), "fred")
	require.NoError(t, err)
	for i := range 3 {
		appendTo(t, acct, "INBOX", testMessage(i+1))
	}
	var log strings.Builder
	srv := &imapserver.Server{Store: damagedStore{store}, AllowInsecureAuth: true, Authenticator: plainUsers{}}
	srv.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	c := login(t, start(t, srv))
	c.ok("SELECT INBOX")
	require.Equal(t, []string{"* SEARCH 1 3"}, c.ok("SEARCH TEXT body"))
	require.Equal(t, []string{"* SEARCH 1 2 3"}, c.ok("SEARCH OR TEXT body FROM sender"))
	c.ok("LOGOUT")
	require.Equal(t, 1, strings.Count(log.String(), "message is damaged"), log.String())
}

// damagedStore has a message of UID 2 whose content can't be read.
type damagedStore struct{ mailbox.Store }

func (s damagedStore) Account(ctx context.Context, name string) (mailbox.Account, error) {
	a, err := s.Store.Account(ctx, name)
	return damagedAccount{a}, err
}

type damagedAccount struct{ mailbox.Account }

func (a damagedAccount) Mailbox(ctx context.Context, name string) (mailbox.Mailbox, error) {
	m, err := a.Account.Mailbox(ctx, name)
	return damagedMailbox{m}, err
}

type damagedMailbox struct{ mailbox.Mailbox }

func (m damagedMailbox) Messages(ctx context.Context, set mailbox.UIDSet, want mailbox.Want) iter.Seq2[*mailbox.Message, error] {
	return func(yield func(*mailbox.Message, error) bool) {
		for msg, err := range m.Mailbox.Messages(ctx, set, want) {
			if err == nil && msg.UID == 2 && msg.Content != nil {
				msg.Content = damagedContent{msg.Content}
			}
			if err == nil && msg.UID == 2 && msg.Header != nil {
				msg.Header = damagedContent{msg.Header}
			}
			if !yield(msg, err) {
				return
			}
		}
	}
}

type damagedContent struct{ mailbox.Content }

func (damagedContent) ReadAt([]byte, int64) (int, error) {
	return 0, &mailbox.MessageError{UID: 2, Err: io.ErrUnexpectedEOF}
}
