package imapserver_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapserver"
)

// Commands that change or read many messages count their work: here each costs more
// than a command may. What has been done already is not refused.
func TestCommandsCountWork(t *testing.T) {
	const messages = 200
	store := newStore(t, nil)
	acct, err := store.Account(t.Context(), "fred")
	require.NoError(t, err)
	for i := range messages {
		appendTo(t, acct, "INBOX", testMessage(i+1))
	}
	large := testMessage(1) + strings.Repeat("a line of text\r\n", 1<<16)
	srv := &imapserver.Server{Store: store, AllowInsecureAuth: true}
	srv.MaxWork = 1000
	c := login(t, start(t, srv))
	c.ok("CREATE other")
	c.ok("SELECT INBOX")
	require.Zero(t, srv.Stats().TooMuchWork)
	for i, cmd := range []string{
		"STORE 1:* +FLAGS (\\Flagged)",
		"STORE 1:* +FLAGS.SILENT (\\Answered)",
		"COPY 1:* other",
		"MOVE 1:* other",
		fmt.Sprintf("APPEND INBOX {%d+}\r\n%s", len(large), large),
	} {
		c.ok(cmd)
		require.EqualValues(t, i+1, srv.Stats().TooMuchWork, cmd)
	}
	before := srv.Stats().TooMuchWork
	c.ok("SELECT other")
	c.ok("STORE 1:* +FLAGS.SILENT (\\Deleted)")
	require.Len(t, c.ok("EXPUNGE"), 2*messages+1, "with RECENT")
	require.Equal(t, before+2, srv.Stats().TooMuchWork)
}

// A status item that is asked for many times is worked out and told once, for each
// mailbox of a LIST too.
func TestStatusItemsOnce(t *testing.T) {
	store := newStore(t, nil)
	acct, err := store.Account(t.Context(), "fred")
	require.NoError(t, err)
	appendTo(t, acct, "INBOX", testMessage(1))
	c := login(t, start(t, &imapserver.Server{Store: store, AllowInsecureAuth: true}))
	items := strings.Repeat(" MESSAGES RECENT UIDNEXT", 500)[1:]
	require.Equal(t, []string{"* STATUS INBOX (MESSAGES 1 RECENT 1 UIDNEXT 2)"}, c.ok("STATUS INBOX ("+items+")"))
	require.Equal(t, "* STATUS INBOX (MESSAGES 1 RECENT 1 UIDNEXT 2)", c.ok("LIST \"\" * RETURN (STATUS (" + items + "))")[1])
}
