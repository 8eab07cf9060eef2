package imapclient_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
)

func TestMessageLimit(t *testing.T) {
	m := scriptedBox(t, nil, selectScript("UIDPLUS MESSAGELIMIT=2 SAVELIMIT=1", "", "5", "6", "")+`
# No command names more messages than the server handles …
C: {{a:}} UID STORE 1:2 +FLAGS.SILENT (\Seen)
S: ${a} OK done
C: {{a:}} UID STORE 3 +FLAGS.SILENT (\Seen)
S: ${a} OK done
C: {{a:}} UID COPY 1 there
S: ${a} OK done
C: {{a:}} UID COPY 2 there
S: ${a} OK done
# … and if it handles fewer, the Client goes on behind these.
C: {{a:}} UID FETCH 1:2 (UID FLAGS)
C: {{b:}} UID FETCH 3:4 (UID FLAGS)
S: * 2 FETCH (UID 2 FLAGS ())
S: ${a} OK [MESSAGELIMIT 1 2] only one
S: * 3 FETCH (UID 3 FLAGS ())
S: * 4 FETCH (UID 4 FLAGS ())
S: ${b} OK done
C: {{a:}} UID FETCH 1 (UID FLAGS)
S: * 1 FETCH (UID 1 FLAGS ())
S: ${a} OK done
`)
	ctx := t.Context()
	require.NoError(t, m.AddFlags(ctx, imapclient.UIDs(1, 2, 3), mailbox.FlagSeen))
	_, err := m.Copy(ctx, imapclient.UIDs(1, 2), "there")
	require.NoError(t, err)
	var got mailbox.UIDSet
	for msg, err := range m.Fetch(ctx, imapclient.UIDs(1, 2, 3, 4), imapclient.Flags) {
		require.NoError(t, err)
		got.Add(msg.UID)
	}
	require.Equal(t, "1:4", got.String())
}
