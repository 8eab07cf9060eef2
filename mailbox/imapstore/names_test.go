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

func TestPast(t *testing.T) {
	set := func(s string) mailbox.UIDSet {
		t.Helper()
		u, err := mailbox.ParseUIDSet(s)
		require.NoError(t, err)
		return u
	}
	since := func(p *past, m mailbox.ModSeq) string {
		gone, ok := p.since(m)
		if !ok {
			return "unknown"
		}
		return gone.String()
	}
	var p past
	require.Equal(t, "unknown", since(&p, 5))
	p.observe(set("1:10"), 11, 5)
	require.Equal(t, "unknown", since(&p, 4))
	require.Equal(t, "", since(&p, 5))
	p.observe(set("1:3,5:12"), 13, 7)
	require.Equal(t, "4", since(&p, 5))
	require.Equal(t, "4", since(&p, 6))
	require.Equal(t, "", since(&p, 7))
	// An older look that comes late: neither are its messages back, nor are those
	// gone that it does not know yet.
	p.observe(set("1:10"), 11, 7)
	require.Equal(t, "", since(&p, 7))
	require.Equal(t, set("1:3,5:12").String(), p.uids.String())
	p.observe(set("1:3,6:12"), 13, 9)
	require.Equal(t, "4:5", since(&p, 5))
	// A server that does not count the leaving of messages.
	p.observe(set("1:3,7:12"), 13, 9)
	require.Equal(t, "5:6", since(&p, 9), "told again, since it can't be known who knows")
	for i := range mailbox.UID(2 * maxDepartures) {
		p.observe(mailbox.UIDRangeSet(13+i, 2000), 2001, 10+mailbox.ModSeq(i))
	}
	require.LessOrEqual(t, len(p.gone), maxDepartures)
	require.Equal(t, "unknown", since(&p, 9))
}
