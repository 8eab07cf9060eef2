package imapserver_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapserver"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// A silentStore gives no events: sessions know of others' changes when they ask.
type silentStore struct{ mailbox.Store }

type silentAccount struct{ mailbox.Account }

func (s silentStore) Account(ctx context.Context, name string) (mailbox.Account, error) {
	a, err := s.Store.Account(ctx, name)
	return silentAccount{a}, err
}

func (a silentAccount) Watch(ctx context.Context) (<-chan mailbox.Event, error) {
	events := make(chan mailbox.Event)
	context.AfterFunc(ctx, func() { close(events) })
	return events, nil
}

// TestExpungedWithoutEvent: another program expunges, and no event has told of it
// when a command by sequence number needs the message.
func TestExpungedWithoutEvent(t *testing.T) {
	store := newStore(t, nil)
	acct, err := store.Account(t.Context(), "fred")
	require.NoError(t, err)
	inbox, err := acct.Mailbox(t.Context(), "INBOX")
	require.NoError(t, err)
	for i := range 4 {
		appendTo(t, acct, "INBOX", testMessage(i+1))
	}
	addr := start(t, &imapserver.Server{Store: silentStore{store}, AllowInsecureAuth: true, Authenticator: plainUsers{}})
	for i, tc := range []struct {
		cmd, status string
		untagged    []string
	}{
		{"FETCH 1 (UID)", "OK [EXPUNGEISSUED] FETCH completed; messages have been expunged", nil},
		{`STORE 1 +FLAGS (\Seen)`, "OK [EXPUNGEISSUED] STORE completed; messages have been expunged", nil},
		{"COPY 1 INBOX", "NO [EXPUNGEISSUED] some of the messages no longer exist", []string{"* 1 EXPUNGE"}},
		{"MOVE 1 INBOX", "NO [EXPUNGEISSUED] some of the messages no longer exist", []string{"* 1 EXPUNGE"}},
	} {
		c := login(t, addr)
		c.ok("SELECT INBOX")
		_, err = inbox.Expunge(t.Context(), mailbox.UIDSetOf(mailbox.UID(i+1)), mailbox.FlagSet{})
		require.NoError(t, err)
		lines, status := c.cmd(tc.cmd)
		require.Equal(t, tc.status, status)
		require.Equal(t, tc.untagged, lines)
	}
}
