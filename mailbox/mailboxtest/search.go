package mailboxtest

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// searchKeys are keys of all kinds that an index may know.
func searchKeys(some mailbox.Entry) []search.Key {
	day := some.InternalDate.UTC().Truncate(24 * time.Hour)
	keys := []search.Key{
		search.Flag{Flag: mailbox.FlagSeen}, search.Flag{Flag: mailbox.FlagSeen, Absent: true},
		search.Flag{Flag: mailbox.FlagFlagged}, search.Flag{Flag: mailbox.FlagFlagged, Absent: true},
		search.Flag{Flag: "$FORWARDED"}, search.Flag{Flag: "none"}, search.Flag{Flag: "none", Absent: true},
		search.Size{N: some.Size}, search.Size{Larger: true, N: some.Size},
		search.ModSeq{N: some.ModSeq}, search.ModSeq{N: some.ModSeq + 1},
		search.Within{Seconds: 3600}, search.Within{Younger: true, Seconds: 3600},
		search.EmailID{ID: some.EmailID}, search.ThreadID{ID: some.ThreadID}, search.SaveDateSupported{},
		search.Header{Field: "Subject", Value: "ubject 1"}, search.Header{Field: "SUBJECT", Value: "ÉTÉ"},
		search.Header{Field: "From", Value: "ann <ANN@"}, search.Header{Field: "To", Value: "nobody"},
		search.Header{Field: "X-Index", Value: "2"}, search.Header{Field: "x-index"},
		search.Body{Value: "ELLO, THIS"}, search.Body{Value: "is subject 3"}, search.Body{Value: "subject:"},
		search.Text{Value: "x-index: 4"}, search.Text{Value: "été"}, search.Text{Value: "o, t"},
	}
	for _, field := range []search.DateField{search.InternalDate, search.SentDate, search.SaveDate} {
		for _, op := range []search.DateOp{search.DateBefore, search.DateOn, search.DateSince} {
			keys = append(keys, search.Date{Field: field, Op: op, Day: day})
		}
	}
	return keys
}

// unindexed is a mailbox without its optional interfaces.
type unindexed struct{ mailbox.Mailbox }

// testSearch checks that what a search needs is there: that it finds in the
// store what was put in, and that an index ([search.Indexer]) leaves out no
// message that matches, at any time.
func testSearch(t *testing.T, f *fixture) {
	m := f.box(t, "INBOX")
	add := func(from, to int) {
		for i := from; i < to; i++ {
			n := strconv.Itoa(i)
			body := "X-Index: " + n + "\r\n" + text("subject "+n)
			if i%3 == 0 {
				body = "Date: Tue, 3 Mar 2020 23:30:00 -0700\r\n" + strings.Replace(body, "subject "+n, "=?utf-8?Q?=C3=A9t=C3=A9?= "+n, 1)
			}
			d := mailbox.Incoming{Body: strings.NewReader(body), Size: int64(len(body)), InternalDate: time.Now().AddDate(0, 0, -i)}
			d.Flags = []mailbox.FlagSet{{}, mailbox.NewFlagSet(mailbox.FlagSeen), mailbox.NewFlagSet(mailbox.FlagFlagged, "$Forwarded")}[i%3]
			_, err := m.Append(f.ctx, d)
			require.NoError(t, err)
		}
	}
	find := func(m mailbox.Mailbox, key search.Key) mailbox.UIDSet {
		t.Helper()
		found, err := search.Find(f.ctx, m, mailbox.AllUIDs(), key, nil)
		require.NoError(t, err)
		return found
	}
	check := func(when string) {
		t.Helper()
		some := entries(t, m, mailbox.AllUIDs())[4]
		for _, key := range searchKeys(some) {
			want := find(unindexed{m}, key)
			require.Equal(t, want.String(), find(m, key).String(), "%s: %#v", when, key)
			require.Equal(t, find(unindexed{m}, search.Not{Key: key}).String(), find(m, search.Not{Key: key}).String(), "%s: not %#v", when, key)
			if index, ok := m.(search.Indexer); ok {
				for _, within := range []mailbox.UIDSet{mailbox.AllUIDs(), mailbox.UIDSetOf(some.UID), {}} {
					set, ok, err := index.Candidates(f.ctx, key, within)
					require.NoError(t, err)
					if missing := want.Intersect(within).Subtract(set); ok {
						require.Empty(t, missing.String(), "%s: matches that are no candidates: %#v within %s", when, key, within)
					}
				}
			}
		}
	}

	add(0, 9)
	for key, want := range map[search.Key]string{
		search.All{}:                                        "1:9",
		search.Flag{Flag: mailbox.FlagSeen}:                 "2,5,8",
		search.Header{Field: "Subject", Value: "été"}:       "1,4,7",
		search.Header{Field: "X-Index", Value: "8"}:         "9",
		search.Body{Value: "Hello, This is Subject 4"}:      "5",
		search.Text{Value: "x-index: 2"}:                    "3",
		search.Within{Younger: true, Seconds: 36 * 60 * 60}: "1:2",
		search.Date{Field: search.SentDate, Op: search.DateOn, Day: time.Date(2020, 3, 3, 0, 0, 0, 0, time.UTC)}: "1,4,7",
	} {
		require.Equal(t, want, find(m, key).String(), "%#v", key)
	}
	check("after append")
	_, err := m.SetFlags(f.ctx, mailbox.UIDSetOf(2, 3, 4), mailbox.FlagChange{Op: mailbox.FlagsReplace, Flags: mailbox.NewFlagSet("$forwarded")})
	require.NoError(t, err)
	check("after flags")
	_, err = m.Expunge(f.ctx, mailbox.UIDSetOf(1, 5), mailbox.FlagSet{})
	require.NoError(t, err)
	check("after expunge")
	add(9, 12)
	_, err = m.Copy(f.ctx, mailbox.UIDRangeSet(2, 4), "INBOX")
	require.NoError(t, err)
	f.box(t, "other")
	_, err = m.Move(f.ctx, mailbox.UIDSetOf(6, 7), "other")
	require.NoError(t, err)
	check("after copy and move")
	if f.Reopen != nil {
		f.reopen(t)
		m = f.box(t, "INBOX")
		check("after reopening")
	}
}
