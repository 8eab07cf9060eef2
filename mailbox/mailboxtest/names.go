package mailboxtest

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

func testAccounts(t *testing.T, f *fixture) {
	_, err := f.store.Account(f.ctx, "nobody")
	require.ErrorIs(t, err, mailbox.ErrNotExist)
	_, err = f.store.Account(f.ctx, "Alice")
	require.ErrorIs(t, err, mailbox.ErrNotExist, "names of accounts are compared byte for byte")

	// Accounts know nothing of each other.
	require.NoError(t, f.create("bob"))
	bob := f.account(t, "bob")
	fill(t, f.box(t, "INBOX"), 2)
	_, err = f.Create(f.ctx, "Private", nil)
	require.NoError(t, err)
	inbox, err := bob.Mailbox(f.ctx, "INBOX")
	require.NoError(t, err)
	require.Zero(t, status(t, inbox).Messages)
	_, err = bob.Mailbox(f.ctx, "Private")
	require.ErrorIs(t, err, mailbox.ErrNotExist)

	// Closing one handle leaves another as it is.
	again, err := f.store.Account(f.ctx, user)
	require.NoError(t, err)
	require.NoError(t, again.Close())
	require.EqualValues(t, 2, status(t, f.box(t, "INBOX")).Messages)
}

func testAdmin(t *testing.T, f *fixture) {
	admin, ok := f.store.(mailbox.Admin)
	if !ok {
		t.Skip("the store is no mailbox.Admin")
	}
	names := []string{"carol", "bob", "Ünal", "dave@example.org", "bo"}
	for _, name := range names {
		require.NoError(t, admin.CreateAccount(f.ctx, name))
	}
	require.ErrorIs(t, admin.CreateAccount(f.ctx, "bob"), mailbox.ErrExist)

	list := func() (all []string) {
		for name, err := range admin.Accounts(f.ctx) {
			require.NoError(t, err)
			all = append(all, name)
		}
		return all
	}
	want := append(slices.Clone(names), user)
	slices.Sort(want)
	require.Equal(t, want, list(), "accounts are in byte order")
	for range admin.Accounts(f.ctx) {
		break // an iteration may end early
	}

	fill(t, f.box(t, "INBOX"), 1)
	inbox := f.box(t, "INBOX")
	validity := status(t, inbox).UIDValidity
	require.NoError(t, admin.DeleteAccount(f.ctx, user))
	require.ErrorIs(t, admin.DeleteAccount(f.ctx, user), mailbox.ErrNotExist)
	_, err := f.store.Account(f.ctx, user)
	require.ErrorIs(t, err, mailbox.ErrNotExist)
	_, err = f.Mailboxes(f.ctx, 0)
	require.ErrorIs(t, err, mailbox.ErrNotExist, "handles that are still open")
	_, err = inbox.Status(f.ctx)
	require.ErrorIs(t, err, mailbox.ErrNotExist)
	require.NotContains(t, list(), user)

	// A new account of the name has nothing of the old one.
	require.NoError(t, admin.CreateAccount(f.ctx, user))
	_, err = f.Mailboxes(f.ctx, 0)
	require.ErrorIs(t, err, mailbox.ErrNotExist, "the old handle is not one to the new account")
	_, err = inbox.Append(f.ctx, draft("late"))
	require.ErrorIs(t, err, mailbox.ErrNotExist)
	f.Account = f.account(t, user)
	st := status(t, f.box(t, "INBOX"))
	require.Zero(t, st.Messages)
	require.NotEqual(t, validity, st.UIDValidity)
}

// names returns the names of the mailboxes, with "(no)" behind those that
// don't exist.
func names(t testing.TB, a mailbox.Account) string {
	t.Helper()
	list, err := a.Mailboxes(t.Context(), 0)
	require.NoError(t, err)
	var all []string
	f, _ := a.(*fixture)
	for i, info := range list {
		require.True(t, i == 0 || list[i-1].Name < info.Name, "mailboxes are ordered by name")
		name := info.Name
		if f != nil && f.implied(name) && !info.NonExistent {
			continue
		}
		if info.NonExistent {
			require.True(t, info.Subscribed)
			require.Zero(t, info.ID)
			require.Zero(t, info.UIDValidity)
			require.Zero(t, info.Access)
			name += "(no)"
		} else {
			require.NotZero(t, info.UIDValidity)
			requireObjectID(t, info.ID)
		}
		all = append(all, name)
	}
	return strings.Join(all, " ")
}

// requireObjectID checks the syntax of RFC 8474 §7.
func requireObjectID(t testing.TB, id string) {
	t.Helper()
	require.NotEmpty(t, id)
	require.LessOrEqual(t, len(id), 255)
	for i := range len(id) {
		c := id[i]
		require.True(t, 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-', "objectid %q", id)
	}
}

func testMailboxes(t *testing.T, f *fixture) {
	require.Equal(t, "INBOX", names(t, f), "a new account has INBOX")

	info, err := f.Create(f.ctx, "Sent", &mailbox.CreateOptions{SpecialUse: mailbox.UseSent})
	require.NoError(t, err)
	require.Equal(t, "Sent", info.Name)
	require.Equal(t, mailbox.UseSent, info.SpecialUse)
	require.False(t, info.Subscribed || info.NonExistent)
	for _, name := range []string{"b", "a/b/c", "a", "Z", "Ä", "a b"} {
		_, err := f.Create(f.ctx, name, nil)
		require.NoError(t, err, name)
	}
	require.Equal(t, "INBOX Sent Z a a b a/b/c b Ä", names(t, f), "superiors are not made, nor listed")
	_, err = f.Create(f.ctx, "a/b/c", nil)
	require.ErrorIs(t, err, mailbox.ErrExist)
	if !f.lacks(LackSuperiors) {
		_, err = f.Mailbox(f.ctx, "a/b")
		require.ErrorIs(t, err, mailbox.ErrNotExist)
	}

	list, err := f.Mailboxes(f.ctx, 0)
	require.NoError(t, err)
	ids := map[string]bool{}
	for _, info := range list {
		require.False(t, ids[info.ID], "IDs are unique")
		ids[info.ID] = true
		m, err := f.Mailbox(f.ctx, info.Name)
		require.NoError(t, err)
		require.Equal(t, info, m.Info())
		require.Equal(t, info.UIDValidity, status(t, m).UIDValidity)
	}
}

func testNames(t *testing.T, f *fixture) {
	_, err := f.Create(f.ctx, "iNbOx", nil)
	require.ErrorIs(t, err, mailbox.ErrExist)
	m, err := f.Mailbox(f.ctx, "inbox")
	require.NoError(t, err)
	require.Equal(t, "INBOX", m.Info().Name)
	info, err := f.Create(f.ctx, "Inbox/Lists", nil)
	require.NoError(t, err)
	require.Equal(t, "INBOX/Lists", info.Name)
	_, err = f.Mailbox(f.ctx, "INBOX/lists")
	require.ErrorIs(t, err, mailbox.ErrNotExist, "case matters behind INBOX")
	_, err = f.Create(f.ctx, "INBOX/lists", nil)
	require.NoError(t, err)

	// NFC: both spellings are one name.
	_, err = f.Create(f.ctx, "Entwu\u0308rfe", nil)
	require.NoError(t, err)
	m, err = f.Mailbox(f.ctx, "Entw\u00fcrfe")
	require.NoError(t, err)
	require.Equal(t, "Entw\u00fcrfe", m.Info().Name)
	_, err = f.Create(f.ctx, "Entw\u00fcrfe", nil)
	require.ErrorIs(t, err, mailbox.ErrExist)
	_, err = f.Create(f.ctx, "entw\u00fcrfe", nil)
	require.NoError(t, err, "case matters in all other names")

	for _, name := range []string{"", "/", "/a", "a/", "a//b", ".", "a/../b", "*", "a%", "a\x00b", "a\r\nb", "\x7f", "\xff", "a\u2028b",
		strings.Repeat("x", mailbox.DefaultMaxNameLength+1), levels(mailbox.DefaultMaxNameDepth + 1)} {
		_, err := f.Create(f.ctx, name, nil)
		require.ErrorIs(t, err, mailbox.ErrInvalidName, "%q", name)
		require.ErrorIs(t, f.Subscribe(f.ctx, name, true), mailbox.ErrInvalidName, "%q", name)
		require.ErrorIs(t, f.Rename(f.ctx, "Entw\u00fcrfe", name), mailbox.ErrInvalidName, "%q", name)
		_, err = f.Mailbox(f.ctx, name)
		require.Error(t, err, "%q", name)
	}
	for _, name := range []string{`a"b\c`, "a'b;--", "a_b", "#x", "~", "日本語/メール", "&", "a ", " a", strings.Repeat("ü", mailbox.DefaultMaxNameLength/2),
		levels(mailbox.DefaultMaxNameDepth)} {
		_, err := f.Create(f.ctx, name, nil)
		if err != nil && f.lacks(LackNames) {
			continue
		}
		require.NoError(t, err, "%q", name)
		m, err := f.Mailbox(f.ctx, name)
		require.NoError(t, err, "%q", name)
		require.Equal(t, name, m.Info().Name)
	}
}

// levels returns a name of n levels.
func levels(n int) string { return strings.Repeat("l/", n-1) + "l" }

func testRename(t *testing.T, f *fixture) {
	for _, name := range []string{"a", "a/b", "a/b/c", "ab", "x/y", "x/y/z", "taken", "a_b"} {
		f.box(t, name)
	}
	m := f.box(t, "a/b")
	put := fill(t, m, 3)
	before := m.Info()
	require.NoError(t, f.Subscribe(f.ctx, "a/b", true))

	require.NoError(t, f.Rename(f.ctx, "a", "n/e/w"))
	require.Equal(t, "INBOX a/b(no) a_b ab n/e/w n/e/w/b n/e/w/b/c taken x/y x/y/z", names(t, f), "inferiors follow, subscriptions stay")
	after := f.box(t, "n/e/w/b")
	require.Equal(t, before.ID, after.Info().ID)
	require.Equal(t, before.UIDValidity, after.Info().UIDValidity)
	require.Equal(t, mailbox.UIDSetOf(put...).String(), uids(t, after).String())

	// The old handle follows the mailbox.
	require.Equal(t, "a/b", m.Info().Name, "as it was when the handle was opened")
	put = append(put, fill(t, m, 1)...)
	require.Equal(t, mailbox.UIDSetOf(put...).String(), uids(t, after).String())
	f.box(t, "a/b")
	require.Equal(t, mailbox.UIDSetOf(put...).String(), uids(t, m).String())

	// A superior that is no mailbox.
	require.NoError(t, f.Rename(f.ctx, "x", "X"))
	require.Equal(t, "INBOX X/y X/y/z a/b a_b ab n/e/w n/e/w/b n/e/w/b/c taken", names(t, f))

	// All or none.
	f.box(t, "free/b")
	all := names(t, f)
	require.ErrorIs(t, f.Rename(f.ctx, "n/e/w", "free"), mailbox.ErrExist, "an inferior's name is taken")
	require.ErrorIs(t, f.Rename(f.ctx, "n/e/w", "taken"), mailbox.ErrExist)
	require.ErrorIs(t, f.Rename(f.ctx, "ab", "inbox"), mailbox.ErrExist)
	require.ErrorIs(t, f.Rename(f.ctx, "ab", "ab"), mailbox.ErrExist)
	require.ErrorIs(t, f.Rename(f.ctx, "n/e/w", "n/e/w/v"), mailbox.ErrInvalidName)
	require.ErrorIs(t, f.Rename(f.ctx, "nowhere", "else"), mailbox.ErrNotExist)
	require.ErrorIs(t, f.Rename(f.ctx, "Inbox", "old"), mailbox.ErrInvalidName)
	long := strings.Repeat("x", mailbox.DefaultMaxNameLength-2)
	if !f.lacks(LackNames) {
		require.ErrorIs(t, f.Rename(f.ctx, "n/e/w", long), mailbox.ErrInvalidName, "an inferior's name would be too long")
		require.ErrorIs(t, f.Rename(f.ctx, "n/e/w", levels(mailbox.DefaultMaxNameDepth-1)), mailbox.ErrInvalidName, "an inferior's name would be too deep")
	}
	require.Equal(t, all, names(t, f))

	// Away and back, below INBOX too.
	require.NoError(t, f.Rename(f.ctx, "ab", "inbox/ab"))
	require.Equal(t, "INBOX/ab", f.box(t, "INBOX/ab").Info().Name)
	require.NoError(t, f.Rename(f.ctx, "INBOX/ab", "ab"))
	require.Equal(t, all, names(t, f))
	if f.lacks(LackSuperiors) {
		return
	}
	require.NoError(t, f.Rename(f.ctx, "n/e/w/b", "n/e"))
	require.Equal(t, "INBOX X/y X/y/z a/b a_b ab free/b n/e n/e/c n/e/w taken", names(t, f))
}

func testDelete(t *testing.T, f *fixture) {
	for _, name := range []string{"a", "a/b", "c"} {
		f.box(t, name)
	}
	require.ErrorIs(t, f.Delete(f.ctx, "INBOX"), mailbox.ErrInvalidName)
	require.ErrorIs(t, f.Delete(f.ctx, "inbox"), mailbox.ErrInvalidName)
	require.ErrorIs(t, f.Delete(f.ctx, "zzz"), mailbox.ErrNotExist)

	ids, validities := map[string]bool{}, map[uint32]bool{}
	for range 3 {
		m := f.box(t, "a")
		fill(t, m, 3, mailbox.FlagDeleted)
		require.False(t, ids[m.Info().ID], "an ID is never used again")
		require.False(t, validities[m.Info().UIDValidity], "the name has had this UIDVALIDITY before")
		ids[m.Info().ID], validities[m.Info().UIDValidity] = true, true

		require.NoError(t, f.Delete(f.ctx, "a"))
		require.Equal(t, "INBOX a/b c", names(t, f), "inferiors stay")
		gone := func() {
			all := mailbox.AllUIDs()
			_, err := m.Status(f.ctx)
			require.ErrorIs(t, err, mailbox.ErrNotExist)
			_, err = m.Snapshot(f.ctx)
			require.ErrorIs(t, err, mailbox.ErrNotExist)
			_, err = m.Changes(f.ctx, mailbox.State{})
			require.ErrorIs(t, err, mailbox.ErrNotExist)
			_, err = m.Append(f.ctx, draft("late"))
			require.ErrorIs(t, err, mailbox.ErrNotExist)
			_, err = m.SetFlags(f.ctx, all, mailbox.FlagChange{})
			require.ErrorIs(t, err, mailbox.ErrNotExist)
			_, err = m.Expunge(f.ctx, all, mailbox.FlagSet{})
			require.ErrorIs(t, err, mailbox.ErrNotExist)
			_, err = m.Copy(f.ctx, all, "c")
			require.ErrorIs(t, err, mailbox.ErrNotExist)
			_, err = m.Move(f.ctx, all, "c")
			require.ErrorIs(t, err, mailbox.ErrNotExist)
			n := 0
			for msg, err := range m.Messages(f.ctx, all, mailbox.WantEntry) {
				n++
				require.Nil(t, msg)
				require.ErrorIs(t, err, mailbox.ErrNotExist)
			}
			require.Equal(t, 1, n)
		}
		gone()
		require.Zero(t, status(t, f.box(t, "a")).Messages)
		gone() // also when another mailbox has the name
		require.Zero(t, status(t, f.box(t, "c")).Messages)
	}
	// A name that comes back by rename brings its UIDVALIDITY along.
	require.NoError(t, f.Rename(f.ctx, "c", "d"))
	require.NotEqual(t, f.box(t, "d").Info().UIDValidity, f.box(t, "c").Info().UIDValidity)
}

func testSubscribe(t *testing.T, f *fixture) {
	subscribed := func() string {
		list, err := f.Mailboxes(f.ctx, 0)
		require.NoError(t, err)
		var all []string
		for _, info := range list {
			if info.Subscribed {
				all = append(all, info.Name)
			}
		}
		return strings.Join(all, " ")
	}
	f.box(t, "a")
	require.NoError(t, f.Subscribe(f.ctx, "inbox", true))
	require.NoError(t, f.Subscribe(f.ctx, "a", true))
	require.NoError(t, f.Subscribe(f.ctx, "a", true), "again")
	f.subscribeTo(t, "not/there")
	require.Equal(t, "INBOX a not/there", subscribed())
	require.Equal(t, "INBOX a not/there(no)", names(t, f))
	require.True(t, f.box(t, "a").Info().Subscribed)

	require.NoError(t, f.Delete(f.ctx, "a"))
	require.Equal(t, "INBOX a(no) not/there(no)", names(t, f), "subscriptions outlive the mailbox")
	f.box(t, "not/there")
	require.Equal(t, "INBOX a(no) not/there", names(t, f))
	for _, name := range []string{"a", "not/there", "a", "never"} {
		require.NoError(t, f.Subscribe(f.ctx, name, false))
	}
	require.NoError(t, f.Subscribe(f.ctx, "INBOX", false))
	require.Empty(t, subscribed())
}
