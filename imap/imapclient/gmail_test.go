package imapclient_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// The dialogues of Gmail's documentation of X-GM-EXT-1, with UIDs.
func TestGmail(t *testing.T) {
	ctx := t.Context()
	c := scripted(t, "UIDPLUS X-GM-EXT-1", `
C: {{tag:}} SELECT "[Gmail]/All Mail"
S: * 4 EXISTS
S: * OK [UIDVALIDITY 11]
S: * OK [UIDNEXT 5]
S: ${tag} OK [READ-WRITE] [Gmail]/All Mail selected. (Success)
C: {{tag:}} UID SEARCH X-GM-RAW "has:attachment in:unread"
S: * SEARCH 1 2
S: ${tag} OK SEARCH completed (Success)
C: {{tag:}} UID SEARCH CHARSET UTF-8 X-GM-RAW {16}
S: + go ahead
C- "subject:Entw\u00fcrf\r\n"
S: * SEARCH
S: ${tag} OK SEARCH completed (Success)
C: {{tag:}} UID SEARCH X-GM-MSGID 1278455344230334865
S: * SEARCH 1
S: ${tag} OK SEARCH (Success)
C: {{tag:}} UID SEARCH X-GM-THRID 1266894439832287888
S: * SEARCH 2 3
S: ${tag} OK SEARCH (Success)
C: {{tag:}} UID SEARCH X-GM-LABELS foo
S: * SEARCH 2
S: ${tag} OK SEARCH (Success)
C: {{tag:}} UID FETCH 1:4 (UID X-GM-MSGID X-GM-THRID X-GM-LABELS)
S: * 1 FETCH (X-GM-THRID 1266894439832287888 X-GM-MSGID 1278455344230334865 X-GM-LABELS (\Inbox \Sent Important "Muy Importante") UID 1)
S: * 2 FETCH (X-GM-THRID 18446744073709551615 X-GM-MSGID 2 X-GM-LABELS (foo "\\Important" "&AOQ-") UID 2)
S: * 3 FETCH (X-GM-THRID 3 X-GM-MSGID 3 X-GM-LABELS () UID 3)
S: * 4 FETCH (X-GM-THRID 4 X-GM-MSGID 4 X-GM-LABELS (\Drafts) UID 4)
S: ${tag} OK FETCH (Success)
C: {{tag:}} UID STORE 1 +X-GM-LABELS.SILENT (foo "a b" &AOQ- \Inbox)
S: ${tag} OK STORE (Success)
C: {{tag:}} UID STORE 1 -X-GM-LABELS.SILENT (\Starred)
S: ${tag} OK STORE (Success)
`, nil)
	m, err := c.Select(ctx, "[Gmail]/All Mail", nil)
	require.NoError(t, err)
	found, err := m.Search(ctx, imapclient.GmailSearch("has:attachment in:unread"), nil)
	require.NoError(t, err)
	require.Equal(t, mailbox.UIDSetOf(1, 2), found.UIDs)
	found, err = m.Search(ctx, imapclient.GmailSearch("subject:Entwürf"), nil)
	require.NoError(t, err)
	require.True(t, found.UIDs.IsEmpty())
	_, err = m.Search(ctx, imap.SearchGmailMessageID{ID: 1278455344230334865}, nil)
	require.NoError(t, err)
	_, err = m.Search(ctx, imap.SearchGmailThreadID{ID: 1266894439832287888}, nil)
	require.NoError(t, err)
	_, err = m.Search(ctx, imap.SearchGmailLabel{Label: "foo"}, nil)
	require.NoError(t, err)
	var all []*imap.GmailData
	for msg, err := range m.Fetch(ctx, imapclient.UIDSet(mailbox.UIDRangeSet(1, 4)), imapclient.Gmail) {
		require.NoError(t, err)
		require.NotZero(t, msg.Has&imapclient.Gmail)
		all = append(all, msg.Gmail)
	}
	require.Equal(t, &imap.GmailData{MessageID: 1278455344230334865, ThreadID: 1266894439832287888, Labels: []string{`\Inbox`, `\Sent`, "Important", "Muy Importante"}}, all[0])
	require.Equal(t, uint64(1<<64-1), all[1].ThreadID)
	require.Equal(t, []string{"foo", `\Important`, "ä"}, all[1].Labels)
	require.Empty(t, all[2].Labels)
	require.NoError(t, m.AddLabels(ctx, imapclient.UIDs(1), "foo", "a b", "ä", `\Inbox`))
	require.NoError(t, m.RemoveLabels(ctx, imapclient.UIDs(1), `\Starred`))

	c = scripted(t, "", "C: {{tag:}} SELECT x\nS: ${tag} OK done\n", nil)
	m, err = c.Select(ctx, "x", nil)
	require.NoError(t, err)
	var unsupported *imapclient.UnsupportedError
	require.ErrorAs(t, m.AddLabels(ctx, imapclient.All(), "x"), &unsupported)
	require.ErrorAs(t, m.Annotate(ctx, imapclient.All(), imap.Annotation{}), &unsupported)
}
