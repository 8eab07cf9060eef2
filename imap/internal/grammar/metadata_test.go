package grammar

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// The examples of RFC 5464 §4, and the forms that servers accept besides.
func TestMetadata(t *testing.T) {
	size := func(n int64) *int64 { return &n }
	for line, want := range map[string]imap.Command{
		`GETMETADATA "" /shared/comment`:                                      &imap.GetMetadata{Entries: []string{"/shared/comment"}},
		`GETMETADATA "INBOX" (/shared/comment /private/comment)`:              &imap.GetMetadata{Mailbox: "INBOX", Entries: []string{"/shared/comment", "/private/comment"}},
		`GETMETADATA "INBOX" /private/comment /shared/comment`:                &imap.GetMetadata{Mailbox: "INBOX", Entries: []string{"/private/comment", "/shared/comment"}},
		`GETMETADATA "INBOX" (MAXSIZE 1024) (/shared/comment "/private/a b")`: &imap.GetMetadata{Mailbox: "INBOX", MaxSize: size(1024), Entries: []string{"/shared/comment", "/private/a b"}},
		`GETMETADATA (MAXSIZE 0 DEPTH infinity) INBOX ("/a")`:                 &imap.GetMetadata{Mailbox: "INBOX", MaxSize: size(0), Depth: imap.DepthInfinity, Entries: []string{"/a"}},
		`GETMETADATA "INBOX" (depth 1) (/private/filters/values)`:             &imap.GetMetadata{Mailbox: "INBOX", Depth: imap.DepthOne, Entries: []string{"/private/filters/values"}},
		"SETMETADATA INBOX (/private/comment {33+}\r\nMy new comment across\r\ntwo lines.)": &imap.SetMetadata{Mailbox: "INBOX", Entries: []imap.MetadataEntry{
			{Name: "/private/comment", Value: []byte("My new comment across\r\ntwo lines.")}}},
		`SETMETADATA INBOX (/private/comment NIL /shared/comment "")`: &imap.SetMetadata{Mailbox: "INBOX", Entries: []imap.MetadataEntry{
			{Name: "/private/comment"}, {Name: "/shared/comment", Value: []byte{}}}},
		"SETMETADATA \"\" (/private/x ~{3+}\r\na\x00b)": &imap.SetMetadata{Entries: []imap.MetadataEntry{{Name: "/private/x", Value: []byte("a\x00b")}}},
		`GETMETADATA "INBOX" ("A" 0)`:                   nil, // could not be told from options
		`GETMETADATA "INBOX" (MAXSIZE)`:                 nil,
		`GETMETADATA "INBOX" (DEPTH 2) /a`:              nil,
		`GETMETADATA (X 1) "INBOX" /a`:                  nil,
		`GETMETADATA "INBOX" ()`:                        nil,
		`GETMETADATA "INBOX"`:                           nil,
		`SETMETADATA INBOX ()`:                          nil,
		`SETMETADATA INBOX (/a atom)`:                   nil,
		"SETMETADATA INBOX (/a ~x)":                     nil,
		"SETMETADATA INBOX (/a {3+}\r\na\x00b)":         nil,
	} {
		cmd, err := parseOne(t, line)
		if want == nil {
			require.ErrorIs(t, err, &imap.Error{Status: imap.BAD}, line)
			continue
		}
		require.NoError(t, err, line)
		require.Equal(t, want, cmd)
		e := wire.Encoder{Mode: wire.LiteralPlus}
		WriteCommand(&e, cmd)
		require.NoError(t, e.Err)
		again, err := parseOne(t, string(e.B))
		require.NoError(t, err, string(e.B))
		require.Equal(t, want, again)
	}
	for line, want := range map[string]Response{
		`* METADATA "" (/shared/comment "Shared comment")`: &imap.MetadataData{Entries: []imap.MetadataEntry{{Name: "/shared/comment", Value: []byte("Shared comment")}}},
		"* METADATA INBOX (/shared/comment NIL /private/x ~{2}\r\n\x00a /y {0}\r\n)": &imap.MetadataData{Mailbox: "INBOX", Entries: []imap.MetadataEntry{
			{Name: "/shared/comment"}, {Name: "/private/x", Value: []byte("\x00a")}, {Name: "/y", Value: []byte{}}}},
		`* METADATA "INBOX" /shared/comment /private/comment`: &imap.MetadataData{Mailbox: "INBOX", Changed: []string{"/shared/comment", "/private/comment"}},
		`* METADATA "" /shared/comment`:                       &imap.MetadataData{Changed: []string{"/shared/comment"}},
		`* METADATA Entw&APw-rfe ()`:                          &imap.MetadataData{Mailbox: "Entwürfe"}, // nothing found
	} {
		resp, err := readOne(t, line)
		require.NoError(t, err, line)
		require.Equal(t, want, resp)
	}
	for line, want := range map[string]any{
		"a OK [METADATA LONGENTRIES 2199] GETMETADATA complete": imap.MetadataCode{Reason: imap.MetadataLongEntries, N: 2199},
		"a NO [METADATA MAXSIZE 1024] x":                        imap.MetadataCode{Reason: imap.MetadataMaxSize, N: 1024},
		"a NO [METADATA TOOMANY] SETMETADATA failed":            imap.MetadataCode{Reason: imap.MetadataTooMany},
		"a NO [METADATA noprivate] x":                           imap.MetadataCode{Reason: imap.MetadataNoPrivate},
		"a NO [METADATA] x":                                     nil,
	} {
		require.Equal(t, want, status(t, line).Arg, line)
	}
}
