package mailboxtest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// testReopen checks that all there is to know survives closing.
func testReopen(t *testing.T, f *fixture) {
	if f.Reopen == nil {
		t.Skip("Options.Reopen is not set: the store keeps nothing")
	}
	require.NoError(t, f.create("bob"))
	_, err := f.Create(f.ctx, "Sent", &mailbox.CreateOptions{SpecialUse: mailbox.UseSent})
	require.NoError(t, err)
	f.box(t, "gone")
	require.NoError(t, f.Delete(f.ctx, "gone"))
	f.subscribeTo(t, "gone")
	require.NoError(t, f.Subscribe(f.ctx, "Sent", true))
	m := f.box(t, "INBOX")
	for _, body := range f.odd() {
		_, err := m.Append(f.ctx, mailbox.Incoming{Body: strings.NewReader(body), Size: mailbox.SizeUnknown,
			Flags: mailbox.NewFlagSet("Key", mailbox.FlagSeen), InternalDate: time.Date(2020, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))})
		require.NoError(t, err)
	}
	since := status(t, m).HighestModSeq
	put := uids(t, m)
	_, err = m.Expunge(f.ctx, mailbox.UIDSetOf(put.At(1), put.Max()), mailbox.FlagSet{})
	require.NoError(t, err)
	_, err = m.Copy(f.ctx, mailbox.UIDSetOf(put.At(2)), "Sent")
	require.NoError(t, err)
	_, err = m.SetFlags(f.ctx, mailbox.UIDSetOf(put.At(3)), mailbox.FlagChange{Flags: mailbox.NewFlagSet("Other", mailbox.FlagDraft)})
	require.NoError(t, err)
	if r, ok := m.(mailbox.RecentMarker); ok {
		_, err := r.MarkRecent(f.ctx, put.At(4))
		require.NoError(t, err)
	}
	if q, ok := f.Account.(mailbox.QuotaKeeper); ok {
		if root, ok := f.quotaRoot(t, q, "INBOX"); ok {
			err := q.SetQuota(f.ctx, root, map[mailbox.QuotaName]int64{mailbox.QuotaStorage: 1 << 40})
			if err != nil && !f.lacks(LackSetQuota) {
				require.ErrorIs(t, err, mailbox.ErrNotExist)
			}
		}
	}

	type state struct {
		infos    []mailbox.Info
		status   map[string]mailbox.Status
		entries  map[string][]mailbox.Entry
		contents map[string]map[mailbox.UID]string
		vanished string
		quota    []mailbox.QuotaResource
		recent   mailbox.UID
	}
	take := func() state {
		s := state{status: map[string]mailbox.Status{}, entries: map[string][]mailbox.Entry{}, contents: map[string]map[mailbox.UID]string{}}
		var err error
		s.infos, err = f.Mailboxes(f.ctx, 0)
		require.NoError(t, err)
		for _, info := range s.infos {
			if !info.NonExistent {
				m := f.box(t, info.Name)
				s.status[info.Name] = requireStatus(t, m)
				s.entries[info.Name] = entries(t, m, mailbox.AllUIDs())
				s.contents[info.Name] = contents(t, m, mailbox.AllUIDs())
			}
		}
		m := f.box(t, "INBOX")
		s.vanished = changes(t, m, since).Vanished.String()
		if q, ok := f.Account.(mailbox.QuotaKeeper); ok {
			if root, ok := f.quotaRoot(t, q, "INBOX"); ok {
				s.quota, err = q.Quota(f.ctx, root)
				require.NoError(t, err)
			}
		}
		if r, ok := m.(mailbox.RecentMarker); ok {
			s.recent, err = r.Recent(f.ctx)
			require.NoError(t, err)
		}
		return s
	}
	before := take()
	f.reopen(t)
	after := take()
	for name, list := range before.entries {
		require.Len(t, after.entries[name], len(list))
		for i, e := range list {
			sameEntry(t, e, after.entries[name][i])
		}
	}
	for name, all := range before.contents {
		for uid, body := range all {
			require.True(t, body == after.contents[name][uid], "content of %s UID %d", name, uid)
		}
	}
	before.entries, after.entries, before.contents, after.contents = nil, nil, nil, nil
	require.Equal(t, before, after)

	// UIDs, IDs and UIDVALIDITY go on.
	m = f.box(t, "INBOX")
	require.GreaterOrEqual(t, fill(t, m, 1)[0], before.status["INBOX"].UIDNext)
	require.Greater(t, status(t, m).HighestModSeq, before.status["INBOX"].HighestModSeq)
	info, err := f.Create(f.ctx, "gone", nil)
	require.NoError(t, err)
	for _, old := range before.infos {
		require.NotEqual(t, old.ID, info.ID)
	}
	_ = f.account(t, "bob")
}

// testSecond checks that two stores on the same data are one.
func testSecond(t *testing.T, f *fixture) {
	if f.Second == nil {
		t.Skip("Options.Second is not set: the store is for one process")
	}
	second := f.empty(t, f.Second(t, f.store))
	second.Account = second.account(t, user)
	ctx, cancel := context.WithCancel(f.ctx)
	defer cancel()
	m, same := f.box(t, "INBOX"), second.box(t, "INBOX")
	require.Equal(t, m.Info(), same.Info())
	v := look(t, same)
	events, err := second.Watch(ctx)
	require.NoError(t, err)

	// What one has done, the other sees when the call has returned.
	id := m.Info().ID
	put := fill(t, m, 3)
	require.Equal(t, status(t, m), status(t, same))
	require.Equal(t, contents(t, m, mailbox.AllUIDs()), contents(t, same, mailbox.AllUIDs()))
	await(t, events, id, mailbox.EventNew)
	_, err = m.SetFlags(f.ctx, mailbox.UIDSetOf(put[0]), mailbox.FlagChange{Flags: mailbox.NewFlagSet("Word", mailbox.FlagSeen)})
	require.NoError(t, err)
	_, err = m.Expunge(f.ctx, mailbox.UIDSetOf(put[1]), mailbox.FlagSet{})
	require.NoError(t, err)
	v.update(t, same, changesSince(t, same, v.state))
	require.Equal(t, look(t, m), v)
	await(t, events, id, mailbox.EventVanished)

	_, err = f.Create(f.ctx, "new", nil)
	require.NoError(t, err)
	require.Equal(t, names(t, f), names(t, second))
	await(t, events, "", mailbox.EventMailboxes)
	require.NoError(t, second.Rename(f.ctx, "new", "newer"))
	_, err = f.Mailbox(f.ctx, "new")
	require.ErrorIs(t, err, mailbox.ErrNotExist)
	require.NoError(t, second.Delete(f.ctx, "newer"))
	_, err = f.Create(f.ctx, "newer", nil)
	require.NoError(t, err)

	concurrent(t, f, f.Account, second.Account)
}
