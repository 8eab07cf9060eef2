package imapclient_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// With UIDONLY (RFC 9586) no command names a sequence number, and messages come by
// UIDFETCH and go by VANISHED.
func TestUIDOnly(t *testing.T) {
	ctx := t.Context()
	c := scripted(t, "ENABLE ESEARCH UIDONLY", `
C: {{t:}} ENABLE UIDONLY
S: * ENABLED UIDONLY
S: ${t} OK done
C: {{t:}} SELECT INBOX
S: * 3 EXISTS
S: * OK [UIDVALIDITY 1] ok
S: * OK [UIDNEXT 10] ok
S: ${t} OK done
C: {{t:}} UID SEARCH RETURN (ALL) ALL
S: * ESEARCH (TAG "${t}") UID ALL 4,7:8
S: ${t} OK done
C: {{t:}} UID FETCH 7:8 (UID FLAGS)
S: * 7 UIDFETCH (FLAGS (\Seen))
S: * 8 UIDFETCH (FLAGS ())
S: ${t} OK done
C: {{t:}} NOOP
S: * VANISHED 7
S: * 3 EXISTS
S: ${t} OK done
C: {{t:}} UID SEARCH RETURN (ALL) UID 9:*
S: * ESEARCH (TAG "${t}") UID ALL 12
S: ${t} OK done
`, &imapclient.Options{Enable: []imap.Cap{imap.CapUIDOnly}})
	m, err := c.Select(ctx, "INBOX", nil)
	require.NoError(t, err)
	var got []mailbox.UID
	for msg, err := range m.Fetch(ctx, imapclient.Last(2), imapclient.Flags) {
		require.NoError(t, err)
		require.Equal(t, msg.UID == 7, msg.Entry.Flags.Has(mailbox.FlagSeen))
		got = append(got, msg.UID)
	}
	require.Equal(t, []mailbox.UID{7, 8}, got)
	u, err := m.Poll(ctx)
	require.NoError(t, err)
	require.Equal(t, "7", u.Vanished.String())
	require.Equal(t, 1, u.Arrived)
	uids, err := m.UIDs(ctx)
	require.NoError(t, err)
	require.Equal(t, "4,8,12", uids.String())
}
