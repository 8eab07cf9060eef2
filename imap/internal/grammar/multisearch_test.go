package grammar

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

func TestMultiSearch(t *testing.T) {
	named := func(kind imap.ScopeKind, names ...string) imap.Scope {
		return imap.Scope{Kind: kind, Mailboxes: names}
	}
	unseen := search.Flag{Flag: mailbox.FlagSeen, Absent: true}
	for line, want := range map[string]*imap.ESearch{
		// RFC 7377 §3.
		`ESEARCH IN (mailboxes "folder1" subtree "folder2") unseen`: {
			Search: imap.Search{Key: unseen}, In: []imap.Scope{named(imap.ScopeMailboxes, "folder1"), named(imap.ScopeSubtree, "folder2")}},
		`ESEARCH IN (mailboxes "folder1" subtree-one "folder2") subject "chad"`: {
			Search: imap.Search{Key: search.Header{Field: "Subject", Value: "chad"}},
			In:     []imap.Scope{named(imap.ScopeMailboxes, "folder1"), named(imap.ScopeSubtreeOne, "folder2")}},

		"ESEARCH UNSEEN": {Search: imap.Search{Key: unseen}},
		"ESEARCH RETURN (MIN) CHARSET UTF-8 TEXT {2+}\r\n\xc3\xa9": {
			Search: imap.Search{Charset: "UTF-8", Extended: true, Return: imap.ReturnMin, Key: search.Text{Value: "é"}}},
		`ESEARCH IN (PERSONAL MAILBOXES ("Entw&APw-rfe" INBOX)) RETURN (PARTIAL 1:5) UNSEEN`: {
			Search: imap.Search{Extended: true, Partial: &imap.PartialRange{First: 1, Last: 5}, Key: unseen},
			In:     []imap.Scope{named(imap.ScopePersonal), named(imap.ScopeMailboxes, "Entwürfe", "INBOX")}},
		"ESEARCH IN () UNSEEN": nil, "ESEARCH IN (SELECTED-DELAYED) UNSEEN": nil, "ESEARCH IN (SELECTED)": nil, "ESEARCH": nil, "ESEARCH IN (X) ALL": nil,
	} {
		t.Run(line, func(t *testing.T) {
			got, err := parseOne(t, line)
			if want == nil {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, want, got)
			require.Equal(t, "ESEARCH", got.Name())
			writeAndReadBack(t, got)
		})
	}
	var e wire.Encoder
	WriteCommand(&e, &imap.ESearch{Search: imap.Search{Key: search.All{}}, In: []imap.Scope{{Kind: imap.ScopeSelectedDelayed}}})
	require.Error(t, e.Err)
}

func TestMultiSearchData(t *testing.T) {
	for line, want := range map[string]*imap.ESearchData{
		// RFC 7377 §3.
		`* ESEARCH (TAG "tag1" MAILBOX "folder1" UIDVALIDITY 1) UID ALL 4001,4003`: {
			Tag: "tag1", Mailbox: "folder1", UIDValidity: 1, UID: true, All: nums(4001, 4001, 4003, 4003)},
		`* ESEARCH (TAG "tag1" MAILBOX "folder2/banana" UIDVALIDITY 503) UID ALL 3002,4004`: {
			Tag: "tag1", Mailbox: "folder2/banana", UIDValidity: 503, UID: true, All: nums(3002, 3002, 4004, 4004)},

		`* ESEARCH (UIDVALIDITY 1 X-NEW (1) MAILBOX "Entw&APw-rfe" TAG t) UID`: {Tag: "t", Mailbox: "Entwürfe", UIDValidity: 1, UID: true},
	} {
		got, err := readOne(t, line)
		require.NoError(t, err, line)
		require.Equal(t, want, got)
	}
	for _, line := range []string{"* ESEARCH (TAG)", "* ESEARCH (MAILBOX", "* ESEARCH (TAG x) (COUNT 17)"} {
		_, err := readOne(t, line)
		require.Error(t, err, line)
	}
}
