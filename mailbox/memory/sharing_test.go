package memory

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// openTwo returns the accounts of bob, who shares his INBOX, and of alice, and
// the INBOX as alice has it.
func openTwo(t *testing.T, rights mailbox.Rights) (s *Store, bob, alice mailbox.Account, shared mailbox.Mailbox) {
	t.Helper()
	ctx := t.Context()
	s = New(nil)
	t.Cleanup(func() { s.Close() })
	for _, name := range []string{"bob", "alice"} {
		require.NoError(t, s.CreateAccount(ctx, name))
	}
	require.NoError(t, s.Share(ctx, "bob", "inbox", "alice", rights))
	bob, err := s.Account(ctx, "bob")
	require.NoError(t, err)
	alice, err = s.Account(ctx, "alice")
	require.NoError(t, err)
	shared, err = alice.Mailbox(ctx, "Other Users/bob/INBOX")
	require.NoError(t, err)
	return s, bob, alice, shared
}

func listNames(t *testing.T, a mailbox.Account) string {
	t.Helper()
	list, err := a.Mailboxes(t.Context(), 0)
	require.NoError(t, err)
	var names []string
	for _, info := range list {
		names = append(names, info.Name)
	}
	return strings.Join(names, ",")
}

func TestShare(t *testing.T) {
	ctx := t.Context()
	s, bob, alice, shared := openTwo(t, mailbox.AllRights)
	require.Equal(t, "INBOX,Other Users/bob/INBOX", listNames(t, alice))
	require.Equal(t, "INBOX", listNames(t, bob))

	require.ErrorIs(t, s.Share(ctx, "nobody", "INBOX", "alice", mailbox.RightRead), mailbox.ErrNotExist)
	require.ErrorIs(t, s.Share(ctx, "bob", "INBOX", "nobody", mailbox.RightRead), mailbox.ErrNotExist)
	require.ErrorIs(t, s.Share(ctx, "bob", "nowhere", "alice", mailbox.RightRead), mailbox.ErrNotExist)
	require.ErrorIs(t, s.Share(ctx, "bob", "INBOX", "bob", mailbox.RightRead), mailbox.ErrPermission)
	require.NoError(t, s.CreateAccount(ctx, "a*b"))
	require.ErrorIs(t, s.Share(ctx, "a*b", "INBOX", "alice", mailbox.RightRead), mailbox.ErrInvalidName)

	// The names of other users are not for the user's own mailboxes.
	for _, name := range []string{"Other Users", "Other Users/carol", "Other Users/carol/x"} {
		_, err := alice.Create(ctx, name, nil)
		require.ErrorIs(t, err, mailbox.ErrPermission, name)
		_, err = alice.Mailbox(ctx, name)
		require.ErrorIs(t, err, mailbox.ErrNotExist, name)
	}
	_, err := alice.Create(ctx, "mine", nil)
	require.NoError(t, err)
	require.ErrorIs(t, alice.Rename(ctx, "mine", "Other Users/bob/INBOX/mine"), mailbox.ErrPermission)
	require.ErrorIs(t, alice.Rename(ctx, "Other Users/bob/INBOX", "Other Users/bob/INBOX2"), mailbox.ErrPermission, "there is no superior to create it below")
	require.ErrorIs(t, alice.Delete(ctx, "Other Users/bob/INBOX"), mailbox.ErrInvalidName)

	// What the owner makes below is not shared; what the user makes is.
	_, err = bob.Create(ctx, "INBOX/private", nil)
	require.NoError(t, err)
	_, err = alice.Create(ctx, "Other Users/bob/INBOX/common", nil)
	require.NoError(t, err)
	_, err = alice.Create(ctx, "Other Users/bob/INBOX/private", nil)
	require.ErrorIs(t, err, mailbox.ErrExist)
	require.Equal(t, "INBOX,Other Users/bob/INBOX,Other Users/bob/INBOX/common,mine", listNames(t, alice))
	require.Equal(t, "INBOX,INBOX/common,INBOX/private", listNames(t, bob))

	// The quota is the owner's.
	q := alice.(mailbox.QuotaKeeper)
	roots, err := q.QuotaRoots(ctx, "Other Users/bob/INBOX")
	require.NoError(t, err)
	require.Equal(t, []string{"Other Users/bob"}, roots)
	require.NoError(t, bob.(mailbox.QuotaKeeper).SetQuota(ctx, QuotaRoot, map[mailbox.QuotaName]int64{mailbox.QuotaMailbox: 7}))
	list, err := q.Quota(ctx, roots[0])
	require.NoError(t, err)
	require.Equal(t, []mailbox.QuotaResource{{Name: mailbox.QuotaMailbox, Usage: 3, Limit: 7}}, list)
	_, err = q.Quota(ctx, "Other Users/carol")
	require.ErrorIs(t, err, mailbox.ErrNotExist)
	require.ErrorIs(t, q.SetQuota(ctx, roots[0], nil), mailbox.ErrNotExist, "not for others to set")
	requireSound(t, shared.(*boxHandle))
}

// The shares of a deleted account are removed.
func TestShareEnds(t *testing.T) {
	ctx := t.Context()
	s, _, alice, shared := openTwo(t, mailbox.AllRights)
	events, err := alice.Watch(ctx)
	require.NoError(t, err)
	require.NoError(t, s.DeleteAccount(ctx, "bob"))
	require.Equal(t, mailbox.EventMailboxes, (<-events).Kind)
	require.Equal(t, "INBOX", listNames(t, alice))
	_, err = shared.Status(ctx)
	require.ErrorIs(t, err, mailbox.ErrNotExist)
	require.Empty(t, alice.(*handle).foreign)

	s, bob, _, shared := openTwo(t, mailbox.AllRights)
	require.NoError(t, s.DeleteAccount(ctx, "alice"))
	_, err = shared.Status(ctx)
	require.ErrorIs(t, err, mailbox.ErrNotExist)
	inbox, err := bob.Mailbox(ctx, "INBOX")
	require.NoError(t, err)
	require.Empty(t, inbox.(*boxHandle).box.shares)
	require.NoError(t, s.CreateAccount(ctx, "alice"))
	alice, err = s.Account(ctx, "alice")
	require.NoError(t, err)
	require.Equal(t, "INBOX", listNames(t, alice), "the new account has no share in it")
}

// countdown is a context that is done after a number of checks.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// A call that ends between two slices returns the changes it has made.
func TestSlices(t *testing.T) {
	h := openInbox(t, nil)
	grow(t, h, 3*sliceSize)
	from := h.box.modSeq
	change := mailbox.FlagChange{Flags: mailbox.NewFlagSet(mailbox.FlagDeleted)}
	res, err := h.SetFlags(&countdown{t.Context(), 2}, mailbox.AllUIDs(), change)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, mailbox.UIDRangeSet(1, 2*sliceSize).String(), res.Changed.Intersect(mailbox.UIDRangeSet(1, 2*sliceSize)).String())
	require.Equal(t, 2*sliceSize, res.Changed.Len())
	require.Equal(t, mailbox.Steps{{From: from, To: from + 2}}, res.Steps, "a ModSeq for each slice")
	require.Equal(t, 2*sliceSize, h.box.flaggedDeleted)

	gone, err := h.Expunge(&countdown{t.Context(), 1}, mailbox.AllUIDs(), change.Flags)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, sliceSize, gone.Len())
	require.Equal(t, mailbox.Steps{{From: from + 2, To: from + 3}}, gone.Steps)
	gone, err = h.Expunge(t.Context(), mailbox.AllUIDs(), change.Flags)
	require.NoError(t, err)
	require.Equal(t, sliceSize, gone.Len())
	require.Equal(t, sliceSize, h.box.messages)
	requireSound(t, h)
}
