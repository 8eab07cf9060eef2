package imapclient_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// TestRefresh changes a mailbox on one connection and looks at it on another.
func TestRefresh(t *testing.T) {
	sites(t, func(t *testing.T, s *site) {
		ctx := t.Context()
		c, other := s.dial(t, nil), s.dial(t, nil)
		m := s.box(t, c, count(4)...)
		om, err := other.Select(ctx, m.Name(), nil)
		require.NoError(t, err)
		before, err := m.Refresh(ctx)
		require.NoError(t, err)
		require.EqualValues(t, 4, *before.Messages)
		uids, err := om.UIDs(ctx)
		require.NoError(t, err)
		_, err = om.Delete(ctx, imapclient.UIDs(uids.At(1)))
		require.NoError(t, err)
		_, err = other.Append(ctx, m.Name(), mailbox.Incoming{})
		if err != nil { // Dovecot and Cyrus take no empty message
			body := letter("new", "hello")
			_, err = other.Append(ctx, m.Name(), mailbox.Incoming{Body: strings.NewReader(body), Size: int64(len(body))})
		}
		require.NoError(t, err)
		after, err := m.Refresh(ctx)
		require.NoError(t, err)
		require.EqualValues(t, 4, *after.Messages)
		require.Greater(t, after.UIDNext, before.UIDNext)
		require.Greater(t, *after.HighestModSeq, *before.HighestModSeq)
		now, err := m.UIDs(ctx)
		require.NoError(t, err)
		require.False(t, now.Contains(uids.At(1)))
		require.True(t, now.Contains(after.UIDNext-1))

		// STORE tells the mod-sequences of what it changes.
		stored, err := m.Store(ctx, imapclient.All(), mailbox.FlagChange{Flags: mailbox.NewFlagSet(mailbox.FlagFlagged)})
		require.NoError(t, err)
		var changed mailbox.UIDSet
		for modSeq, set := range stored.ModSeqs {
			require.Greater(t, modSeq, *after.HighestModSeq)
			changed = changed.Union(set)
		}
		require.Equal(t, now.String(), changed.String())
		require.NoError(t, om.CatchUp(ctx))
		for msg, err := range om.Fetch(ctx, imapclient.UIDSet(now), imapclient.Flags) {
			require.NoError(t, err)
			require.True(t, msg.Entry.Flags.Has(mailbox.FlagFlagged))
		}
	})
}
