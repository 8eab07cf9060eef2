package imapclient_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/internal/transcript"
)

// selectScript is the dialogue up to the end of SELECT, of a server with these
// capabilities that enables those that the client asks for.
func selectScript(caps, enabled, exists, uidNext, modSeq string) string {
	s := "S: * PREAUTH [CAPABILITY IMAP4rev1 " + caps + "] ready\n"
	if enabled != "" {
		s += "C: {{tag:}} ENABLE {{.*}}\nS: * ENABLED " + enabled + "\nS: ${tag} OK done\n"
	}
	s += "C: {{tag:}} SELECT box{{.*}}\nS: * " + exists + " EXISTS\nS: * OK [UIDVALIDITY 7] ok\n"
	if uidNext != "" {
		s += "S: * OK [UIDNEXT " + uidNext + "] ok\n"
	}
	if modSeq != "" {
		s += "S: * OK [HIGHESTMODSEQ " + modSeq + "] ok\n"
	}
	return s + "S: ${tag} OK done\n"
}

// scriptedBox plays a dialogue that begins with selectScript.
func scriptedBox(t *testing.T, o *imapclient.Options, script string) *imapclient.Mailbox {
	t.Helper()
	if o == nil {
		o = &imapclient.Options{}
	}
	o.ID = imap.IDFields{}
	srv := transcript.Serve(t, script, nil)
	c, err := imapclient.NewClient(t.Context(), srv.Dial(), o)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	m, err := c.Select(t.Context(), "box", nil)
	require.NoError(t, err)
	return m
}
