package imapclient_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// The examples of RFC 9208 §4.1.
func TestQuota(t *testing.T) {
	ctx := t.Context()
	c := scripted(t, "QUOTA QUOTASET QUOTA=RES-STORAGE QUOTA=RES-MESSAGE", `
C: {{tag:}} GETQUOTA !partition/sda4
S: * QUOTA "!partition/sda4" (STORAGE 104 10923847)
S: ${tag} OK Getquota complete
C: {{tag:}} GETQUOTAROOT INBOX
S: * QUOTAROOT INBOX "#user/alice" "!partition/sda4"
S: * QUOTA "#user/alice" (MESSAGE 42 1000)
S: * QUOTA "!partition/sda4" (STORAGE 104 10923847)
S: ${tag} OK Getquotaroot complete
C: {{tag:}} SETQUOTA #user/alice (MESSAGE 1000 STORAGE 510)
S: * QUOTA "#user/alice" (STORAGE 58 512 MESSAGE 42 1000)
S: ${tag} OK Rounded quota
C: {{tag:}} SETQUOTA !partition/sda4 ()
S: ${tag} NO Cannot change system limit
C: {{tag:}} GETQUOTAROOT comp.mail.mime
S: * QUOTAROOT comp.mail.mime
S: ${tag} OK Getquota complete
C: {{tag:}} GETQUOTAROOT INBOX
S: * QUOTAROOT INBOX ""
S: * QUOTA "" (STORAGE 10 512 X-NEW 1 2)
S: ${tag} OK done
`, nil)
	storage := mailbox.QuotaResource{Name: mailbox.QuotaStorage, Usage: 104 << 10, Limit: 10923847 << 10}
	got, err := c.QuotaRoot(ctx, "!partition/sda4")
	require.NoError(t, err)
	require.Equal(t, []imap.QuotaData{{Root: "!partition/sda4", Resources: []mailbox.QuotaResource{storage}}}, got)
	got, err = c.Quota(ctx, "INBOX")
	require.NoError(t, err)
	require.Equal(t, []imap.QuotaData{
		{Root: "#user/alice", Resources: []mailbox.QuotaResource{{Name: mailbox.QuotaMessage, Usage: 42, Limit: 1000}}},
		{Root: "!partition/sda4", Resources: []mailbox.QuotaResource{storage}},
	}, got)
	got, err = c.SetQuota(ctx, "#user/alice", map[mailbox.QuotaName]int64{mailbox.QuotaStorage: 509<<10 + 1, mailbox.QuotaMessage: 1000})
	require.NoError(t, err)
	require.Equal(t, int64(512<<10), got[0].Resources[0].Limit)
	_, err = c.SetQuota(ctx, "!partition/sda4", nil)
	require.Error(t, err)
	got, err = c.Quota(ctx, "comp.mail.mime")
	require.NoError(t, err)
	require.Empty(t, got)
	got, err = c.Quota(ctx, "INBOX")
	require.NoError(t, err)
	require.Equal(t, mailbox.QuotaResource{Name: "X-NEW", Usage: 1, Limit: 2}, got[0].Resources[1])
	_, err = c.SetQuota(ctx, "x", map[mailbox.QuotaName]int64{mailbox.QuotaMessage: -1}) // not sent
	require.Error(t, err)

	var unsupported *imapclient.UnsupportedError
	c = scripted(t, "QUOTA QUOTA=RES-STORAGE", "", nil)
	_, err = c.SetQuota(ctx, "x", nil)
	require.ErrorAs(t, err, &unsupported)
	require.Equal(t, imap.CapQuotaSet, unsupported.Cap)
	c = scripted(t, "QUOTA", "C: {{tag:}} SETQUOTA x ()\nS: ${tag} OK RFC 2087\n", nil)
	_, err = c.SetQuota(ctx, "x", nil)
	require.NoError(t, err)
}
