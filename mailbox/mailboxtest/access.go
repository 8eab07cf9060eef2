package mailboxtest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// testAccess checks what the owner of a mailbox is told.
func testAccess(t *testing.T, f *fixture) {
	f.box(t, "other")
	list, err := f.Mailboxes(f.ctx, 0)
	require.NoError(t, err)
	for _, info := range list {
		require.True(t, info.Access.Rights.Has(mailbox.RightLookup|mailbox.RightRead), info.Name)
		require.Nil(t, info.Status, "it was not asked for")
		m := f.box(t, info.Name)
		require.Equal(t, info, m.Info())
		// What is promised holds.
		put := fill(t, m, 1)
		flags := info.Access.MayChange(mailbox.NewFlagSet(mailbox.FlagSeen, mailbox.FlagDeleted, mailbox.FlagDraft, "Word"))
		res, err := m.SetFlags(f.ctx, mailbox.UIDSetOf(put...), mailbox.FlagChange{Flags: flags})
		require.NoError(t, err)
		require.Equal(t, flags.IsEmpty(), res.Changed.IsEmpty())
		require.True(t, entries(t, m, mailbox.UIDSetOf(put...))[0].Flags.Equal(flags), "they last")
	}
}

// shared is a mailbox of bob, shared with the user of the fixture.
type shared struct {
	*fixture
	name string          // for the user
	m    mailbox.Mailbox // as the user has it
	own  mailbox.Mailbox // as bob has it
}

// share makes bob and shares a mailbox of his.
func (f *fixture) share(t *testing.T, box string, rights mailbox.Rights) *shared {
	t.Helper()
	if f.Share == nil {
		t.Skip("Options.Share is not set")
	}
	if _, err := f.store.Account(f.ctx, "bob"); err != nil {
		require.NoError(t, f.create("bob"))
	}
	bob := f.empty(t, f.store)
	bob.Account = f.account(t, "bob")
	s := &shared{fixture: f, own: bob.box(t, box)}
	s.name = f.grant(t, box, rights)
	var err error
	s.m, err = f.Mailbox(f.ctx, s.name)
	require.NoError(t, err)
	return s
}

// grant gives the user rights on a mailbox of bob.
func (f *fixture) grant(t testing.TB, box string, rights mailbox.Rights) string {
	t.Helper()
	name, err := f.Share(f.ctx, f.store, "bob", box, user, rights)
	require.NoError(t, err)
	return name
}

// find returns what the list of mailboxes says of a name.
func find(t testing.TB, a mailbox.Account, name string, want mailbox.ListWant) (mailbox.Info, bool) {
	t.Helper()
	list, err := a.Mailboxes(t.Context(), want)
	require.NoError(t, err)
	for _, info := range list {
		if info.Name == name {
			return info, true
		}
	}
	return mailbox.Info{}, false
}

func testShared(t *testing.T, f *fixture) {
	s := f.share(t, "Project", mailbox.RightLookup|mailbox.RightRead)
	ns, ok := f.Account.(mailbox.Namespacer)
	require.True(t, ok, "an account with mailboxes of others is a mailbox.Namespacer")
	spaces, err := ns.Namespaces(f.ctx)
	require.NoError(t, err)
	require.Contains(t, spaces.Personal, "")
	within := false
	for _, prefix := range append(spaces.OtherUsers, spaces.Shared...) {
		require.True(t, prefix == "" || strings.HasSuffix(prefix, "/"))
		within = within || strings.HasPrefix(s.name, prefix)
	}
	require.True(t, within, "%q is in no namespace of %v", s.name, spaces)

	info, ok := find(t, f, s.name, 0)
	require.True(t, ok)
	require.Equal(t, info, s.m.Info())
	require.True(t, info.Access.ReadOnly())
	require.True(t, info.Access.MayChange(mailbox.NewFlagSet(mailbox.FlagSeen, "Word")).IsEmpty())
	require.Equal(t, s.own.Info().UIDValidity, info.UIDValidity)
	ids := map[string]bool{}
	list, err := f.Mailboxes(f.ctx, mailbox.ListStatus)
	require.NoError(t, err)
	for _, info := range list {
		require.False(t, ids[info.ID], "IDs are unique in the account")
		ids[info.ID] = true
		require.NotNil(t, info.Status)
	}

	// It is the same mailbox, and events tell of it.
	events, err := f.Watch(f.ctx)
	require.NoError(t, err)
	put := fill(t, s.own, 2)
	await(t, events, info.ID, mailbox.EventNew)
	require.Equal(t, status(t, s.own), status(t, s.m))
	require.Equal(t, contents(t, s.own, mailbox.AllUIDs()), contents(t, s.m, mailbox.AllUIDs()))
	view := look(t, s.m)
	_, err = s.own.SetFlags(f.ctx, mailbox.UIDSetOf(put[0]), mailbox.FlagChange{Flags: mailbox.NewFlagSet("A")})
	require.NoError(t, err)
	await(t, events, info.ID, mailbox.EventFlags)
	_, err = s.own.Expunge(f.ctx, mailbox.UIDSetOf(put[1]), mailbox.FlagSet{})
	require.NoError(t, err)
	await(t, events, info.ID, mailbox.EventVanished)
	view.update(t, s.m, changesSince(t, s.m, view.state))
	require.Equal(t, look(t, s.own), view)

	// Subscriptions are the user's own.
	require.NoError(t, f.Subscribe(f.ctx, s.name, true))
	info, _ = find(t, f, s.name, 0)
	require.True(t, info.Subscribed)

	// Nothing in it can be changed.
	before := status(t, s.own)
	all := mailbox.AllUIDs()
	one := mailbox.NewFlagSet("x")
	for name, call := range map[string]func() error{
		"Append":   func() error { _, err := s.m.Append(f.ctx, draft("x")); return err },
		"SetFlags": func() error { _, err := s.m.SetFlags(f.ctx, all, mailbox.FlagChange{Flags: one}); return err },
		"Replace flags": func() error {
			_, err := s.m.SetFlags(f.ctx, all, mailbox.FlagChange{Op: mailbox.FlagsReplace})
			return err
		},
		"Expunge": func() error { _, err := s.m.Expunge(f.ctx, all, mailbox.FlagSet{}); return err },
		"Move":    func() error { _, err := s.m.Move(f.ctx, all, "INBOX"); return err },
		"Copy to": func() error { _, err := f.box(t, "INBOX").Copy(f.ctx, all, s.name); return err },
	} {
		require.ErrorIs(t, call(), mailbox.ErrReadOnly, name)
	}
	require.Error(t, f.Delete(f.ctx, s.name))
	require.Error(t, f.Rename(f.ctx, s.name, "mine"))
	require.Error(t, f.Rename(f.ctx, s.name, s.name+"2"))
	_, err = f.Create(f.ctx, s.name+"/below", nil)
	require.ErrorIs(t, err, mailbox.ErrPermission)
	require.Equal(t, before, status(t, s.own))

	// No longer shared.
	f.grant(t, "Project", 0)
	await(t, events, "", mailbox.EventMailboxes)
	_, err = f.Mailbox(f.ctx, s.name)
	require.ErrorIs(t, err, mailbox.ErrNotExist)
	_, err = s.m.Status(f.ctx)
	require.ErrorIs(t, err, mailbox.ErrNotExist)
	info, ok = find(t, f, s.name, 0)
	require.True(t, ok && info.NonExistent, "the subscription stays")
}

// testRights gives a user each right beside those to look up and read, and all
// but it, and checks which calls that allows (RFC 4314 §4).
func testRights(t *testing.T, f *fixture) {
	const base = mailbox.RightLookup | mailbox.RightRead
	s := f.share(t, "Project", base)
	inbox := f.box(t, "INBOX")
	fill(t, inbox, 1)
	flag := func(flag mailbox.Flag) func() error {
		return func() error {
			_, err := s.m.SetFlags(f.ctx, uids(t, s.own), mailbox.FlagChange{Op: mailbox.FlagsAdd, Flags: mailbox.NewFlagSet(flag)})
			return err
		}
	}
	n := 0
	calls := []struct {
		name string
		need mailbox.Rights
		do   func() error
	}{
		{"Append", mailbox.RightInsert, func() error { _, err := s.m.Append(f.ctx, draft("x")); return err }},
		{"Copy to", mailbox.RightInsert, func() error { _, err := inbox.Copy(f.ctx, mailbox.UIDSetOf(uids(t, inbox).Min()), s.name); return err }},
		{"Copy from", 0, func() error { _, err := s.m.Copy(f.ctx, mailbox.UIDSetOf(uids(t, s.own).Min()), "INBOX"); return err }},
		{"Seen", mailbox.RightSeen, flag(mailbox.FlagSeen)},
		{"Deleted", mailbox.RightDeleteMessages, flag(mailbox.FlagDeleted)},
		{"Flagged", mailbox.RightWrite, flag(mailbox.FlagFlagged)},
		{"keyword", mailbox.RightWrite, flag("Word")},
		{"Move", mailbox.RightDeleteMessages | mailbox.RightExpunge, func() error {
			_, err := s.m.Move(f.ctx, mailbox.UIDSetOf(uids(t, s.own).Min()), "INBOX")
			return err
		}},
		{"Expunge", mailbox.RightExpunge, func() error { _, err := s.m.Expunge(f.ctx, uids(t, s.own), mailbox.FlagSet{}); return err }},
		{"Create", mailbox.RightCreate, func() error { n++; _, err := f.Create(f.ctx, fmt.Sprint(s.name, "/", n), nil); return err }},
	}
	for bit := range 11 {
		right := mailbox.Rights(1) << bit
		for _, rights := range []mailbox.Rights{base | right, mailbox.AllRights&^right | base} {
			f.grant(t, "Project", rights)
			info, _ := find(t, f, s.name, 0)
			require.Equal(t, rights, info.Access.Rights, "it is known before it is tried")
			for _, c := range calls {
				fill(t, s.own, 1)
				if err := c.do(); rights.Has(c.need) {
					require.NoError(t, err, "%s with %v", c.name, rights)
				} else if info.Access.ReadOnly() && c.name != "Create" {
					require.ErrorIs(t, err, mailbox.ErrReadOnly, "%s with %v", c.name, rights)
				} else {
					require.ErrorIs(t, err, mailbox.ErrPermission, "%s with %v", c.name, rights)
				}
			}
		}
	}

	// Flags that the user may not set are left out of what is appended and
	// copied, and as they are where others are changed.
	f.grant(t, "Project", base|mailbox.RightInsert|mailbox.RightSeen)
	res, err := s.m.Append(f.ctx, draft("flags", mailbox.FlagSeen, mailbox.FlagDeleted, "Word"))
	require.NoError(t, err)
	require.Equal(t, `\Seen`, entries(t, s.own, res.DestUIDs())[0].Flags.String())
	put, err := inbox.Append(f.ctx, draft("flags", mailbox.FlagSeen, mailbox.FlagFlagged, "Word"))
	require.NoError(t, err)
	res, err = inbox.Copy(f.ctx, put.DestUIDs(), s.name)
	require.NoError(t, err)
	require.Equal(t, `\Seen`, entries(t, s.own, res.DestUIDs())[0].Flags.String())
	_, err = s.own.SetFlags(f.ctx, res.DestUIDs(), mailbox.FlagChange{Flags: mailbox.NewFlagSet(mailbox.FlagFlagged, "Word")})
	require.NoError(t, err)
	_, err = s.m.SetFlags(f.ctx, res.DestUIDs(), mailbox.FlagChange{Op: mailbox.FlagsReplace, Flags: mailbox.NewFlagSet(mailbox.FlagDeleted, "Other")})
	require.NoError(t, err)
	require.Equal(t, `\Flagged Word`, entries(t, s.own, res.DestUIDs())[0].Flags.String())

	flags, err := s.m.SetFlags(f.ctx, res.DestUIDs(), mailbox.FlagChange{Flags: mailbox.NewFlagSet(mailbox.FlagSeen, mailbox.FlagDeleted, "Other")})
	require.NoError(t, err, "one of them can be changed")
	require.Equal(t, res.DestUIDs().String(), flags.Changed.String())
	require.Equal(t, `\Flagged \Seen Word`, entries(t, s.own, res.DestUIDs())[0].Flags.String())
	flags, err = s.m.SetFlags(f.ctx, res.DestUIDs(), mailbox.FlagChange{Op: mailbox.FlagsRemove, Flags: mailbox.NewFlagSet(mailbox.FlagFlagged, mailbox.FlagSeen)})
	require.NoError(t, err)
	require.Equal(t, `\Flagged Word`, entries(t, s.own, res.DestUIDs())[0].Flags.String())
	require.Equal(t, 1, flags.Changed.Len())

	// Without the right to look it up it is not listed, and without any that
	// the call needs it does not seem to exist.
	f.grant(t, "Project", mailbox.RightInsert)
	_, ok := find(t, f, s.name, 0)
	require.False(t, ok)
	_, err = s.m.Append(f.ctx, draft("blind"))
	require.NoError(t, err)
	_, err = s.m.Status(f.ctx)
	require.ErrorIs(t, err, mailbox.ErrNotExist)

	// Name operations by the owner and by a user with rights.
	f.grant(t, "Project", mailbox.AllRights)
	info, err := f.Create(f.ctx, s.name+"/sub", nil)
	require.NoError(t, err)
	require.Equal(t, s.name+"/sub", info.Name)
	require.Equal(t, mailbox.AllRights, info.Access.Rights, "it has the rights of its superior")
	require.NoError(t, f.Rename(f.ctx, s.name+"/sub", s.name+"/renamed"))
	_, ok = find(t, f, s.name+"/renamed", 0)
	require.True(t, ok)
	require.NoError(t, f.Delete(f.ctx, s.name+"/renamed"))
	require.NoError(t, f.Delete(f.ctx, s.name))
	_, err = s.own.Status(f.ctx)
	require.ErrorIs(t, err, mailbox.ErrNotExist)
}

// testSharedTransfer moves messages between two accounts in both directions at
// once, and checks whose quota they count for.
func testSharedTransfer(t *testing.T, f *fixture) {
	s := f.share(t, "Project", mailbox.AllRights)
	inbox := f.box(t, "INBOX")
	fill(t, inbox, 4)
	fill(t, s.own, 4)
	ctx, cancel := context.WithTimeout(f.ctx, patience)
	defer cancel()
	w := workers{t: t}
	for i := range 4 {
		w.do(func() error {
			for range 50 {
				from, dest := inbox, s.name
				if i%2 == 1 {
					from, dest = s.m, "INBOX"
				}
				if _, err := from.Move(ctx, mailbox.AllUIDs(), dest); err != nil {
					return err
				}
			}
			return nil
		})
	}
	w.wait()
	require.EqualValues(t, 8, requireStatus(t, inbox).Messages+requireStatus(t, s.own).Messages)
	if r, ok := inbox.(mailbox.Replacer); ok {
		put := fill(t, inbox, 1)
		_, err := r.Replace(f.ctx, put[0], s.name, draft("over there"))
		require.NoError(t, err)
		require.False(t, uids(t, inbox).Contains(put[0]))
	}

	bob, err := f.store.Account(f.ctx, "bob")
	require.NoError(t, err)
	defer bob.Close()
	q, ok := bob.(mailbox.QuotaKeeper)
	if !ok {
		return
	}
	_, err = inbox.Move(f.ctx, mailbox.AllUIDs(), s.name)
	require.NoError(t, err)
	root, ok := f.quotaRoot(t, q, "Project")
	if !ok {
		return
	}
	have := int64(status(t, s.own).Messages)
	if err := q.SetQuota(f.ctx, root, map[mailbox.QuotaName]int64{mailbox.QuotaMessage: have}); err != nil {
		return
	}
	put := fill(t, inbox, 1)
	_, err = s.m.Append(f.ctx, draft("x"))
	require.ErrorIs(t, err, mailbox.ErrOverQuota, "it counts for the owner")
	_, err = inbox.Move(f.ctx, mailbox.UIDSetOf(put...), s.name)
	require.ErrorIs(t, err, mailbox.ErrOverQuota, "another quota: moving takes room")
	_, err = s.m.Move(f.ctx, mailbox.UIDSetOf(uids(t, s.own).Min()), "INBOX")
	require.NoError(t, err)
	_, err = inbox.Move(f.ctx, mailbox.UIDSetOf(put...), s.name)
	require.NoError(t, err, "and leaving makes it")
}
