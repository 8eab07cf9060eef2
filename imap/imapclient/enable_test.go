package imapclient_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// Names of mailboxes are UTF-8 once that is enabled, and modified UTF-7 otherwise: where the
// server lacks it, does not enable it, or is not to be asked.
func TestUTF8Names(t *testing.T) {
	const modern = `
S: ${tag} OK done
C: {{t1:}} CREATE "Entwürfe & Co"
S: ${t1} OK done
C: {{t1:}} LIST "" *{{.*}}
S: * LIST () "/" "Entwürfe & Co"
S: * LIST () "/" "&AOQ-"
S: ${t1} OK done
C: {{t1:}} STATUS &AOQ- (MESSAGES)
S: * STATUS "&AOQ-" (MESSAGES 1)
S: ${t1} OK done
C: {{t1:}} SELECT "Entwürfe & Co"
S: * LIST () "/" "Entwürfe & Co"
S: ${t1} OK done
`
	const old = `
C: {{t1:}} CREATE "Entw&APw-rfe &- Co"
S: ${t1} OK done
C: {{t1:}} LIST "" *{{.*}}
S: * LIST () "/" "Entw&APw-rfe &- Co"
S: * LIST () "/" {{amp}}
S: ${t1} OK done
C: {{t1:}} STATUS &- (MESSAGES)
S: * STATUS "&-" (MESSAGES 1)
S: ${t1} OK done
C: {{t1:}} SELECT "Entw&APw-rfe &- Co"
S: ${t1} OK done
`
	for _, x := range []struct {
		caps, script string
		second       string
		disable      []imap.Cap
	}{
		{"ENABLE UTF8=ACCEPT", "C: {{tag:}} ENABLE UTF8=ACCEPT\nS: * ENABLED UTF8=ACCEPT" + modern, "&AOQ-", nil},
		{"UTF8=ONLY", "C: {{tag:}} ENABLE UTF8=ACCEPT\nS: * ENABLED UTF8=ACCEPT" + modern, "&AOQ-", nil},
		{"IMAP4rev2", "C: {{tag:}} ENABLE IMAP4rev2\nS: * ENABLED IMAP4rev2" + modern, "&AOQ-", nil},
		{"ENABLE UTF8=ACCEPT", "C: {{tag:}} ENABLE UTF8=ACCEPT\nS: * ENABLED\nS: ${tag} OK done" + old, "&", nil},
		{"ENABLE UTF8=ACCEPT", old, "&", []imap.Cap{imap.CapUTF8Accept}},
		{"", old, "&", nil},
	} {
		script := x.script
		if x.second == "&" {
			script = strings.ReplaceAll(script, "{{amp}}", `"&-"`)
		}
		c := scripted(t, x.caps, script, &imapclient.Options{ID: imap.IDFields{}, Disable: x.disable})
		ctx := t.Context()
		require.NoError(t, c.Create(ctx, "Entwürfe & Co"), x.caps)
		entries, err := c.List(ctx, nil)
		require.NoError(t, err, x.caps)
		require.Equal(t, []string{"Entwürfe & Co", x.second}, names(entries), x.caps)
		_, err = c.Status(ctx, x.second, imap.StatusMessages)
		require.NoError(t, err, x.caps)
		_, err = c.Select(ctx, "Entwürfe & Co", nil)
		require.NoError(t, err, x.caps)
	}
}

// RFC 6154 §3 and §5.3, and a separator at the end (RFC 9051 §6.3.4).
func TestCreate(t *testing.T) {
	ctx := t.Context()
	c := scripted(t, "CREATE-SPECIAL-USE", `
C: {{tag:}} CREATE MySpecial (USE (\Drafts \Sent))
S: ${tag} OK MySpecial created
C: {{tag:}} CREATE Everything (USE (\All))
S: ${tag} NO [USEATTR] \All not supported
C: {{tag:}} CREATE owatagusiam/
S: ${tag} OK CREATE completed
C: {{tag:}} RENAME INBOX old-mail
S: ${tag} OK RENAME completed
C: {{tag:}} DELETE INBOX
S: ${tag} NO INBOX can't be deleted
`, nil)
	require.NoError(t, c.Create(ctx, "MySpecial", mailbox.UseDrafts, mailbox.UseSent))
	require.ErrorIs(t, c.Create(ctx, "Everything", mailbox.UseAll), &imap.Error{Code: imap.CodeUseAttr})
	require.NoError(t, c.Create(ctx, "owatagusiam/"))
	require.NoError(t, c.Rename(ctx, "inbox", "old-mail"))
	require.Error(t, c.Delete(ctx, "InBox"))
	var unsupported *imapclient.UnsupportedError
	require.ErrorAs(t, scripted(t, "", "", nil).Create(ctx, "x", mailbox.UseSent), &unsupported)
}
