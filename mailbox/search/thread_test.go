package search_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// A mail is a message for a Threader, whose UID is its place in a list.
type mail struct {
	id, refs, inReplyTo string // identifiers as in fields
	subject             string
	date                int64 // zero: none
}

func mails(list ...mail) []*mailbox.Message {
	var msgs []*mailbox.Message
	for i, m := range list {
		env := &message.Envelope{MessageID: m.id, InReplyTo: m.inReplyTo, Subject: m.subject}
		if m.date != 0 {
			env.Time = time.Unix(m.date, 0)
		}
		msgs = append(msgs, &mailbox.Message{
			Entry:      mailbox.Entry{UID: mailbox.UID(i + 1), InternalDate: time.Unix(1000+int64(i), 0)},
			Envelope:   env,
			References: message.MessageIDs(m.refs),
		})
	}
	return msgs
}

func threads(a search.Algorithm, msgs []*mailbox.Message) []*search.Thread {
	t := search.NewThreader(a)
	for _, m := range msgs {
		t.Add(m)
	}
	return t.Threads()
}

// format writes threads as a THREAD response does (RFC 5256 §5). It calls itself.
func format(threads []*search.Thread) string {
	var b strings.Builder
	for _, t := range threads {
		b.WriteByte('(')
		if t.UID != 0 {
			fmt.Fprint(&b, t.UID)
		}
		for len(t.Children) == 1 && t.UID != 0 {
			t = t.Children[0]
			fmt.Fprintf(&b, " %d", t.UID)
		}
		if len(t.Children) > 0 {
			if t.UID != 0 {
				b.WriteByte(' ')
			}
			b.WriteString(format(t.Children))
		}
		b.WriteByte(')')
	}
	return b.String()
}

func TestThreadReferences(t *testing.T) {
	for _, tc := range []struct {
		name string
		want string // of REFERENCES
		refs string // of REFS, where that is different
		msgs []mail
	}{
		{"nothing", "", "", nil},
		{"RFC 5256 §4, first example", "(1)(2 3 (4 5)(6 7 8))", "", []mail{
			{id: "<2>"}, {id: "<3>"}, {id: "<6>", refs: "<3>"}, {id: "<4>", refs: "<3><6>"}, {id: "<23>", refs: "<3><6><4>"},
			{id: "<44>", refs: "<3><6>"}, {id: "<7>", refs: "<3><6><44>"}, {id: "<96>", refs: "<3><6><44><7>"},
		}},
		{"RFC 5256 §4, second example", "((1)(2))", "", []mail{{refs: "<missing>"}, {refs: "<missing>"}}},
		{"a missing message with one answer is left out", "(1)(2)", "", []mail{{refs: "<x>"}, {refs: "<y>"}}},
		{"missing messages between", "(1 2)", "", []mail{{id: "<a>"}, {refs: "<a><x><y><z>"}}},
		{"missing messages at the top", "((1)(2))", "", []mail{{refs: "<x><y><z>"}, {refs: "<x>"}}},
		{"only answers to the missing one below", "((1)(2))", "", []mail{{refs: "<x><y>"}, {refs: "<x><y>"}}},
		{"answer before what it answers", "(2 1)", "", []mail{{refs: "<a>"}, {id: "<a>"}}},
		{"In-Reply-To", "(1 2)", "", []mail{{id: "<a>"}, {inReplyTo: "<a> of Monday <b@c>"}}},
		{"References before In-Reply-To", "(1 3)(2)", "", []mail{{id: "<a>"}, {id: "<b>"}, {refs: "<a>", inReplyTo: "<b>"}}},
		{"no valid identifier in References", "(1 2)", "", []mail{{id: "<a>"}, {refs: "a <>", inReplyTo: "<a>"}}},
		{"identifiers are case-sensitive", "(1)(2)", "", []mail{{id: "<a>"}, {refs: "<A>"}}},
		{"quoting is no part of them", "(1 2 3 4)", "", []mail{
			{id: `<"01KF8JCEOCBS0045PS"@xxx.yyy.com>`},
			{id: `<"a\\b\"c"@[x\]]>`, refs: "<01KF8JCEOCBS0045PS@xxx.yyy.com>"},
			{id: "<c>", refs: `<"01\KF8JCEOCBS0045PS"@xxx.yyy.com> <"a\\b\"c"@[x]]>`},
			{refs: "<c>"},
		}},
		{"no Message-ID", "(1)(2)(3)", "", []mail{{}, {}, {id: "nonsense"}}},
		{"the first of two with one identifier has it", "(1 3)(2)", "", []mail{{id: "<a>"}, {id: "<a>"}, {refs: "<a>"}}},
		{"both are answers", "(1 (2 4)(3))", "", []mail{{id: "<a>"}, {id: "<b>", refs: "<a>"}, {id: "<b>", refs: "<a>"}, {refs: "<b>"}}},
		{"truncated References are corrected", "(1 2 3)", "", []mail{{id: "<a>"}, {id: "<b>", refs: "<a>"}, {refs: "<b>"}}},
		{"a link is not changed by others", "(1 2 3)(4)", "", []mail{{id: "<a>"}, {id: "<b>", refs: "<a>"}, {id: "<c>", refs: "<x><b>"}, {id: "<x>"}}},
		{"its own References count more", "(1 3 2)", "", []mail{{id: "<a>"}, {refs: "<c><b>"}, {id: "<b>", refs: "<a>"}}},
		{"none of its own: no parent", "(2 1)", "", []mail{{refs: "<a><b>", date: 9}, {id: "<b>", date: 8}}},
		{"an answer to itself", "(1)", "", []mail{{id: "<a>", refs: "<a>"}}},
		{"two that answer each other", "(2 1)", "", []mail{{id: "<a>", refs: "<b>"}, {id: "<b>", refs: "<a>"}}},
		{"a loop of three", "(3 1 2)", "", []mail{{id: "<a>", refs: "<c>"}, {id: "<b>", refs: "<a>"}, {id: "<c>", refs: "<b>"}}},
		{"a loop in one field", "(1)", "", []mail{{id: "<a>", refs: "<x><y><x><y>"}}},
		{"siblings by sent date", "(1 (4)(2)(3))", "", []mail{
			{id: "<a>", date: 1}, {refs: "<a>", date: 8}, {refs: "<a>", date: 8}, {refs: "<a>", date: 7},
		}},
		{"threads by that of the first", "(3 1)(2)", "", []mail{{refs: "<a>", date: 1}, {date: 4}, {id: "<a>", date: 3}}},
		{"a missing one by its first answer", "((1)(3))(2)", "", []mail{{refs: "<a>", date: 1}, {date: 4}, {refs: "<a>", date: 9}}},
		{"no date: when received", "(3)(2)(1)", "", []mail{{}, {date: 999}, {date: 998}}},

		{"a reply by subject", "(1 2)", "(1)(2)", []mail{{subject: "Lunch"}, {subject: "Re: lunch"}}},
		{"a reply that came before", "(2 1)", "(1)(2)", []mail{{subject: "Re: lunch"}, {subject: "[list] Lunch"}}},
		{"a forward", "(1 2)", "(1)(2)", []mail{{subject: "Lunch"}, {subject: "[Fwd: Lunch]"}}},
		{"two with one subject", "((1)(2))", "(1)(2)", []mail{{subject: "Lunch"}, {subject: "Lunch"}}},
		{"two replies", "((1)(2))", "(1)(2)", []mail{{subject: "Re: Lunch"}, {subject: "Re: Lunch"}}},
		{"a list may name each subject", "(1 (2)(3))", "(1)(2)(3)", []mail{{subject: "[x] Lunch"}, {subject: "Re: [x] Lunch"}, {subject: "[x] Re: [y] Lunch"}}},
		{"more to the two", "((1)(2)(3)(4))", "(1)(2)(3)(4)", []mail{{subject: "a"}, {subject: "a"}, {subject: "Re: a"}, {subject: "a"}}},
		{"replies, then the subject, twice", "((1)(3)(4))(2)", "(1)(2)(3)(4)", []mail{{subject: "Re: a"}, {subject: "b"}, {subject: "Re: a"}, {subject: "Re: a"}}},
		{"no subject", "(1)(2)(3)", "", []mail{{}, {subject: "Re:"}, {subject: " "}}},
		{"two missing messages", "((1)(2)(3)(4))", "((1)(2))((3)(4))", []mail{
			{refs: "<a>", subject: "x"}, {refs: "<a>", subject: "y"}, {refs: "<b>", subject: "X"}, {refs: "<b>", subject: "z"},
		}},
		{"a message and a missing one", "((3 4)(1)(2))", "(3 4)((1)(2))", []mail{
			{refs: "<a>", subject: "Re: x", date: 5}, {refs: "<a>", subject: "y", date: 6}, {id: "<c>", subject: "x", date: 1}, {refs: "<c>", date: 2},
		}},
		{"not between children", "(1 2)(3 4)", "", []mail{{id: "<a>", subject: "x"}, {refs: "<a>", subject: "y"}, {id: "<b>", subject: "z"}, {refs: "<b>", subject: "y"}}},
		{"subjects of children do not count", "(1 2)(3)", "", []mail{{id: "<a>", subject: "x"}, {refs: "<a>", subject: "y"}, {subject: "y"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.refs == "" {
				tc.refs = tc.want
			}
			msgs := mails(tc.msgs...)
			require.Equal(t, tc.want, format(threads(search.References, msgs)))
			require.Equal(t, tc.want, format(modelThreads(search.References, msgs)), "model")
			require.Equal(t, tc.refs, format(threads(search.Refs, msgs)))
			require.Equal(t, tc.refs, format(modelThreads(search.Refs, msgs)), "model")
		})
	}
}

func TestThreadOrderedSubject(t *testing.T) {
	msgs := mails(
		mail{subject: "b", date: 5}, mail{subject: "Re: A", date: 4}, mail{subject: "a", date: 6}, mail{subject: "[x] Re: b", date: 2},
		mail{subject: "a (fwd)", date: 3}, mail{date: 9}, mail{subject: "Re:", date: 9}, mail{subject: "ä", date: 1, refs: "<x>"},
	)
	got := threads(search.OrderedSubject, msgs)
	require.Equal(t, "(8)(4 1)(5 (2)(3))(6 7)", format(got))
	require.Equal(t, format(modelThreads(search.OrderedSubject, msgs)), format(got))
}

func TestThreadsSoFar(t *testing.T) {
	threader := search.NewThreader(search.References)
	var got []string
	for _, m := range mails(mail{refs: "<b>"}, mail{refs: "<b>"}, mail{}, mail{id: "<b>"}) {
		if m.UID == 3 {
			m.UID = 0 // ignored
		}
		threader.Add(m)
		got = append(got, format(threader.Threads()))
		require.Equal(t, got[len(got)-1], format(threader.Threads()), "nothing is changed")
	}
	require.Equal(t, []string{"(1)", "((1)(2))", "((1)(2))", "(4 (1)(2))"}, got)
}

func TestThreadsOf(t *testing.T) {
	s := watch(inbox(t,
		draft("Message-ID: <a@x>\nSubject: Lunch\nDate: 1 Jan 2020 10:00 +0000\n\n"),
		draft("Message-ID: <b@x>\nReferences: <a@x>\nDate: 1 Jan 2020 12:00 +0000\n\n"),
		draft("In-Reply-To: <a@x>\nDate: 1 Jan 2020 11:00 +0000\n\n"),
		draft("Subject: Re: lunch\nDate: 1 Jan 2020 09:00 +0000\n\n"),
	))
	for a, want := range map[search.Algorithm]string{
		search.References:     "(1 (4)(3)(2))",
		search.Refs:           "(4)(1 (3)(2))",
		search.OrderedSubject: "(4 1)(3 2)",
	} {
		s.wants = nil
		got, err := search.ThreadsOf(t.Context(), s, mailbox.AllUIDs(), a)
		require.NoError(t, err)
		require.Equal(t, want, format(got), a)
		require.Equal(t, []mailbox.Want{search.ThreadWants(a)}, s.wants)
	}
	got, err := search.ThreadsOf(t.Context(), s, mailbox.UIDSetOf(2, 3, 9), search.References)
	require.NoError(t, err)
	require.Equal(t, "((3)(2))", format(got), "the message that is missing is outside the set")

	s.damaged[2] = true
	got, err = search.ThreadsOf(t.Context(), s, mailbox.AllUIDs(), search.References)
	require.NoError(t, err)
	require.Equal(t, "(2)(1 (4)(3))", format(got), "no message is lost")

	_, err = search.ThreadsOf(t.Context(), s, mailbox.AllUIDs(), "X-OTHER")
	require.ErrorIs(t, err, search.ErrUnknownAlgorithm)
	_, err = search.ThreadsOf(t.Context(), unavailable{s}, mailbox.AllUIDs(), search.Refs)
	require.ErrorIs(t, err, mailbox.ErrUnavailable)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = search.ThreadsOf(ctx, s, mailbox.AllUIDs(), search.Refs)
	require.ErrorIs(t, err, context.Canceled)
}

func TestWalk(t *testing.T) {
	type at struct {
		depth int
		uid   mailbox.UID
	}
	list := []*search.Thread{
		{UID: 7, Children: []*search.Thread{{UID: 5}, {Children: []*search.Thread{{UID: 9, Children: []*search.Thread{{UID: 8}}}}}, {UID: 1}}},
		{Children: []*search.Thread{{UID: 3}, {UID: 4}}},
		{},
		{UID: 2},
	}
	want := []at{{0, 7}, {1, 5}, {1, 9}, {2, 8}, {1, 1}, {0, 3}, {0, 4}, {0, 2}}
	for n := range want {
		var got []at
		for depth, uid := range search.Walk(list) {
			if got = append(got, at{depth, uid}); len(got) > n {
				break
			}
		}
		require.Equal(t, want[:n+1], got)
	}
	for range search.Walk(nil) {
		t.Fail()
	}
	require.Equal(t, "1:5,7:9", search.ThreadUIDs(list).String())
	require.True(t, search.ThreadUIDs(nil).IsEmpty())
}

// Deep threads cost neither stack nor time that grows with the depth.
func TestDeepThreads(t *testing.T) {
	n := 100_000
	if testing.Short() {
		n /= 10
	}
	id := func(i int) string { return fmt.Sprintf("<%d@example.org>", i) }
	chain := func(order func(i int) int) []mail {
		list := make([]mail, n)
		for i := range list {
			k := order(i)
			list[i] = mail{id: id(k), refs: id(k - 1), date: int64(k + 1)}
		}
		return list
	}
	middle := chain(func(i int) int { return (i + n/2) % n })
	ends := chain(func(i int) int { return i })
	for i := range ends { // pairs of answers, then one thread of all
		if i%2 == 0 {
			ends[i].refs = ""
		}
	}
	for i := 2; i < n; i += 2 {
		ends = append(ends, mail{refs: id(i-1) + id(i)})
	}
	// Each message would have the end of a deep thread as its parent, and is the
	// parent of its beginning: all these loops are refused.
	loops := chain(func(i int) int { return i })
	for i := n / 2; i < n; i++ {
		loops[i] = mail{refs: id(n/2-1) + id(1+i%(n/4)), date: int64(i + 1)}
	}
	for name, list := range map[string][]mail{
		"in order":       chain(func(i int) int { return i }),
		"from the end":   chain(func(i int) int { return n - 1 - i }),
		"from the midst": middle,
		"scattered":      chain(func(i int) int { return i * 7919 % n }),
		"many to one":    ends,
		"loops":          loops,
	} {
		start := time.Now()
		msgs := mails(list...)
		made := time.Now()
		got := threads(search.References, msgs)
		require.Equal(t, len(msgs), search.ThreadUIDs(got).Len(), name)
		deepest := 0
		for depth := range search.Walk(got) {
			deepest = max(deepest, depth)
		}
		t.Logf("%s: %d messages, depth %d, %v (and %v)", name, len(msgs), deepest, time.Since(made), made.Sub(start))
		require.GreaterOrEqual(t, deepest, n/2-2, name)
		require.Less(t, time.Since(made), time.Minute, name)
	}
}

// requireEach checks that each message is in the threads once, and that missing
// ones are where they may be.
func requireEach(t testing.TB, got []*search.Thread, msgs []*mailbox.Message) {
	var want, have []mailbox.UID
	for _, m := range msgs {
		want = append(want, m.UID)
	}
	for _, uid := range search.Walk(got) {
		have = append(have, uid)
	}
	slices.Sort(have)
	require.Equal(t, want, have)
	for _, top := range got {
		require.True(t, top.UID != 0 || len(top.Children) > 1, "a missing message at the top has at least two answers")
		for rest := top.Children; len(rest) > 0; rest = rest[1:] {
			require.NotZero(t, rest[0].UID)
			rest = slices.Concat(rest, rest[0].Children)
		}
	}
}
