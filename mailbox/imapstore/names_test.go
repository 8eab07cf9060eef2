package imapstore

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
)

func TestNames(t *testing.T) {
	for _, tc := range []struct {
		ns           imap.NamespaceData
		server, here string
	}{
		{imap.NamespaceData{Personal: []imap.NamespaceEntry{{Separator: '/'}}}, "a/b.c", "a/b.c"},
		{imap.NamespaceData{Personal: []imap.NamespaceEntry{{Separator: '.'}}}, "a.b/c", "a/b.c"},
		{imap.NamespaceData{Personal: []imap.NamespaceEntry{{Separator: '.'}}}, "INBOX.a", "INBOX/a"},
		{imap.NamespaceData{Personal: []imap.NamespaceEntry{{Prefix: "INBOX.", Separator: '.'}}}, "INBOX.Sent.2020", "Sent/2020"},
		{imap.NamespaceData{Personal: []imap.NamespaceEntry{{Prefix: "INBOX.", Separator: '.'}}}, "inbox", "INBOX"},
		{imap.NamespaceData{Personal: []imap.NamespaceEntry{{Prefix: "INBOX.", Separator: '.'}}}, "INBOX.INBOX.x", "INBOX/x"},
		{imap.NamespaceData{}, "a/b", "a/b"},
		{imap.NamespaceData{Personal: []imap.NamespaceEntry{{Separator: '/'}}, OtherUsers: []imap.NamespaceEntry{{Prefix: "user.", Separator: '.'}}}, "user.bob.x", "user/bob/x"},
		{imap.NamespaceData{Personal: []imap.NamespaceEntry{{Separator: '\\'}}}, `a\b`, "a/b"},
	} {
		n := newNames(&tc.ns)
		here, ok := n.local(tc.server)
		require.True(t, ok, tc.server)
		require.Equal(t, tc.here, here)
		if here != mailbox.Inbox {
			require.Equal(t, tc.server, n.server(here))
		}
	}

	n := newNames(&imap.NamespaceData{
		Personal:   []imap.NamespaceEntry{{Prefix: "INBOX.", Separator: '.'}},
		OtherUsers: []imap.NamespaceEntry{{Prefix: "user.", Separator: '.'}},
		Shared:     []imap.NamespaceEntry{{Prefix: "#shared/", Separator: '/'}},
	})
	require.Equal(t, mailbox.Namespaces{Personal: []string{""}, OtherUsers: []string{"user/"}, Shared: []string{"#shared/"}}, n.spaces)
	require.Equal(t, "INBOX.new", n.server("new"))
	require.Equal(t, "user.bob.x/y", n.server("user/bob/x.y"))
	require.Equal(t, "#shared/a.b", n.server("#shared/a.b"))

	// Spellings that are not in normalization form C are remembered; of two that
	// are the same here the first counts.
	here, ok := n.local("INBOX.u\u0308")
	require.True(t, ok)
	require.Equal(t, "\u00fc", here)
	require.Equal(t, "INBOX.u\u0308", n.server("\u00fc"))
	_, ok = n.local("INBOX.\u00fc")
	require.False(t, ok)
	n.renamed("\u00fc")
	require.Equal(t, "INBOX.\u00fc", n.server("\u00fc"))
	_, ok = n.local("INBOX.")
	require.False(t, ok, "the prefix is no mailbox")
}
