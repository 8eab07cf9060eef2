package search_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// An indexed mailbox answers for some keys.
type indexed struct {
	*spy
	sets  map[search.Key]mailbox.UIDSet
	err   error
	asked []search.Key
}

func (x *indexed) Candidates(_ context.Context, key search.Key, within mailbox.UIDSet) (mailbox.UIDSet, bool, error) {
	x.asked = append(x.asked, key)
	set, ok := x.sets[key]
	return set, ok, x.err
}

func TestIndexNarrows(t *testing.T) {
	word1, subject := search.Body{Value: "word1"}, search.Header{Field: "Subject", Value: "s0"}
	open := func() *indexed {
		var drafts []mailbox.Incoming
		for i := range 6 {
			drafts = append(drafts, draft(fmt.Sprintf("Subject: s%d\n\nword%d and more\n", i%2, i%3)))
		}
		return &indexed{spy: watch(inbox(t, drafts...)), sets: map[search.Key]mailbox.UIDSet{
			word1:   mailbox.UIDSetOf(2, 4, 5, 77), // 4 is false, and 77 is none
			subject: mailbox.UIDSetOf(1, 3, 5),
		}}
	}
	for _, tc := range []struct {
		key  search.Key
		want string
		read int // contents
	}{
		{word1, "2,5", 3},
		{search.Not{Key: word1}, "1,3:4,6", 6}, // what it does not exclude is open both ways
		{search.And{word1, subject}, "5", 1},
		{search.And{search.Not{Key: subject}, word1}, "2", 2},
		{search.Or{A: word1, B: subject}, "1:3,5", 2},
		{search.And{word1, search.Text{Value: "and"}}, "2,5", 3},
		{search.And{word1, search.UID{Set: mailbox.UIDSetOf(1, 3)}}, "", 0},
	} {
		x := open()
		require.Equal(t, tc.want, find(t, x.spy, tc.key), "without: %v", tc.key)
		clear(x.contents)
		require.Equal(t, tc.want, find(t, x, tc.key), "%v", tc.key)
		require.Len(t, x.contents, tc.read, "contents read: %v", tc.key)
	}

	x := open()
	find(t, x, search.And{word1, uid(1, 3)})
	require.Equal(t, []search.Key{word1}, x.asked, "UIDs need no index")
	x.asked = nil
	find(t, x, search.And{uid(9), search.Not{Key: search.All{}}, search.Or{A: subject, B: word1}, subject})
	require.Empty(t, x.asked, "nor does what UIDs decide")
	many := search.And{}
	for range 200 {
		many = append(many, flag(mailbox.FlagSeen))
	}
	x.asked = nil
	find(t, x, search.Not{Key: many})
	require.LessOrEqual(t, len(x.asked), 64, "an index is not asked without end")

	x.err = errors.New("index is broken")
	_, err := search.Find(t.Context(), x, mailbox.AllUIDs(), word1, nil)
	require.ErrorIs(t, err, x.err)
}
