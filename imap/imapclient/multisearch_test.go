package imapclient_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// TestSearchIn: the example of RFC 7377 §2.1.
func TestSearchIn(t *testing.T) {
	m := scriptedBox(t, nil, selectScript("MULTISEARCH", "", "9", "10", "")+`
C: {{a:}} ESEARCH IN (MAILBOXES folder1 SUBTREE folder2) RETURN (ALL) UNSEEN
S: * ESEARCH (TAG "${a}" MAILBOX "folder1" UIDVALIDITY 1) UID ALL 4001,4003,4005,4007,4009
S: * ESEARCH (TAG "${a}" MAILBOX "folder2/banana" UIDVALIDITY 503) UID ALL 3002,4004
S: * ESEARCH (TAG "${a}" MAILBOX "folder2/peach" UIDVALIDITY 3) UID
S: ${a} OK done
`)
	var got []string
	where := []imap.Scope{{Kind: imap.ScopeMailboxes, Mailboxes: []string{"folder1"}}, {Kind: imap.ScopeSubtree, Mailboxes: []string{"folder2"}}}
	for f, err := range m.Client().SearchIn(t.Context(), where, search.Unseen) {
		require.NoError(t, err)
		got = append(got, fmt.Sprint(f.Mailbox, " ", f.UIDValidity, " ", f.UIDs, " ", f.Count()))
	}
	require.Equal(t, []string{"folder1 1 4001,4003,4005,4007,4009 5", "folder2/banana 503 3002,4004 2"}, got)

	m = scriptedBox(t, nil, selectScript("ESEARCH", "", "9", "10", ""))
	for _, err := range m.Client().SearchIn(t.Context(), nil, search.Unseen) {
		var lacks *imapclient.UnsupportedError
		require.ErrorAs(t, err, &lacks)
	}
}
