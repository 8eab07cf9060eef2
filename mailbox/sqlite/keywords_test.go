package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// variety appends n messages with n different lists of the keywords k0 to k11.
func variety(t testing.TB, m mailbox.Mailbox, n int) {
	t.Helper()
	for first := 1; first <= n; first += 100 {
		var msgs []mailbox.Incoming
		for i := first; i <= min(n, first+99); i++ {
			var words []mailbox.Flag
			for bit := range 12 {
				if i&(1<<bit) != 0 {
					words = append(words, mailbox.Flag(fmt.Sprint("k", bit)))
				}
			}
			msgs = append(msgs, mailbox.Incoming{Flags: mailbox.NewFlagSet(words...)})
		}
		_, err := m.Append(t.Context(), msgs...)
		require.NoError(t, err)
	}
}

// ran returns how many statements the writer has run.
func ran(t testing.TB, s *Store) (n int) {
	t.Helper()
	require.NoError(t, s.write(t.Context(), func(t *tx) error { n = t.c.ran; return nil }))
	return n
}

// A mailbox at its limit of keywords costs the writer no scan of its messages.
func TestForgetKeywords(t *testing.T) {
	s := openStore(t, &Options{Limits: mailbox.Limits{MaxKeywords: 13}})
	m := inbox(t, s, "alice")
	const lists = 2000
	variety(t, m, lists)
	_, err := m.Append(t.Context(), mailbox.Incoming{Flags: mailbox.NewFlagSet("k11", "old")})
	require.NoError(t, err)
	uid := mailbox.UIDSetOf(lists + 1)
	set := func(op mailbox.FlagOp, words ...mailbox.Flag) error {
		_, err := m.SetFlags(t.Context(), uid, mailbox.FlagChange{Op: op, Flags: mailbox.NewFlagSet(words...)})
		return err
	}
	before := ran(t, s)
	require.ErrorIs(t, set(mailbox.FlagsAdd, "new"), mailbox.ErrLimit, "all are used")
	require.Less(t, ran(t, s)-before, 20)

	require.NoError(t, set(mailbox.FlagsRemove, "old"))
	before = ran(t, s)
	require.NoError(t, set(mailbox.FlagsAdd, "new"))
	require.Less(t, ran(t, s)-before, 40)
	snap, err := m.Snapshot(t.Context())
	require.NoError(t, err)
	require.Len(t, snap.Keywords, 13)
	require.NotContains(t, snap.Keywords, mailbox.Flag("old"))
}

// A hookContext calls a function when it has been asked a number of times whether it
// is done.
type hookContext struct {
	context.Context
	left int
	f    func()
}

func (c *hookContext) Err() error {
	if c.left--; c.left == 0 {
		c.f()
	}
	return c.Context.Err()
}

// What messages get while the unused keywords are looked for is not forgotten.
func TestForgetKeywordsMeanwhile(t *testing.T) {
	s := openStore(t, nil)
	m := inbox(t, s, "alice")
	b := m.(*box)
	variety(t, m, 2000)
	set := func(uids mailbox.UIDSet, op mailbox.FlagOp, word mailbox.Flag) {
		_, err := m.SetFlags(t.Context(), uids, mailbox.FlagChange{Op: op, Flags: mailbox.NewFlagSet(word)})
		require.NoError(t, err)
	}
	// The lists with "a-old" sort before the others, and have been passed when
	// messages get it again.
	some, many := mailbox.UIDSetOf(1, 3), mailbox.UIDRangeSet(1, sliceRows+1)
	for _, tc := range []struct {
		name      string
		f         func()
		has       bool
		forgotten bool
	}{
		{"nothing", func() {}, false, true},
		{"some", func() { set(some, mailbox.FlagsAdd, "a-old") }, true, false},
		{"many", func() { set(many, mailbox.FlagsAdd, "k0") }, true, false},
	} {
		set(some, mailbox.FlagsAdd, "a-old")
		set(mailbox.AllUIDs(), mailbox.FlagsRemove, "a-old")
		set(mailbox.UIDRangeSet(1, 2000), mailbox.FlagsRemove, "k0")
		hooked := false
		ctx := &hookContext{t.Context(), 800, func() { hooked = true; tc.f() }}
		forgotten, err := b.a.forgetKeywords(ctx, b.id)
		require.NoError(t, err)
		require.True(t, hooked)
		require.Equal(t, tc.forgotten, forgotten, tc.name)
		snap, err := m.Snapshot(t.Context())
		require.NoError(t, err)
		require.Equal(t, tc.has, mailbox.NewFlagSet(snap.Keywords...).Has("a-old"), tc.name)
	}
}

// Mailboxes and keywords that were made under other limits stay usable.
func TestBeyondLimits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail.db")
	s := openPath(t, path, &Options{Limits: mailbox.Limits{MaxNameDepth: -1, MaxNameLength: -1, MaxKeywordLength: -1}})
	inbox(t, s, "alice")
	a, err := s.Account(t.Context(), "alice")
	require.NoError(t, err)
	deep := strings.Repeat("l/", mailbox.DefaultMaxNameDepth) + "l"
	long := mailbox.Flag(strings.Repeat("k", mailbox.DefaultMaxKeywordLength+1))
	_, err = a.Create(t.Context(), deep, nil)
	require.NoError(t, err)
	require.NoError(t, a.Subscribe(t.Context(), deep, true))
	m, err := a.Mailbox(t.Context(), deep)
	require.NoError(t, err)
	_, err = m.Append(t.Context(), mailbox.Incoming{Flags: mailbox.NewFlagSet(long)})
	require.NoError(t, err)
	require.NoError(t, s.Close())

	s = openPath(t, path, nil)
	a, err = s.Account(t.Context(), "alice")
	require.NoError(t, err)
	m, err = a.Mailbox(t.Context(), deep)
	require.NoError(t, err)
	require.True(t, m.Info().Subscribed)
	_, err = m.Append(t.Context(), mailbox.Incoming{})
	require.NoError(t, err)
	_, err = m.SetFlags(t.Context(), mailbox.AllUIDs(), mailbox.FlagChange{Flags: mailbox.NewFlagSet(mailbox.FlagSeen)})
	require.NoError(t, err)
	for msg, err := range m.Messages(t.Context(), mailbox.UIDSetOf(1), mailbox.WantFlags) {
		require.NoError(t, err)
		require.True(t, msg.Flags.Equal(mailbox.NewFlagSet(mailbox.FlagSeen, long)))
	}
	res, err := m.Copy(t.Context(), mailbox.AllUIDs(), "INBOX")
	require.NoError(t, err)
	require.Equal(t, 2, res.Len())
	_, err = m.SetFlags(t.Context(), mailbox.AllUIDs(), mailbox.FlagChange{Op: mailbox.FlagsRemove, Flags: mailbox.NewFlagSet(long)})
	require.NoError(t, err)
	require.ErrorIs(t, a.Rename(t.Context(), "l/l", "x/l"), mailbox.ErrInvalidName, "its inferior is as deep as before")
	require.NoError(t, a.Rename(t.Context(), "l/l", "x"))
	require.NoError(t, a.Subscribe(t.Context(), deep, false))
	require.NoError(t, a.Delete(t.Context(), strings.Replace(deep, "l/l", "x", 1)))
}
