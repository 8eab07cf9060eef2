package imapclient_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/internal/transcript"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// What is sent behind a SELECT reports why that was refused.
func TestSelectWithoutWaiting(t *testing.T) {
	srv := transcript.Serve(t, `
S: * PREAUTH [CAPABILITY IMAP4rev1] ready
C: {{t:}} SELECT nowhere
C: {{u:}} UID FETCH 1:* (UID FLAGS)
S: ${t} NO [NONEXISTENT] there is none
S: ${u} BAD no mailbox is selected
C: {{t:}} NOOP
S: ${t} OK done
`, nil)
	c := connect(t, srv, nil)
	m, err := c.Select(t.Context(), "nowhere", &imapclient.SelectOptions{NoWait: true})
	require.NoError(t, err)
	got := fetch(t.Context(), m, imapclient.All(), imapclient.Flags)
	require.ErrorIs(t, got.err, mailbox.ErrNotExist)
	usable(t, c)
}
