package imapclient_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
)

// What servers answer to STATUS: a blank too many (Q3: Exchange), nothing (Q11: 163), items
// of RFC 7889 §4, RFC 8474 §4.2, RFC 9208 §4.1.4, and unknown ones.
func TestStatus(t *testing.T) {
	c := scripted(t, "", `
C: {{tag:}} STATUS INBOX (MESSAGES)
S- "* STATUS INBOX (MESSAGES 0) \r\n"
S: ${tag} OK done
C: {{tag:}} STATUS INBOX (MESSAGES)
S: * STATUS INBOX ()
S: ${tag} OK done
C: {{tag:}} STATUS lists (APPENDLIMIT MAILBOXID DELETED-STORAGE X-NEW SIZE)
S: * STATUS "lists" (MESSAGES 1)
S: * STATUS "lists" (APPENDLIMIT NIL MAILBOXID (F2212ea87-6097-4256-9d51-71338625) DELETED-STORAGE 8389 X-NEW (1 "b") SIZE 9.3736e+06)
S: ${tag} OK done
C: {{tag:}} STATUS lists (APPENDLIMIT)
S: * STATUS "lists" (APPENDLIMIT 257890)
S: ${tag} OK done
C: {{tag:}} STATUS lists (MESSAGES)
S: ${tag} OK done
`, nil)
	ctx := t.Context()
	st, err := c.Status(ctx, "INBOX", imap.StatusMessages)
	require.NoError(t, err)
	require.Equal(t, uint32(0), *st.Messages)
	st, err = c.Status(ctx, "inbox", imap.StatusMessages)
	require.NoError(t, err)
	require.Nil(t, st.Messages)
	st, err = c.Status(ctx, "lists", imap.StatusAppendLimit, imap.StatusMailboxID, imap.StatusDeletedStorage, "X-NEW", imap.StatusSize)
	require.NoError(t, err)
	require.Negative(t, *st.AppendLimit)
	require.Equal(t, "F2212ea87-6097-4256-9d51-71338625", st.MailboxID)
	require.Equal(t, int64(8389), *st.DeletedStorage)
	require.Equal(t, int64(9373600), *st.Size)
	require.Equal(t, []imap.NamedValue{{Name: "X-NEW", Value: imap.ListOf(imap.Atom("1"), imap.String("b"))}}, st.Unknown)
	st, err = c.Status(ctx, "lists", imap.StatusAppendLimit)
	require.NoError(t, err)
	require.Equal(t, int64(257890), *st.AppendLimit)
	_, err = c.Status(ctx, "lists", imap.StatusMessages)
	require.ErrorContains(t, err, "left out an item")
}
