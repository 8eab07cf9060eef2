package imapserver_test

import (
	"context"
	"fmt"
	"iter"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapserver"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// A countingStore counts the calls of Changes, those that have found changes of
// flags, and the messages that are read.
type countingStore struct {
	mailbox.Store
	calls, changes, read atomic.Int64
}

func (s *countingStore) Account(ctx context.Context, name string) (mailbox.Account, error) {
	a, err := s.Store.Account(ctx, name)
	return countingAccount{a, s}, err
}

type countingAccount struct {
	mailbox.Account
	s *countingStore
}

func (a countingAccount) Mailbox(ctx context.Context, name string) (mailbox.Mailbox, error) {
	m, err := a.Account.Mailbox(ctx, name)
	return countingMailbox{m, a.s}, err
}

type countingMailbox struct {
	mailbox.Mailbox
	s *countingStore
}

func (m countingMailbox) Messages(ctx context.Context, set mailbox.UIDSet, want mailbox.Want) iter.Seq2[*mailbox.Message, error] {
	return func(yield func(*mailbox.Message, error) bool) {
		for msg, err := range m.Mailbox.Messages(ctx, set, want) {
			m.s.read.Add(1)
			if !yield(msg, err) {
				return
			}
		}
	}
}

func (m countingMailbox) Changes(ctx context.Context, since mailbox.State) (mailbox.Changes, error) {
	m.s.calls.Add(1)
	ch, err := m.Mailbox.Changes(ctx, since)
	if !ch.Changed.IsEmpty() {
		m.s.changes.Add(1)
	}
	return ch, err
}

// A change of many messages is read from the store once, for all the sessions that
// ask for it: one after the other with NOOP, or when they are woken.
func TestChangesAreReadOnce(t *testing.T) {
	const messages, sessions = 3000, 10
	store := &countingStore{Store: newStore(t, nil)}
	acct, err := store.Account(t.Context(), "fred")
	require.NoError(t, err)
	for i := range messages {
		appendTo(t, acct, "INBOX", testMessage(i+1))
	}
	addr := start(t, &imapserver.Server{Store: store, AllowInsecureAuth: true})
	first := login(t, addr)
	first.ok("SELECT INBOX")
	var others []*client
	for range sessions {
		c := login(t, addr)
		c.ok("SELECT INBOX")
		others = append(others, c)
	}
	store.read.Store(0)
	first.ok("STORE 1:* +FLAGS.SILENT (\\Flagged)")
	require.Zero(t, store.read.Load())
	for _, c := range others {
		lines := c.ok("NOOP")
		require.Len(t, lines, messages)
		for i, l := range lines {
			require.Equal(t, fmt.Sprintf("* %d FETCH (FLAGS (\\Flagged))", i+1), l)
		}
	}
	require.LessOrEqual(t, store.read.Load(), int64(messages))
	require.EqualValues(t, 1, store.changes.Load())
}

// The keywords of many changed messages are told once, not with each message.
func TestKeywordsAreToldOnce(t *testing.T) {
	const messages = 100
	store := newStore(t, nil)
	acct, err := store.Account(t.Context(), "fred")
	require.NoError(t, err)
	for i := range messages {
		appendTo(t, acct, "INBOX", testMessage(i+1))
	}
	addr := start(t, &imapserver.Server{Store: store, AllowInsecureAuth: true})
	first, second := login(t, addr), login(t, addr)
	first.ok("SELECT INBOX")
	second.ok("SELECT INBOX")
	for i := range messages {
		first.ok(fmt.Sprintf("STORE %d +FLAGS.SILENT (key%d)", i+1, i+1))
	}
	lines := second.ok("NOOP")
	require.Len(t, lines, 2+messages)
	require.Contains(t, lines[0], "* FLAGS (")
	require.Contains(t, lines[0], "key100")
	require.Contains(t, lines[1], "PERMANENTFLAGS")
	require.Equal(t, "* 100 FETCH (FLAGS (key100))", lines[101])
}
