package mailboxtest

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

func testLimits(t *testing.T, f *fixture) {
	if f.WithLimits == nil {
		t.Skip("Options.WithLimits is not set")
	}
	want := mailbox.Limits{MaxMessageSize: 100_000, MaxNameLength: 20, MaxNameDepth: 3, MaxMailboxes: 4, MaxKeywords: 3, MaxKeywordLength: 10}
	f = f.with(t, f.WithLimits(t, want))
	lim := f.Limits()
	t.Run("MaxMessageSize", func(t *testing.T) {
		if lim.MaxMessageSize <= 0 {
			t.Skip("the store does not limit it")
		}
		require.Equal(t, want.MaxMessageSize, lim.MaxMessageSize)
		m := f.box(t, "INBOX")
		fits := bytes.Repeat([]byte("x"), int(lim.MaxMessageSize))
		more := append(fits, 'x')
		for _, unknown := range []bool{false, true} {
			add := func(b []byte) error {
				d := mailbox.Incoming{Body: bytes.NewReader(b), Size: int64(len(b))}
				if unknown {
					d.Size = mailbox.SizeUnknown
				}
				_, err := m.Append(f.ctx, draft("first"), d)
				return err
			}
			st := status(t, m)
			require.ErrorIs(t, add(more), mailbox.ErrTooLarge)
			require.Equal(t, st.Messages, status(t, m).Messages)
			require.NoError(t, add(fits))
		}
		// What is announced as too large is not read at all.
		_, err := m.Append(f.ctx, mailbox.Incoming{Size: 1 << 60, Body: readerFunc(func([]byte) (int, error) {
			t.Error("the draft was read")
			return 0, io.EOF
		})})
		require.ErrorIs(t, err, mailbox.ErrTooLarge)
		// What has no end is not read for ever.
		_, err = m.Append(f.ctx, mailbox.Incoming{Size: mailbox.SizeUnknown, Body: readerFunc(func(p []byte) (int, error) {
			clear(p)
			return len(p), nil
		})})
		require.ErrorIs(t, err, mailbox.ErrTooLarge)
	})
	t.Run("MaxKeywords", func(t *testing.T) {
		if lim.MaxKeywords <= 0 {
			t.Skip("the store does not limit it")
		}
		require.Equal(t, want.MaxKeywords, lim.MaxKeywords)
		m := f.box(t, "INBOX")
		put := fill(t, m, 2, "a", "b")
		add := func(words ...mailbox.Flag) error {
			_, err := m.SetFlags(f.ctx, mailbox.UIDSetOf(put[0]), mailbox.FlagChange{Flags: mailbox.NewFlagSet(words...)})
			return err
		}
		before := entries(t, m, mailbox.AllUIDs())
		require.ErrorIs(t, add("c", "d"), mailbox.ErrLimit)
		_, err := m.Append(f.ctx, draft("x", "c"), draft("y", "d"))
		require.ErrorIs(t, err, mailbox.ErrLimit)
		require.Equal(t, len(before), len(entries(t, m, mailbox.AllUIDs())))
		sameEntry(t, before[0], entries(t, m, mailbox.UIDSetOf(before[0].UID))[0])
		require.NoError(t, add("A", "c", mailbox.FlagSeen))
		require.NoError(t, add("C", "B"))
		fill(t, m, 1, "a", "b", "c")
		require.ErrorIs(t, add("d"), mailbox.ErrLimit)
		// In the destination of a copy as well.
		f.box(t, "dest")
		fill(t, f.box(t, "dest"), 1, "x", "y")
		_, err = m.Copy(f.ctx, mailbox.UIDSetOf(put...), "dest")
		require.ErrorIs(t, err, mailbox.ErrLimit)
		_, err = m.Move(f.ctx, mailbox.UIDSetOf(put...), "dest")
		require.ErrorIs(t, err, mailbox.ErrLimit)
		require.EqualValues(t, 1, requireStatus(t, f.box(t, "dest")).Messages)
		requireStatus(t, m)
		// A keyword that no message has any more does not count.
		remove := func(word mailbox.Flag) {
			_, err := m.SetFlags(f.ctx, mailbox.AllUIDs(), mailbox.FlagChange{Op: mailbox.FlagsRemove, Flags: mailbox.NewFlagSet(word)})
			require.NoError(t, err)
		}
		remove("b")
		require.NoError(t, add("d"))
		require.ErrorIs(t, add("b"), mailbox.ErrLimit)
		remove("D")
		fill(t, m, 1, "e")
		_, err = f.box(t, "dest").SetFlags(f.ctx, mailbox.AllUIDs(), mailbox.FlagChange{Op: mailbox.FlagsReplace, Flags: mailbox.NewFlagSet("z")})
		require.NoError(t, err)
		_, err = m.Copy(f.ctx, mailbox.UIDSetOf(put[0]), "dest")
		require.NoError(t, err)
		require.NoError(t, f.Delete(f.ctx, "dest"))
	})
	t.Run("MaxKeywordLength", func(t *testing.T) {
		if lim.MaxKeywordLength <= 0 {
			t.Skip("the store does not limit it")
		}
		require.Equal(t, want.MaxKeywordLength, lim.MaxKeywordLength)
		m := f.box(t, "words")
		fits := mailbox.Flag(strings.Repeat("k", lim.MaxKeywordLength))
		put := fill(t, m, 1, fits)
		was := status(t, m)
		_, err := m.Append(f.ctx, draft("x"), draft("y", fits+"k"))
		require.ErrorIs(t, err, mailbox.ErrLimit)
		for _, op := range []mailbox.FlagOp{mailbox.FlagsAdd, mailbox.FlagsReplace} {
			_, err := m.SetFlags(f.ctx, mailbox.AllUIDs(), mailbox.FlagChange{Op: op, Flags: mailbox.NewFlagSet("a", fits+"k")})
			require.ErrorIs(t, err, mailbox.ErrLimit)
		}
		if r, ok := m.(mailbox.Replacer); ok {
			_, err := r.Replace(f.ctx, put[0], "words", draft("z", fits+"k"))
			require.ErrorIs(t, err, mailbox.ErrLimit)
		}
		require.Equal(t, was, status(t, m), "nothing has changed")
		require.Equal(t, string(fits), entries(t, m, mailbox.AllUIDs())[0].Flags.String())
		// What can't be there can be removed.
		_, err = m.SetFlags(f.ctx, mailbox.AllUIDs(), mailbox.FlagChange{Op: mailbox.FlagsRemove, Flags: mailbox.NewFlagSet(fits + "k")})
		require.NoError(t, err)
		require.NoError(t, f.Delete(f.ctx, "words"))
	})
	t.Run("MaxNameLength", func(t *testing.T) {
		if lim.MaxNameLength <= 0 {
			t.Skip("the store does not limit it")
		}
		require.Equal(t, want.MaxNameLength, lim.MaxNameLength)
		long := strings.Repeat("n", lim.MaxNameLength)
		_, err := f.Create(f.ctx, long+"n", nil)
		require.ErrorIs(t, err, mailbox.ErrInvalidName)
		_, err = f.Create(f.ctx, long, nil)
		require.NoError(t, err)
		require.ErrorIs(t, f.Rename(f.ctx, long, long[1:]+"nn"), mailbox.ErrInvalidName)
		require.NoError(t, f.Delete(f.ctx, long))
	})
	t.Run("MaxNameDepth", func(t *testing.T) {
		if lim.MaxNameDepth <= 0 {
			t.Skip("the store does not limit it")
		}
		require.Equal(t, want.MaxNameDepth, lim.MaxNameDepth)
		f.box(t, "a")
		f.box(t, "a/b")
		_, err := f.Create(f.ctx, "a/b/c/d", nil)
		require.ErrorIs(t, err, mailbox.ErrInvalidName)
		require.ErrorIs(t, f.Subscribe(f.ctx, "a/b/c/d", true), mailbox.ErrInvalidName)
		require.ErrorIs(t, f.Rename(f.ctx, "a/b", "x/y/z/b"), mailbox.ErrInvalidName)
		require.ErrorIs(t, f.Rename(f.ctx, "a", "x/y/z"), mailbox.ErrInvalidName, "inferiors go deeper")
		require.NoError(t, f.Rename(f.ctx, "a", "x/y"))
		require.NoError(t, f.Subscribe(f.ctx, "x/y/z", true))
		require.NoError(t, f.Subscribe(f.ctx, "x/y/z", false))
		require.NoError(t, f.Delete(f.ctx, "x/y/b"))
		require.NoError(t, f.Delete(f.ctx, "x/y"))
	})
	t.Run("MaxMailboxes", func(t *testing.T) {
		if lim.MaxMailboxes <= 0 {
			t.Skip("the store does not limit it")
		}
		require.Equal(t, want.MaxMailboxes, lim.MaxMailboxes)
		list, err := f.Mailboxes(f.ctx, 0)
		require.NoError(t, err)
		name := "m"
		for range lim.MaxMailboxes - len(list) {
			_, err := f.Create(f.ctx, name, nil)
			require.NoError(t, err)
			name += "m"
		}
		_, err = f.Create(f.ctx, name, nil)
		require.ErrorIs(t, err, mailbox.ErrLimit)
		require.NoError(t, f.Rename(f.ctx, "m", name))
		require.NoError(t, f.Delete(f.ctx, name))
		_, err = f.Create(f.ctx, name, nil)
		require.NoError(t, err)
		// There are as many subscriptions.
		for _, name := range []string{"s1", "s2", "s3", "INBOX"} {
			require.NoError(t, f.Subscribe(f.ctx, name, true))
		}
		require.ErrorIs(t, f.Subscribe(f.ctx, "s4", true), mailbox.ErrLimit)
		require.NoError(t, f.Subscribe(f.ctx, "s1", true), "it is one already")
		require.NoError(t, f.Subscribe(f.ctx, "s1", false))
		require.NoError(t, f.Subscribe(f.ctx, "s4", true))
	})
}

// quotaRoot returns a root of a mailbox. There is one even while nothing limits the
// mailbox, so that it can be given a limit; only where quotas cannot be set may it be
// missing, as with an IMAP server (RFC 9208 §3.2).
func (f *fixture) quotaRoot(t testing.TB, q mailbox.QuotaKeeper, name string) (root string, ok bool) {
	t.Helper()
	roots, err := q.QuotaRoots(f.ctx, name)
	require.NoError(t, err)
	if len(roots) == 0 && f.lacks(LackSetQuota) {
		return "", false
	}
	require.NotEmpty(t, roots, "no root to set a quota of")
	return roots[0], true
}

func testQuota(t *testing.T, f *fixture) {
	q, ok := f.Account.(mailbox.QuotaKeeper)
	if !ok {
		t.Skip("the account is no mailbox.QuotaKeeper")
	}
	m := f.box(t, "INBOX")
	f.box(t, "other")
	_, err := q.QuotaRoots(f.ctx, "nowhere")
	require.ErrorIs(t, err, mailbox.ErrNotExist)
	_, err = q.Quota(f.ctx, "no such root")
	require.ErrorIs(t, err, mailbox.ErrNotExist)
	if !f.lacks(LackSetQuota) {
		require.ErrorIs(t, q.SetQuota(f.ctx, "no such root", nil), mailbox.ErrNotExist)
	}
	root, ok := f.quotaRoot(t, q, "inbox")
	if !ok {
		return
	}
	if f.lacks(LackSetQuota) {
		_, err := q.Quota(f.ctx, root)
		require.NoError(t, err)
		require.ErrorIs(t, q.SetQuota(f.ctx, root, nil), mailbox.ErrPermission)
		return
	}
	require.ErrorIs(t, q.SetQuota(f.ctx, root, map[mailbox.QuotaName]int64{"X-NO-SUCH": 1}), mailbox.ErrNotExist)

	set := func(name mailbox.QuotaName, limit int64) bool {
		t.Helper()
		if err := q.SetQuota(f.ctx, root, map[mailbox.QuotaName]int64{name: limit}); err != nil {
			require.ErrorIs(t, err, mailbox.ErrNotExist)
			return false
		}
		return true
	}
	usage := func() int64 {
		t.Helper()
		list, err := q.Quota(f.ctx, root)
		require.NoError(t, err)
		require.Len(t, list, 1, "unlimited resources are not listed")
		return list[0].Usage
	}
	one := int64(len(text("q0")))
	add := func(m mailbox.Mailbox, n int) error {
		drafts := make([]mailbox.Incoming, n)
		for i := range drafts {
			drafts[i] = draft("q0")
		}
		_, err := m.Append(f.ctx, drafts...)
		return err
	}

	if set(mailbox.QuotaMessage, 5) {
		require.Zero(t, usage())
		require.NoError(t, add(m, 3))
		require.ErrorIs(t, add(m, 3), mailbox.ErrOverQuota)
		require.EqualValues(t, 3, usage())
		require.EqualValues(t, 3, status(t, m).Messages, "all or none")
		_, err = m.Copy(f.ctx, mailbox.AllUIDs(), "other")
		require.ErrorIs(t, err, mailbox.ErrOverQuota)
		require.NoError(t, add(f.box(t, "other"), 2))
		require.EqualValues(t, 5, usage())
		_, err = m.Move(f.ctx, mailbox.AllUIDs(), "other")
		require.NoError(t, err, "moving takes no room")
		require.EqualValues(t, 5, usage())
		require.NoError(t, f.Rename(f.ctx, "other", "another"))
		require.EqualValues(t, 5, usage())
		require.NoError(t, f.Delete(f.ctx, "another"))
		require.Zero(t, usage())
		f.box(t, "other")
	}
	if !f.lacks(LackQuotaUnits) && set(mailbox.QuotaStorage, 3*one) {
		require.Zero(t, usage())
		require.NoError(t, add(m, 2))
		require.EqualValues(t, 2*one, usage())
		require.ErrorIs(t, add(m, 2), mailbox.ErrOverQuota)
		big := strings.Repeat("x", int(one)+1)
		_, err := m.Append(f.ctx, mailbox.Incoming{Body: strings.NewReader(big), Size: mailbox.SizeUnknown})
		require.ErrorIs(t, err, mailbox.ErrOverQuota)
		require.NoError(t, add(m, 1))
		require.ErrorIs(t, add(m, 1), mailbox.ErrOverQuota)
		_, err = m.Expunge(f.ctx, mailbox.UIDSetOf(uids(t, m).Min()), mailbox.FlagSet{})
		require.NoError(t, err)
		require.EqualValues(t, 2*one, usage())
		require.NoError(t, add(m, 1))
		// A limit below the usage deletes nothing, and lets mail be removed.
		require.True(t, set(mailbox.QuotaStorage, 1))
		require.EqualValues(t, 3*one, usage())
		_, err = m.SetFlags(f.ctx, mailbox.AllUIDs(), mailbox.FlagChange{Flags: mailbox.NewFlagSet(mailbox.FlagDeleted)})
		require.NoError(t, err)
		_, err = m.Expunge(f.ctx, mailbox.AllUIDs(), mailbox.NewFlagSet(mailbox.FlagDeleted))
		require.NoError(t, err)
	}
	if set(mailbox.QuotaMailbox, 3) {
		require.EqualValues(t, 2, usage())
		f.box(t, "third")
		_, err := f.Create(f.ctx, "fourth", nil)
		require.ErrorIs(t, err, mailbox.ErrOverQuota)
	}
	require.NoError(t, q.SetQuota(f.ctx, root, nil))
	list, err := q.Quota(f.ctx, root)
	require.NoError(t, err)
	require.Empty(t, list)
	require.NoError(t, add(m, 10))
}

func testRecent(t *testing.T, f *fixture) {
	m := f.box(t, "INBOX")
	r, ok := m.(mailbox.RecentMarker)
	if !ok {
		t.Skip("the mailbox is no mailbox.RecentMarker")
	}
	recent := func() mailbox.UID {
		t.Helper()
		first, err := r.Recent(f.ctx)
		require.NoError(t, err)
		return first
	}
	mark := func(next mailbox.UID) mailbox.UID {
		t.Helper()
		first, err := r.MarkRecent(f.ctx, next)
		require.NoError(t, err)
		return first
	}
	put := fill(t, m, 3)
	high := status(t, m)
	require.LessOrEqual(t, recent(), put[0])
	require.LessOrEqual(t, recent(), put[0], "Recent claims nothing")
	require.LessOrEqual(t, mark(put[1]), put[0])
	require.Equal(t, put[1], recent())
	require.Equal(t, put[1], mark(put[2]+1))
	require.Equal(t, put[2]+1, recent())
	require.Equal(t, put[2]+1, mark(put[0]), "what is claimed stays so")
	require.Equal(t, high, status(t, m), "marking changes nothing else")

	// Another handle sees the same, and claims are never beyond UIDNext.
	again := f.box(t, "INBOX").(mailbox.RecentMarker)
	_, err := again.MarkRecent(f.ctx, mailbox.MaxUID)
	require.NoError(t, err)
	more := fill(t, m, 1)
	require.LessOrEqual(t, recent(), more[0])
	require.LessOrEqual(t, mark(status(t, m).UIDNext), more[0])
	require.Greater(t, recent(), more[0])

	// Of many sessions at once, one gets each message.
	w := workers{t: t}
	claimed := make(chan mailbox.UIDSet, 20)
	for range 20 {
		w.do(func() error {
			if _, err := m.Append(f.ctx, draft("r")); err != nil {
				return err
			}
			st, err := m.Status(f.ctx)
			if err != nil {
				return err
			}
			first, err := r.MarkRecent(f.ctx, st.UIDNext)
			claimed <- mailbox.UIDRangeSet(first, st.UIDNext-1)
			return err
		})
	}
	w.wait()
	close(claimed)
	var all mailbox.UIDSet
	for set := range claimed {
		require.True(t, all.Intersect(set).IsEmpty(), "claimed twice")
		all = all.Union(set)
	}
	require.Equal(t, status(t, m).UIDNext-1, all.Max())
}
