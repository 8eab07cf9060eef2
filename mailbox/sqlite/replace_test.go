package sqlite

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

func TestReplaceQuota(t *testing.T) {
	s := openStore(t, nil)
	m := inbox(t, s, "alice")
	a := m.(*box).a
	replace := func(uid mailbox.UID, size int64) (mailbox.Result, error) {
		return m.(mailbox.Replacer).Replace(t.Context(), uid, "inbox", mailbox.Incoming{Body: lines(size), Size: size})
	}
	for range 2 {
		_, err := m.Append(t.Context(), mailbox.Incoming{Body: lines(500_000), Size: 500_000})
		require.NoError(t, err)
	}
	limits := map[mailbox.QuotaName]int64{mailbox.QuotaStorage: 1_000_100, mailbox.QuotaMessage: 2}
	require.NoError(t, a.SetQuota(t.Context(), QuotaRoot, limits))

	// A body that is too large is not read.
	_, err := m.(mailbox.Replacer).Replace(t.Context(), 1, "INBOX", mailbox.Incoming{Body: nil, Size: 500_101})
	require.ErrorIs(t, err, mailbox.ErrOverQuota)
	_, err = m.(mailbox.Replacer).Replace(t.Context(), 1, "INBOX", mailbox.Incoming{Body: lines(500_101), Size: mailbox.SizeUnknown})
	require.ErrorIs(t, err, mailbox.ErrOverQuota)
	_, err = m.(mailbox.Replacer).Replace(t.Context(), 5, "INBOX", mailbox.Incoming{Body: nil, Size: 1})
	require.ErrorIs(t, err, mailbox.ErrNotExist)
	_, err = m.(mailbox.Replacer).Replace(t.Context(), 1, "none", mailbox.Incoming{Body: nil, Size: 1})
	require.ErrorIs(t, err, mailbox.ErrNotExist)
	_, err = m.(mailbox.Replacer).Replace(t.Context(), 1, "INBOX", mailbox.Incoming{Body: strings.NewReader("x"), Size: 2})
	require.ErrorIs(t, err, mailbox.ErrSize)

	before, err := m.Status(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 3, before.UIDNext, "nothing was done")
	res, err := replace(1, 500_100)
	require.NoError(t, err)
	require.Equal(t, []mailbox.Moved{{Source: mailbox.UIDRange{First: 1, Last: 1}, Dest: mailbox.UIDRange{First: 3, Last: 3}}}, res.Moved)
	require.Empty(t, res.DestSteps)
	after, err := m.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, mailbox.Steps{{From: before.HighestModSeq, To: after.HighestModSeq}}, res.Steps)
	require.EqualValues(t, 1_000_100, after.Size)

	// One that is over its quota may become smaller.
	require.NoError(t, a.SetQuota(t.Context(), QuotaRoot, map[mailbox.QuotaName]int64{mailbox.QuotaStorage: 10, mailbox.QuotaMessage: 1}))
	_, err = replace(2, 400_000)
	require.NoError(t, err)
	_, err = replace(3, 500_101)
	require.ErrorIs(t, err, mailbox.ErrOverQuota)
}
