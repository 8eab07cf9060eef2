package search_test

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// sorted returns the order of messages that are added in a random one.
func sorted(keys []search.SortKey, msgs []*mailbox.Message) []mailbox.UID {
	s := search.NewSorter(keys)
	for _, i := range rand.Perm(len(msgs)) {
		s.Add(msgs[i])
	}
	return s.UIDs()
}

// Each list is in ascending order, and the texts in one row are equal.
func TestSortTexts(t *testing.T) {
	for _, tc := range []struct {
		name string
		by   search.SortField
		rows [][]string
	}{
		{"base subject (RFC 5256 §2.1)", search.SortSubject, [][]string{
			{"", "Re:", " \t "}, {`"quoted"`},
			{"apple", "Re: [list] APPLE (fwd)", "[Fwd: apple]", "  aPPle\t", "=?us-ascii?q?Re:_a?= =?us-ascii?q?pple?="},
			{"apple  pie", "Fw:   apple\tpie"}, {"banana"}, {"bat"}, {"=?utf-8?Q?b=C3=A4r?=", "RE[2]: BÄR"},
			{"[only]", "Re: [a] [only]"},
		}},
		{"i;unicode-casemap (RFC 5051)", search.SortSubject, [][]string{
			{""}, {"A", "a", "ａ"}, {"a b"}, {"Ab"}, {"ae"}, {"az"}, {"a\u0301", "á", "Á", "A\u0301"},
			{"DZ\u030c", "dž"}, {"\u01c4", "\u01c5", "\u01c6"}, {"fi", "FI"}, {"strasse"}, {"straße", "STRAßE"}, {"z", "ｚ"},
			{"ﬁ"}, // has no titlecase, and its letters are not titlecased
			{"Ω", "ω", "\u2126"}, {"п", "П"}, {"日本"},
		}},
		{"addr-mailbox", search.SortFrom, [][]string{
			{""}, {"alice@z.example", "Zoe <ALICE@a.example>, bob@x", `"Alice" <alice@b.example>`}, {"bob@a.example"},
			{"Friends: zoe@a.example;", "friends:;"}, {`"odd one"@a.example`}, {"zoe@a.example"},
		}},
		{"to", search.SortTo, [][]string{{""}, {"a@b"}, {"b@a"}}},
		{"cc", search.SortCc, [][]string{{""}, {"a@b"}, {"b@a"}}},
		{"display (RFC 5957 §3)", search.SortDisplayFrom, [][]string{
			{""}, {"Alice Jones <z@example.org>", "=?utf-8?Q?ALICE?= =?utf-8?Q?_JONES?= <a@example.org>"}, {"=?utf-8?Q?=C3=84rger?= <a@b>"},
			{"bob"}, {"bob@a.example", "<BOB@a.example>", `"" <bob@a.example>`}, {"bob@b.example"}, {"Friends: a@b;"}, {"Zoe <a@b>"},
		}},
		{"display to", search.SortDisplayTo, [][]string{{""}, {"a@b"}, {"B <a@b>"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var msgs []*mailbox.Message
			var up, down []mailbox.UID
			uid := mailbox.UID(0)
			for _, row := range tc.rows {
				var equal []mailbox.UID
				for _, text := range row {
					uid++
					list, _ := message.ParseAddressList(text, 0)
					msgs = append(msgs, &mailbox.Message{
						Entry:    mailbox.Entry{UID: uid},
						Envelope: &message.Envelope{Subject: text, From: list, To: list, Cc: list},
					})
					equal = append(equal, uid)
				}
				up, down = append(up, equal...), append(equal, down...)
			}
			require.Equal(t, up, sorted([]search.SortKey{{By: tc.by}}, msgs))
			require.Equal(t, down, sorted([]search.SortKey{{By: tc.by, Reverse: true}}, msgs), "those that are equal in the order of their UIDs")
		})
	}
}

func TestSortRawOctets(t *testing.T) {
	// An addr-mailbox that is not UTF-8 is compared as it is (RFC 5051 §2, 1 (b)).
	var msgs []*mailbox.Message
	for i, local := range []string{"a", "b", "a\xff", "b\xff"} {
		env := &message.Envelope{From: []message.Address{{Local: local}}}
		msgs = append(msgs, &mailbox.Message{Entry: mailbox.Entry{UID: mailbox.UID(i + 1)}, Envelope: env})
	}
	require.Equal(t, []mailbox.UID{1, 2, 3, 4}, sorted([]search.SortKey{{By: search.SortFrom}}, msgs))
}

func TestSortNumbers(t *testing.T) {
	at := func(s string) time.Time {
		date, ok := message.ParseDate(s)
		require.True(t, ok || s == "", s)
		return date
	}
	var msgs []*mailbox.Message
	for i, m := range []struct {
		size           int64
		received, sent string
	}{
		{30, "4 Jan 2001 00:00 +0000", "31 Dec 2000 16:01:33 -0800"},
		{10, "3 Jan 2001 00:00 +0000", "1 Jan 2001 00:01:32 +0000"},
		{10, "1 Jan 2001 00:01 +0000", ""},
		{20, "2 Jan 2001 01:00 +0200", "1 Jan 2001 00:01:33 +0000"},
		{20, "1 Jan 2001 23:30 +0000", "1 Jan 2001 00:01:33 +0000"},
	} {
		msgs = append(msgs, &mailbox.Message{
			Entry:    mailbox.Entry{UID: mailbox.UID(i + 1), Size: m.size, InternalDate: at(m.received)},
			Envelope: &message.Envelope{Time: at(m.sent)},
		})
	}
	for _, tc := range []struct {
		keys []search.SortKey
		want []mailbox.UID
	}{
		{nil, []mailbox.UID{1, 2, 3, 4, 5}},
		{[]search.SortKey{{By: search.SortDate}}, []mailbox.UID{3, 2, 1, 4, 5}},
		{[]search.SortKey{{By: search.SortDate, Reverse: true}}, []mailbox.UID{1, 4, 5, 2, 3}},
		{[]search.SortKey{{By: search.SortArrival}}, []mailbox.UID{3, 4, 5, 2, 1}},
		{[]search.SortKey{{By: search.SortSize}}, []mailbox.UID{2, 3, 4, 5, 1}},
		{[]search.SortKey{{By: search.SortSize, Reverse: true}, {By: search.SortDate}}, []mailbox.UID{1, 4, 5, 3, 2}},
		{[]search.SortKey{{By: search.SortSize}, {By: search.SortSize, Reverse: true}, {By: search.SortSubject}}, []mailbox.UID{2, 3, 4, 5, 1}},
	} {
		require.Equal(t, tc.want, sorted(tc.keys, msgs), "%v", tc.keys)
	}
}

// unavailable is a mailbox whose messages cannot be read for now.
type unavailable struct{ mailbox.Mailbox }

func (unavailable) Messages(context.Context, mailbox.UIDSet, mailbox.Want) iter.Seq2[*mailbox.Message, error] {
	return func(yield func(*mailbox.Message, error) bool) { yield(nil, mailbox.ErrUnavailable) }
}

func TestSortMailbox(t *testing.T) {
	subjects := []string{"b", "Re: A", "", "a", "c"}
	var drafts []mailbox.Incoming
	for _, s := range subjects {
		drafts = append(drafts, draft("Subject: "+s+"\nFrom: me@example.org\n\ntext\n"))
	}
	s := watch(inbox(t, drafts...))
	keys := []search.SortKey{{By: search.SortSubject}}
	got, err := search.Sort(t.Context(), s, mailbox.AllUIDs(), keys)
	require.NoError(t, err)
	require.Equal(t, []mailbox.UID{3, 2, 4, 1, 5}, got)
	require.Equal(t, []mailbox.Want{mailbox.WantEnvelope}, s.wants)
	got, err = search.Sort(t.Context(), s, mailbox.UIDSetOf(5, 1, 9), keys)
	require.NoError(t, err)
	require.Equal(t, []mailbox.UID{1, 5}, got)

	s.damaged[5] = true
	got, err = search.Sort(t.Context(), s, mailbox.AllUIDs(), keys)
	require.NoError(t, err)
	require.Equal(t, []mailbox.UID{3, 5, 2, 4, 1}, got, "no message is lost")

	_, err = search.Sort(t.Context(), unavailable{s}, mailbox.AllUIDs(), keys)
	require.ErrorIs(t, err, mailbox.ErrUnavailable)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = search.Sort(ctx, s, mailbox.AllUIDs(), keys)
	require.ErrorIs(t, err, context.Canceled)
}

func TestSortWants(t *testing.T) {
	require.Zero(t, search.SortWants(nil))
	for f := search.SortArrival; f <= search.SortDisplayTo; f++ {
		want := map[search.SortField]mailbox.Want{
			search.SortArrival: mailbox.WantEntry,
			search.SortSize:    mailbox.WantEntry,
			search.SortDate:    mailbox.WantEntry | mailbox.WantEnvelope,
		}[f]
		if want == 0 {
			want = mailbox.WantEnvelope
		}
		require.Equal(t, want, search.SortWants([]search.SortKey{{By: f}}), "%d", f)
	}
}

// A Sorter agrees with a stable sort for one key after the other, the last first.
func TestSortModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	words := []string{"", "a", "A", "b", "Re: b", "[x] a", "c", "ä"}
	word := func() string { return words[rng.IntN(len(words))] }
	base := func(s string) string {
		s, _ = message.BaseSubject(s)
		return strings.ReplaceAll(strings.ToUpper(s), "Ä", "A\u0308")
	}
	for range 300 {
		var msgs []*mailbox.Message
		for i := range rng.IntN(30) {
			at := time.Unix(int64(rng.IntN(5)), 0)
			msgs = append(msgs, &mailbox.Message{
				Entry:    mailbox.Entry{UID: mailbox.UID(i + 1), InternalDate: at, Size: int64(rng.IntN(4))},
				Envelope: &message.Envelope{Subject: word(), From: []message.Address{{Local: word()}}},
			})
		}
		var keys []search.SortKey
		for range rng.IntN(5) {
			fields := []search.SortField{search.SortArrival, search.SortSize, search.SortDate, search.SortSubject, search.SortFrom}
			keys = append(keys, search.SortKey{By: fields[rng.IntN(len(fields))], Reverse: rng.IntN(2) == 0})
		}
		want := slices.Clone(msgs)
		for _, k := range slices.Backward(keys) {
			slices.SortStableFunc(want, func(a, b *mailbox.Message) int {
				if k.Reverse {
					a, b = b, a
				}
				switch k.By {
				case search.SortSize:
					return cmp.Compare(a.Size, b.Size)
				case search.SortSubject:
					return cmp.Compare(base(a.Envelope.Subject), base(b.Envelope.Subject))
				case search.SortFrom:
					return cmp.Compare(strings.ReplaceAll(strings.ToUpper(a.Envelope.From[0].Local), "Ä", "A\u0308"),
						strings.ReplaceAll(strings.ToUpper(b.Envelope.From[0].Local), "Ä", "A\u0308"))
				}
				return a.InternalDate.Compare(b.InternalDate)
			})
		}
		var uids []mailbox.UID
		for _, m := range want {
			uids = append(uids, m.UID)
		}
		require.Equal(t, fmt.Sprint(uids), fmt.Sprint(sorted(keys, msgs)), "%v", keys)
	}
}
