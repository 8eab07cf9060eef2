package mailbox_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

func TestSteps(t *testing.T) {
	var s mailbox.Steps
	to, ok := s.Advance(7)
	require.True(t, ok, "no step leaves a view where it is")
	require.EqualValues(t, 7, to)

	s.Add(mailbox.Step{From: 7, To: 7}) // nothing changed
	require.Empty(t, s)
	s.Add(mailbox.Step{From: 7, To: 8})
	s.Add(mailbox.Step{From: 8, To: 9})
	require.Equal(t, mailbox.Steps{{From: 7, To: 9}}, s, "slices with nothing between are one step")
	to, ok = s.Advance(7)
	require.True(t, ok)
	require.EqualValues(t, 9, to)
	_, ok = s.Advance(6)
	require.False(t, ok, "somebody else made a change before")
	_, ok = s.Advance(8)
	require.False(t, ok, "the view has been ahead of the call")

	s.Add(mailbox.Step{From: 11, To: 12}) // 10 and 11 are changes of others
	_, ok = s.Advance(7)
	require.False(t, ok, "somebody else made a change between")
	for m, own := range map[mailbox.ModSeq]bool{7: false, 8: true, 9: true, 10: false, 11: false, 12: true, 13: false} {
		require.Equal(t, own, s.Has(m), "ModSeq %d", m)
	}
}

func TestResult(t *testing.T) {
	var r mailbox.Result
	require.True(t, r.SourceUIDs().IsEmpty())
	require.Zero(t, r.Len())

	for i, uid := range []mailbox.UID{3, 4, 5, 9, 8} { // a server may copy in any order
		r.Add(uid, 101+mailbox.UID(i))
	}
	require.Equal(t, []mailbox.Moved{
		{Source: mailbox.UIDRange{First: 3, Last: 5}, Dest: mailbox.UIDRange{First: 101, Last: 103}},
		{Source: mailbox.UIDRange{First: 9, Last: 9}, Dest: mailbox.UIDRange{First: 104, Last: 104}},
		{Source: mailbox.UIDRange{First: 8, Last: 8}, Dest: mailbox.UIDRange{First: 105, Last: 105}},
	}, r.Moved, "the order says which became which")
	require.Equal(t, "3:5,8:9", r.SourceUIDs().String())
	require.Equal(t, "101:105", r.DestUIDs().String())
	require.Equal(t, 5, r.Len())

	var appended, expunged mailbox.Result
	for uid := mailbox.UID(1); uid <= 3; uid++ {
		appended.Add(0, uid)
		expunged.Add(uid, 0)
	}
	expunged.Add(mailbox.MaxUID, 0)
	require.Len(t, appended.Moved, 1)
	require.Equal(t, "1:3", appended.DestUIDs().String())
	require.True(t, appended.SourceUIDs().IsEmpty())
	require.Equal(t, "1:3,4294967295", expunged.SourceUIDs().String())
	require.Equal(t, 4, expunged.Len())
}

func TestRights(t *testing.T) {
	require.Equal(t, "lrswipkxtea", mailbox.AllRights.String())
	for letters, want := range map[string]string{
		"": "", "lr": "lr", "rl": "lr", "aetxkpiwsrl": "lrswipkxtea",
		"lrc": "lrkx", "d": "xte", // RFC 4314 §2.1.1
	} {
		r, err := mailbox.ParseRights(letters)
		require.NoError(t, err)
		require.Equal(t, want, r.String())
	}
	for _, letters := range []string{"lr0", "L", "lr ", "é"} {
		_, err := mailbox.ParseRights(letters)
		require.Error(t, err, letters)
	}
}

func TestAccess(t *testing.T) {
	require.True(t, mailbox.Access{}.ReadOnly())
	require.True(t, mailbox.ReadOnlyAccess().ReadOnly())
	require.False(t, mailbox.FullAccess().ReadOnly())

	all := mailbox.NewFlagSet(mailbox.FlagAnswered, mailbox.FlagDeleted, mailbox.FlagSeen, "Work", "$Junk")
	for rights, want := range map[string]string{
		"lr": "", "lrs": `\Seen`, "lrt": `\Deleted`, "lrw": `\Answered $Junk Work`, "lrswt": `\Answered \Deleted \Seen $Junk Work`,
	} {
		access := mailbox.FullAccess()
		access.Rights, _ = mailbox.ParseRights(rights)
		require.Equal(t, want, access.MayChange(all).String(), rights)
		require.Equal(t, rights == "lr", access.ReadOnly(), rights)
	}
	access := mailbox.FullAccess()
	access.PermanentFlags, access.NewKeywords = mailbox.NewFlagSet(mailbox.FlagSeen, "WORK"), false
	require.Equal(t, `\Seen Work`, access.MayChange(all).String())
}

func TestUnknownSteps(t *testing.T) {
	var all mailbox.Steps
	for range 2 {
		for _, step := range mailbox.UnknownSteps() {
			all.Add(step)
		}
	}
	require.NotEmpty(t, all)
	for _, m := range []mailbox.ModSeq{1, 2, 1 << 62} {
		_, ok := all.Advance(m)
		require.False(t, ok)
		require.False(t, all.Has(m+1))
	}
}
