package imapstore

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// Two connections look at a mailbox, and a message leaves between the looks. The one
// that still has it reports later: its reader has to be told that the message left.
func TestPastOfTwoConnections(t *testing.T) {
	var p past
	p.observe(mailbox.UIDRangeSet(1, 3), 4, 10, 10)
	// Message 4 arrives at 11, and leaves at 12.
	early, late := mailbox.UIDRangeSet(1, 4), mailbox.UIDRangeSet(1, 3)
	require.True(t, p.news(late, 5))
	p.observe(late, 5, 11, 12)
	require.False(t, p.news(late, 5))

	require.True(t, p.news(early, 5))
	p.observe(early, 5, 11, 11)
	gone, ok := p.since(11)
	require.True(t, ok)
	require.True(t, gone.Equal(mailbox.UIDSetOf(4)), "%v", gone)

	gone, ok = p.since(12)
	require.True(t, ok)
	require.True(t, gone.IsEmpty())
	require.True(t, p.uids.Equal(late))
	require.False(t, p.same)

	p.observe(mailbox.UIDRangeSet(1, 2), 5, 12, 12) // after 12 was read
	require.False(t, p.same)
	p.observe(mailbox.UIDRangeSet(1, 1), 5, 12, 12)
	require.True(t, p.same)
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
	p.observe(set("1:10"), 11, 5, 5)
	require.Equal(t, "unknown", since(&p, 4))
	require.Equal(t, "", since(&p, 5))
	p.observe(set("1:3,5:12"), 13, 7, 7)
	require.Equal(t, "4", since(&p, 5))
	require.Equal(t, "4", since(&p, 6))
	require.Equal(t, "", since(&p, 7))
	// An older look that comes late: neither are its messages back, nor are those
	// gone that it does not know yet.
	p.observe(set("1:10"), 11, 5, 7)
	require.Equal(t, "", since(&p, 7))
	require.Equal(t, set("1:3,5:12").String(), p.uids.String())
	p.observe(set("1:3,6:12"), 13, 9, 9)
	require.Equal(t, "4:5", since(&p, 5))
	// A server that does not count the leaving of messages.
	p.observe(set("1:3,7:12"), 13, 9, 9)
	require.Equal(t, "5:6", since(&p, 9), "told again, since it can't be known who knows")
	for i := range mailbox.UID(2 * maxDepartures) {
		p.observe(mailbox.UIDRangeSet(13+i, 2000), 2001, 10+mailbox.ModSeq(i), 10+mailbox.ModSeq(i))
	}
	require.LessOrEqual(t, len(p.gone), maxDepartures)
	require.Equal(t, "unknown", since(&p, 9))
}
