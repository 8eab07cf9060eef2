package grammar

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
)

func TestResponses(t *testing.T) {
	n := func(n uint32) *uint32 { return &n }
	n64 := func(n int64) *int64 { return &n }
	for _, tc := range []struct {
		write func(e *wire.Encoder)
		want  string
	}{
		{func(e *wire.Encoder) { WriteCapability(e, imap.NewCapSet("IMAP4rev1", "STARTTLS", "AUTH=GSSAPI")) },
			"* CAPABILITY IMAP4rev1 STARTTLS AUTH=GSSAPI"},
		{func(e *wire.Encoder) { WriteEnabled(e, []imap.Cap{"X-GOOD-IDEA"}) }, "* ENABLED X-GOOD-IDEA"},
		{func(e *wire.Encoder) { WriteID(e, nil) }, "* ID NIL"},
		{func(e *wire.Encoder) {
			WriteID(e, imap.IDFields{{Name: "name", Value: "Cyrus"}, {Name: "os"}})
		}, `* ID ("name" "Cyrus" "os" NIL)`},
		{func(e *wire.Encoder) {
			WriteNamespace(e, &imap.NamespaceData{
				Personal: []imap.NamespaceEntry{{Separator: '/'}}, OtherUsers: []imap.NamespaceEntry{{Prefix: "~", Separator: '/'}}})
		}, `* NAMESPACE (("" "/")) (("~" "/")) NIL`},
		{func(e *wire.Encoder) {
			WriteStatus(e, &imap.StatusData{Mailbox: "blurdybloop", Messages: n(231), UIDNext: 44292})
		}, "* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292)"},
		{func(e *wire.Encoder) {
			WriteStatus(e, &imap.StatusData{Mailbox: "a b", Unseen: n(0), Size: n64(7), AppendLimit: n64(-1), MailboxID: "F2"})
		}, `* STATUS "a b" (UNSEEN 0 SIZE 7 APPENDLIMIT NIL MAILBOXID (F2))`},
		{func(e *wire.Encoder) { WriteStatus(e, &imap.StatusData{Mailbox: "x"}) }, "* STATUS x ()"},
		{func(e *wire.Encoder) {
			WriteList(e, &imap.ListData{Attrs: []imap.MailboxAttr{imap.AttrNoSelect}, Separator: '/', Mailbox: "~/Mail/foo"}, false)
		}, `* LIST (\Noselect) "/" ~/Mail/foo`},
		{func(e *wire.Encoder) {
			WriteList(e, &imap.ListData{Separator: '/', Mailbox: "inbox"}, true)
		}, `* LSUB () "/" INBOX`},
		{func(e *wire.Encoder) {
			WriteList(e, &imap.ListData{Separator: '/', Mailbox: "Foo", ChildInfo: []string{"SUBSCRIBED"}}, false)
		}, `* LIST () "/" Foo ("CHILDINFO" ("SUBSCRIBED"))`},
		{func(e *wire.Encoder) {
			WriteList(e, &imap.ListData{Separator: '/', Mailbox: "Entwürfe", OldName: "x y"}, false)
		}, `* LIST () "/" Entw&APw-rfe ("OLDNAME" ("x y"))`},
		{func(e *wire.Encoder) {
			WriteQuota(e, &imap.QuotaData{Resources: []mailbox.QuotaResource{{Name: mailbox.QuotaStorage, Usage: 10241, Limit: 524288}, {Name: mailbox.QuotaMessage, Usage: 3, Limit: 9}}})
		}, `* QUOTA "" (STORAGE 11 512 MESSAGE 3 9)`},
		{func(e *wire.Encoder) {
			WriteESearch(e, &imap.ESearchData{Tag: "A283", UID: true, Min: n(2), Max: n(9), Count: n(3), All: nums(2, 2, 8, 9), ModSeq: 5})
		}, `* ESEARCH (TAG "A283") UID MIN 2 MAX 9 COUNT 3 ALL 2,8:9 MODSEQ 5`},
		{func(e *wire.Encoder) { WriteESearch(e, &imap.ESearchData{}) }, "* ESEARCH"},
		{func(e *wire.Encoder) { WriteQuotaRoot(e, &imap.QuotaRootData{Mailbox: "INBOX", Roots: []string{""}}) }, `* QUOTAROOT INBOX ""`},
	} {
		var e wire.Encoder
		tc.write(&e)
		require.NoError(t, e.Err)
		require.Equal(t, tc.want+"\r\n", string(e.B))
	}
}
