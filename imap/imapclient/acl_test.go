package imapclient_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
)

// The examples of RFC 4314 §3.
func TestACL(t *testing.T) {
	ctx := t.Context()
	c := scripted(t, "ACL RIGHTS=texk", `
C: {{tag:}} GETACL INBOX/Drafts
S: * ACL INBOX/Drafts Fred rwipslxetad Chris lrswi
S: ${tag} OK Getacl complete
C: {{tag:}} SETACL INBOX/Drafts Chris +d
S: ${tag} OK Setacl complete
C: {{tag:}} SETACL INBOX/Drafts -Fred wetd
S: ${tag} OK Setacl Complete
C: {{tag:}} LISTRIGHTS ~/Mail/saved smith
S: * LISTRIGHTS ~/Mail/saved smith la r swicdkxte
S: ${tag} OK Listrights completed
C: {{tag:}} LISTRIGHTS archive/imap anyone
S: * LISTRIGHTS archive.imap anyone "" l r s w i p k x t e c d a 0 1 2 3 4 5 6 7 8 9
S: * LISTRIGHTS archive/imap anyone "" l r s w i p k x t e c d a 0 1 2 3 4 5 6 7 8 9
S: ${tag} OK Listrights completed
C: {{tag:}} MYRIGHTS INBOX
S: * MYRIGHTS INBOX rwiptsldaex
S: ${tag} OK Myrights complete
C: {{tag:}} MYRIGHTS INBOX
S: ${tag} OK nothing
C: {{tag:}} NOOP
S: * QUOTA "" (STORAGE 1 2)
S: ${tag} OK done
`, nil)
	entries, err := c.ACL(ctx, "INBOX/Drafts")
	require.NoError(t, err)
	require.Equal(t, []imap.ACLEntry{{Identifier: "Fred", Rights: "rwipslxetad"}, {Identifier: "Chris", Rights: "lrswi"}}, entries)
	require.NoError(t, c.SetACL(ctx, "INBOX/Drafts", "Chris", imap.RightsAdd, "d"))
	require.Error(t, c.SetACL(ctx, "INBOX/Drafts", "John", imap.RightsReplace, "lrQswicda")) // not sent
	require.NoError(t, c.SetACL(ctx, "INBOX/Drafts", "-Fred", imap.RightsReplace, "wetd"))
	rights, err := c.ListRights(ctx, "~/Mail/saved", "smith")
	require.NoError(t, err)
	require.Equal(t, imap.Rights("la"), rights.Required)
	require.Equal(t, []imap.Rights{"r", "swicdkxte"}, rights.Optional)
	rights, err = c.ListRights(ctx, "archive/imap", "anyone")
	require.NoError(t, err)
	require.Empty(t, rights.Required)
	require.Len(t, rights.Optional, 23)
	mine, err := c.MyRights(ctx, "INBOX")
	require.NoError(t, err)
	require.Equal(t, imap.Rights("rwiptsldaex"), mine)
	_, err = c.MyRights(ctx, "INBOX")
	require.ErrorIs(t, err, imapclient.ErrItemMissing)

	// What can't be read is the answer all the same.
	bad := scripted(t, "ACL METADATA QUOTA", `
C: {{tag:}} GETACL INBOX
S: * ACL INBOX "alice
S: ${tag} OK done
C: {{tag:}} GETMETADATA INBOX /shared/comment
S: * METADATA INBOX (/shared/comment
S: ${tag} OK done
C: {{tag:}} GETQUOTAROOT INBOX
S: * QUOTA "" (STORAGE many 1)
S: ${tag} OK done
C: {{tag:}} STATUS INBOX (MESSAGES)
S: * STATUS INBOX (MESSAGES x)
S: ${tag} OK done
`, nil)
	var unreadable *imapclient.ResponseError
	_, err = bad.ACL(ctx, "INBOX")
	require.ErrorAs(t, err, &unreadable)
	require.Equal(t, "* ACL INBOX \"alice", string(unreadable.Raw))
	_, err = bad.Metadata(ctx, "INBOX", nil, "/shared/comment")
	require.ErrorAs(t, err, &unreadable)
	_, err = bad.Quota(ctx, "INBOX")
	require.ErrorAs(t, err, &unreadable)
	_, err = bad.Status(ctx, "INBOX", imap.StatusMessages)
	require.ErrorAs(t, err, &unreadable)
	require.Nil(t, bad.NextEvent())

	// What nobody has asked for arrives as values.
	require.NotNil(t, c.NextEvent()) // LISTRIGHTS of another mailbox
	require.NoError(t, c.Noop(ctx))
	require.Equal(t, &imapclient.Unknown{Name: "QUOTA", Values: []imap.Value{imap.String(""), imap.ListOf(imap.Atom("STORAGE"), imap.Atom("1"), imap.Atom("2"))}}, c.NextEvent())

	var unsupported *imapclient.UnsupportedError
	c = scripted(t, "", "", nil)
	_, err = c.ACL(ctx, "INBOX")
	require.ErrorAs(t, err, &unsupported)
	require.ErrorAs(t, c.SetACL(ctx, "INBOX", "a", 0, "l"), &unsupported)
	require.ErrorAs(t, c.DeleteACL(ctx, "INBOX", "a"), &unsupported)
	_, err = c.ListRights(ctx, "INBOX", "a")
	require.ErrorAs(t, err, &unsupported)
	_, err = c.MyRights(ctx, "INBOX")
	require.ErrorAs(t, err, &unsupported)
}
