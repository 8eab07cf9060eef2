package mailboxtest

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

func testReplace(t *testing.T, f *fixture) {
	m, other := f.box(t, "INBOX"), f.box(t, "other")
	r, ok := m.(mailbox.Replacer)
	if !ok {
		t.Skip("the mailbox is no mailbox.Replacer")
	}
	fill(t, other, 1)
	put := fill(t, m, 3)
	for _, to := range []mailbox.Mailbox{m, other} {
		uid := uids(t, m).Min()
		was, there := status(t, m), status(t, to)
		msg := draft("replaced", mailbox.FlagDraft, "Word")
		res, err := r.Replace(f.ctx, uid, strings.ToLower(to.Info().Name), msg)
		require.NoError(t, err)
		require.Equal(t, 1, res.Len())
		require.Equal(t, mailbox.UIDSetOf(uid).String(), res.SourceUIDs().String())
		require.Equal(t, to.Info().ID, res.DestID)
		require.Equal(t, to.Info().UIDValidity, res.DestUIDValidity)
		got := arrived(res)[0]
		require.GreaterOrEqual(t, got, there.UIDNext)
		require.Equal(t, text("replaced"), contents(t, to, res.DestUIDs())[got])
		require.Equal(t, `\Draft Word`, entries(t, to, res.DestUIDs())[0].Flags.String())
		require.False(t, uids(t, m).Contains(uid))
		requireStatus(t, m)
		requireStatus(t, to)
		f.requireSteps(t, res.Steps, was.HighestModSeq, status(t, m).HighestModSeq)
		ch := changesSince(t, m, was.State())
		require.True(t, ch.Vanished.Contains(uid))
		if to.Info().ID == m.Info().ID {
			require.True(t, ch.New.Contains(got))
			require.Empty(t, res.DestSteps)
			continue
		}
		f.requireSteps(t, res.DestSteps, there.HighestModSeq, status(t, to).HighestModSeq)
	}

	// On error neither.
	before, there := status(t, m), status(t, other)
	_, err := r.Replace(f.ctx, put[2], "nowhere", draft("x"))
	require.ErrorIs(t, err, mailbox.ErrNotExist)
	_, err = r.Replace(f.ctx, put[0], "other", draft("x"))
	require.ErrorIs(t, err, mailbox.ErrNotExist, "a message that is gone")
	_, err = r.Replace(f.ctx, 0, "other", draft("x"))
	require.ErrorIs(t, err, mailbox.ErrNotExist)
	_, err = r.Replace(f.ctx, put[2], "other", mailbox.Incoming{Body: strings.NewReader("short"), Size: 6})
	require.ErrorIs(t, err, mailbox.ErrSize)
	broken := errors.New("broken")
	_, err = r.Replace(f.ctx, put[2], "INBOX", mailbox.Incoming{Body: iotest.ErrReader(broken), Size: mailbox.SizeUnknown})
	require.ErrorIs(t, err, broken)
	require.Equal(t, before, status(t, m))
	require.Equal(t, there, status(t, other))

	// A quota has room for the difference.
	q, ok := f.Account.(mailbox.QuotaKeeper)
	if !ok {
		return
	}
	root, ok := f.quotaRoot(t, q, "INBOX")
	if !ok {
		return
	}
	messages := int64(status(t, m).Messages + status(t, other).Messages)
	if err := q.SetQuota(f.ctx, root, map[mailbox.QuotaName]int64{mailbox.QuotaMessage: messages}); err == nil {
		_, err = r.Replace(f.ctx, uids(t, m).Min(), "other", draft("x"))
		require.NoError(t, err)
	}
	size := status(t, m).Size + status(t, other).Size
	if err := q.SetQuota(f.ctx, root, map[mailbox.QuotaName]int64{mailbox.QuotaStorage: size}); err == nil {
		uid := uids(t, m).Min()
		had := entries(t, m, mailbox.UIDSetOf(uid))[0].Size
		_, err = r.Replace(f.ctx, uid, "INBOX", mailbox.Incoming{Body: strings.NewReader(strings.Repeat("x", int(had)+1)), Size: mailbox.SizeUnknown})
		require.ErrorIs(t, err, mailbox.ErrOverQuota)
		require.True(t, uids(t, m).Contains(uid))
		_, err = r.Replace(f.ctx, uid, "INBOX", mailbox.Incoming{Body: strings.NewReader(strings.Repeat("x", int(had))), Size: mailbox.SizeUnknown})
		require.NoError(t, err)
	}
}
