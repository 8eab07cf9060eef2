package imapclient_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
)

// The examples of RFC 5464 §4.
func TestMetadata(t *testing.T) {
	ctx := t.Context()
	c := scripted(t, "METADATA", `
C: {{tag:}} GETMETADATA "" /shared/comment
S: * METADATA "" (/shared/comment "Shared comment")
S: ${tag} OK GETMETADATA complete
C: {{tag:}} GETMETADATA INBOX (/shared/comment /private/comment)
S: * METADATA "INBOX" (/shared/comment "Shared comment")
S: * METADATA "INBOX" /shared/other /private/other
S: * METADATA "INBOX" (/private/comment ${lit "My own\r\ncomment"})
S: ${tag} OK GETMETADATA complete
C: {{tag:}} GETMETADATA (MAXSIZE 1024) INBOX (/shared/comment /private/comment)
S: * METADATA INBOX (/private/comment "My own comment")
S: ${tag} OK [METADATA LONGENTRIES 2199] GETMETADATA complete
C: {{tag:}} GETMETADATA (DEPTH 1) INBOX /private/filters/values
S: * METADATA "INBOX" (/private/filters/values/small "SMALLER 5000" /private/filters/values/boss "FROM \"boss@example.com\"")
S: ${tag} OK GETMETADATA complete
C: {{tag:}} SETMETADATA INBOX (/private/comment {33}
S: + ready for data
C- "My new comment across\r\ntwo lines.)\r\n"
S: ${tag} OK SETMETADATA complete
C: {{tag:}} SETMETADATA INBOX (/private/comment NIL)
S: ${tag} OK SETMETADATA complete
C: {{tag:}} SETMETADATA "" (/shared/a ~{3}
S: + ready
C- "a\x00b)\r\n"
S: ${tag} NO [METADATA MAXSIZE 2] too long
C: {{tag:}} SETMETADATA INBOX (/private/a "")
S: ${tag} NO [METADATA TOOMANY] too many
`, nil)
	got, err := c.Metadata(ctx, "", nil, "/shared/comment")
	require.NoError(t, err)
	require.Equal(t, []imap.MetadataEntry{{Name: "/shared/comment", Value: []byte("Shared comment")}}, got)
	got, err = c.Metadata(ctx, "INBOX", nil, "/shared/comment", "/private/comment")
	require.NoError(t, err)
	require.Len(t, got, 2)
	require.Equal(t, "My own\r\ncomment", string(got[1].Value))
	require.Equal(t, &imapclient.MetadataChanged{Mailbox: "INBOX", Entries: []string{"/shared/other", "/private/other"}}, c.NextEvent())
	got, err = c.Metadata(ctx, "INBOX", &imapclient.MetadataOptions{MaxSize: 1024}, "/shared/comment", "/private/comment")
	var long *imapclient.LongEntriesError
	require.ErrorAs(t, err, &long)
	require.Equal(t, int64(2199), long.Longest)
	require.Len(t, got, 1)
	got, err = c.Metadata(ctx, "INBOX", &imapclient.MetadataOptions{Depth: imap.DepthOne}, "/private/filters/values")
	require.NoError(t, err)
	require.Equal(t, `FROM "boss@example.com"`, string(got[1].Value))
	require.NoError(t, c.SetMetadata(ctx, "INBOX", imap.MetadataEntry{Name: "/private/comment", Value: []byte("My new comment across\r\ntwo lines.")}))
	require.NoError(t, c.SetMetadata(ctx, "INBOX", imap.MetadataEntry{Name: "/private/comment"}))
	err = c.SetMetadata(ctx, "", imap.MetadataEntry{Name: "/shared/a", Value: []byte("a\x00b")})
	require.Equal(t, imap.MetadataCode{Reason: imap.MetadataMaxSize, N: 2}, imapclient.CodeArg(err))
	err = c.SetMetadata(ctx, "INBOX", imap.MetadataEntry{Name: "/private/a", Value: []byte("")})
	require.Equal(t, imap.MetadataCode{Reason: imap.MetadataTooMany}, imapclient.CodeArg(err))

	// A server that has annotations of its own only.
	c = scripted(t, "METADATA-SERVER", `
C: {{tag:}} GETMETADATA "" /shared/admin
S: ${tag} OK GETMETADATA complete
`, nil)
	got, err = c.Metadata(ctx, "", nil, "/shared/admin")
	require.NoError(t, err)
	require.Empty(t, got)
	var unsupported *imapclient.UnsupportedError
	_, err = c.Metadata(ctx, "INBOX", nil, "/shared/comment")
	require.ErrorAs(t, err, &unsupported)
	require.ErrorAs(t, c.SetMetadata(ctx, "INBOX", imap.MetadataEntry{Name: "/shared/comment"}), &unsupported)
}
