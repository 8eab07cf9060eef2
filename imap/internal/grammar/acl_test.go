package grammar

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// The examples of RFC 4314 §3.
func TestACL(t *testing.T) {
	for line, want := range map[string]imap.Command{
		"SeTacl INBOX/Drafts David lrswida":  &imap.SetACL{Mailbox: "INBOX/Drafts", Identifier: "David", Rights: "lrswida"},
		"SETACL INBOX/Drafts Chris +cda":     &imap.SetACL{Mailbox: "INBOX/Drafts", Identifier: "Chris", Op: imap.RightsAdd, Rights: "cda"},
		`SETACL INBOX -Fred "-wx"`:           &imap.SetACL{Mailbox: "INBOX", Identifier: "-Fred", Op: imap.RightsRemove, Rights: "wx"},
		`SETACL INBOX $team ""`:              &imap.SetACL{Mailbox: "INBOX", Identifier: "$team"},
		"SETACL INBOX/Drafts John lrqswicda": &imap.SetACL{Mailbox: "INBOX/Drafts", Identifier: "John", Rights: "lrqswicda"},
		"DeleteAcl INBOX Fred":               &imap.DeleteACL{Mailbox: "INBOX", Identifier: "Fred"},
		"getacl INBOX/Drafts":                &imap.GetACL{Mailbox: "INBOX/Drafts"},
		"LISTRIGHTS ~/Mail/saved smith":      &imap.ListRights{Mailbox: "~/Mail/saved", Identifier: "smith"},
		"MYRIGHTS INBOX":                     &imap.MyRights{Mailbox: "INBOX"},
		"SETACL INBOX/Drafts John lrQswicda": nil,
		`SETACL INBOX/Drafts John "l r"`:     nil,
		"SETACL INBOX/Drafts John +-l":       nil,
		"SETACL INBOX/Drafts John":           nil,
		"DELETEACL INBOX":                    nil,
	} {
		cmd, err := parseOne(t, line)
		if want == nil {
			require.ErrorIs(t, err, &imap.Error{Status: imap.BAD}, line)
			continue
		}
		require.NoError(t, err, line)
		require.Equal(t, want, cmd)
	}
	for line, want := range map[string]Response{
		"* ACL INBOX Fred rwipslxetad -Fred wetd $team w": &imap.ACLData{Mailbox: "INBOX", Entries: []imap.ACLEntry{
			{Identifier: "Fred", Rights: "rwipslxetad"}, {Identifier: "-Fred", Rights: "wetd"}, {Identifier: "$team", Rights: "w"}}},
		"* ACL INBOX":                                    &imap.ACLData{Mailbox: "INBOX"},
		`* ACL "a b" "x y" "" z Q0n `:                    &imap.ACLData{Mailbox: "a b", Entries: []imap.ACLEntry{{Identifier: "x y"}, {Identifier: "z", Rights: "Q0n"}}},
		"* LISTRIGHTS ~/Mail/saved smith la r swicdkxte": &imap.ListRightsData{Mailbox: "~/Mail/saved", Identifier: "smith", Required: "la", Optional: []imap.Rights{"r", "swicdkxte"}},
		`* LISTRIGHTS archive.imap anyone "" l r s w i p k x t e c d a 0 1`: &imap.ListRightsData{Mailbox: "archive.imap", Identifier: "anyone",
			Optional: []imap.Rights{"l", "r", "s", "w", "i", "p", "k", "x", "t", "e", "c", "d", "a", "0", "1"}},
		"* MYRIGHTS INBOX rwiptsldaex": &imap.MyRightsData{Mailbox: "INBOX", Rights: "rwiptsldaex"},
	} {
		resp, err := readOne(t, line)
		require.NoError(t, err, line)
		require.Equal(t, want, resp)
	}
	e := wire.Encoder{}
	WriteCommand(&e, &imap.SetACL{Mailbox: "a", Identifier: "b", Rights: "l\r\nx"})
	require.Error(t, e.Err)
	e = wire.Encoder{}
	WriteCommand(&e, &imap.SetACL{Mailbox: "a", Identifier: "b c", Op: imap.RightsRemove, Rights: "lr"})
	require.Equal(t, `SETACL a "b c" -lr`, string(e.B))
}
