package imapclient_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// RFC 5530 §3, RFC 9051 §7.5.1: what FETCH and STORE leave out since it is gone is no
// error, and keeps its sequence number until the caller asks what is new.
func TestExpungeIssued(t *testing.T) {
	c := scripted(t, "", `
C: {{tag:}} SELECT INBOX
S: * 3 EXISTS
S: * OK [UIDVALIDITY 1] x
S: * OK [UIDNEXT 10] x
S: ${tag} OK [READ-WRITE] done
C: {{tag:}} UID FETCH 7:9 (UID FLAGS)
S: * 1 FETCH (UID 7 FLAGS ())
S: * 3 FETCH (UID 9 FLAGS ())
S: ${tag} OK [EXPUNGEISSUED] FETCH completed
C: {{tag:}} UID STORE 8 +FLAGS.SILENT (\Seen)
S: ${tag} OK [EXPUNGEISSUED] STORE completed
C: {{tag:}} NOOP
S: * 2 EXPUNGE
S: ${tag} OK done
`, nil)
	ctx := t.Context()
	m, err := c.Select(ctx, "INBOX", nil)
	require.NoError(t, err)
	var uids []mailbox.UID
	for msg, err := range m.Fetch(ctx, imapclient.UIDs(7, 8, 9), imapclient.Flags) {
		require.NoError(t, err)
		uids = append(uids, msg.UID)
	}
	require.Equal(t, []mailbox.UID{7, 9}, uids)
	require.Equal(t, 3, m.Exists())
	require.NoError(t, m.AddFlags(ctx, imapclient.UIDs(8), mailbox.FlagSeen))
	require.Equal(t, 3, m.Exists())
	require.NoError(t, m.CatchUp(ctx))
	require.Equal(t, 2, m.Exists())
}
