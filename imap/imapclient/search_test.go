package imapclient_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

func TestSearchSuite(t *testing.T) {
	sites(t, func(t *testing.T, s *site) {
		other := s.box(t, s.dial(t, nil), sortable()...)
		for _, x := range []struct {
			name    string
			disable []imap.Cap
		}{
			{"all", nil},
			{"without ESEARCH and ESORT", []imap.Cap{imap.CapESearch, imap.CapESort, imap.CapContextSearch}},
			{"without SORT and THREAD", []imap.Cap{imap.CapSort, "THREAD=REFERENCES", "THREAD=REFS", "THREAD=ORDEREDSUBJECT"}},
		} {
			t.Run(x.name, func(t *testing.T) {
				o := s.options()
				o.Disable = x.disable
				m, err := s.dial(t, o).Select(t.Context(), other.Name(), nil)
				require.NoError(t, err)
				t.Run("search", func(t *testing.T) { testSearch(t, m) })
				t.Run("sort", func(t *testing.T) { testSort(t, m) })
				t.Run("thread", func(t *testing.T) { testThread(t, m) })
			})
		}
	})
}

// sortable returns messages in two threads.
func sortable() []string {
	msg := func(id, refs, subject, from string, day int) string {
		s := "From: " + from + "\r\nTo: bob@example.net\r\nDate: " + fmt.Sprintf("%d Feb 1994 21:52:25 -0800", day) + "\r\nMessage-ID: <" + id + "@x>\r\n"
		if refs != "" {
			s += "References: " + refs + "\r\n"
		}
		return s + "Subject: " + subject + "\r\n\r\nText of " + subject + ".\r\n"
	}
	return []string{
		msg("a", "", "apples", "Zoe <ann@example.org>", 5),
		msg("b", "<a@x>", "Re: apples", "Bea <zoe@example.org>", 3),
		msg("c", "", "cherries", "=?utf-8?q?J=C3=BCrgen?= <j@example.org>", 4),
		msg("d", "<a@x> <b@x>", "Re: apples", "dan@example.org", 7),
		msg("e", "", "bananas", "Eve <eve@example.org>", 1),
	}
}

func testSearch(t *testing.T, m *imapclient.Mailbox) {
	ctx := t.Context()
	all, err := m.UIDs(ctx)
	require.NoError(t, err)
	at := func(i ...int) mailbox.UIDSet {
		var out mailbox.UIDSet
		for _, i := range i {
			out.Add(all.At(i - 1))
		}
		return out
	}
	apples := search.Subject("apples")
	f, err := m.Search(ctx, apples, nil)
	require.NoError(t, err)
	require.Equal(t, at(1, 2, 4).String(), f.UIDs.String())
	require.Equal(t, []any{3, all.At(0), all.At(3)}, []any{f.Count(), f.Min(), f.Max()})
	f, err = m.Search(ctx, apples, &imapclient.SearchOptions{Return: imap.ReturnMin | imap.ReturnMax | imap.ReturnCount})
	require.NoError(t, err)
	require.True(t, f.UIDs.IsEmpty())
	require.Equal(t, []any{3, all.At(0), all.At(3)}, []any{f.Count(), f.Min(), f.Max()})
	f, err = m.Search(ctx, search.Subject("none"), &imapclient.SearchOptions{Return: imap.ReturnMin | imap.ReturnCount})
	require.NoError(t, err)
	require.Equal(t, []any{0, mailbox.UID(0), mailbox.UID(0)}, []any{f.Count(), f.Min(), f.Max()})
	for _, x := range []struct {
		r    imap.PartialRange
		want mailbox.UIDSet
	}{
		{imap.PartialRange{First: 1, Last: 2}, at(1, 2)}, {imap.PartialRange{First: 9, Last: 2}, at(2, 4)},
		{imap.PartialRange{First: -1, Last: -2}, at(2, 4)}, {imap.PartialRange{First: 4, Last: 9}, at()},
	} {
		f, err = m.Search(ctx, apples, &imapclient.SearchOptions{Partial: &x.r})
		require.NoError(t, err)
		require.Equal(t, x.want.String(), f.UIDs.String(), "%v", x.r)
	}
	f, err = m.Search(ctx, apples, &imapclient.SearchOptions{In: imapclient.UIDSet(at(2, 3))})
	require.NoError(t, err)
	require.Equal(t, at(2).String(), f.UIDs.String())
	f, err = m.Search(ctx, apples, &imapclient.SearchOptions{In: imapclient.UIDs()}) // an empty set is not the zero Set
	require.NoError(t, err)
	require.Zero(t, f.Count())
	f, err = m.Search(ctx, apples, &imapclient.SearchOptions{In: imapclient.Where(search.From("zoe@"))})
	require.NoError(t, err)
	require.Equal(t, at(2).String(), f.UIDs.String())
	f, err = m.Search(ctx, search.From("Jürgen"), nil)
	require.NoError(t, err)
	require.Equal(t, at(3).String(), f.UIDs.String())
}

func testSort(t *testing.T, m *imapclient.Mailbox) {
	ctx := t.Context()
	all, err := m.UIDs(ctx)
	require.NoError(t, err)
	places := func(uids []mailbox.UID) (out []int) {
		for _, uid := range uids {
			out = append(out, all.Index(uid)+1)
		}
		return out
	}
	for _, x := range []struct {
		by   []search.SortKey
		key  search.Key
		want []int
	}{
		{[]search.SortKey{{By: search.SortDate}}, search.All{}, []int{5, 2, 3, 1, 4}},
		{[]search.SortKey{{By: search.SortDate, Reverse: true}}, search.All{}, []int{4, 1, 3, 2, 5}},
		{[]search.SortKey{{By: search.SortSubject}, {By: search.SortDate, Reverse: true}}, nil, []int{4, 1, 2, 5, 3}},
		{[]search.SortKey{{By: search.SortFrom}}, search.Subject("apples"), []int{1, 4, 2}},
	} {
		f, err := m.Sort(ctx, x.by, x.key, nil)
		require.NoError(t, err)
		require.Equal(t, x.want, places(f.Order), "%v", x.by)
		require.Equal(t, len(x.want), f.Count())
		require.Equal(t, f.Order[0], f.Min())
		require.Equal(t, f.Order[len(x.want)-1], f.Max())
		f, err = m.Sort(ctx, x.by, x.key, &imapclient.SearchOptions{Partial: &imap.PartialRange{First: 2, Last: 3}})
		require.NoError(t, err)
		require.Equal(t, x.want[1:3], places(f.Order))
		f, err = m.Sort(ctx, x.by, x.key, &imapclient.SearchOptions{Return: imap.ReturnMin})
		require.NoError(t, err)
		require.Equal(t, x.want[:1], places([]mailbox.UID{f.Min()}))
		require.Empty(t, f.Order)
	}
	f, err := m.Sort(ctx, []search.SortKey{{By: search.SortDisplayFrom}}, search.All{}, nil)
	require.NoError(t, err)
	require.Equal(t, []int{2, 4, 5, 3, 1}, places(f.Order))
	_, err = m.Sort(ctx, nil, search.All{}, nil)
	require.Error(t, err)
}

func testThread(t *testing.T, m *imapclient.Mailbox) {
	ctx := t.Context()
	all, err := m.UIDs(ctx)
	require.NoError(t, err)
	for _, x := range []struct {
		a    search.Algorithm
		want string
	}{
		{search.References, "0:5 0:3 0:1 1:2 2:4"},
		{search.OrderedSubject, "0:5 0:2 1:1 1:4 0:3"},
	} {
		threads, err := m.Thread(ctx, x.a, search.All{})
		require.NoError(t, err)
		var got []string
		for depth, uid := range search.Walk(threads) {
			got = append(got, fmt.Sprintf("%d:%d", depth, all.Index(uid)+1))
		}
		require.Equal(t, x.want, fmt.Sprint(got)[1:len(fmt.Sprint(got))-1])
	}
	_, err = m.Thread(ctx, "NONE", search.All{})
	var lacks *imapclient.UnsupportedError
	require.ErrorAs(t, err, &lacks)
	require.Equal(t, imap.Cap("THREAD=NONE"), lacks.Cap)
}

// TestSearchNeeds: what the server lacks is not sent.
func TestSearchNeeds(t *testing.T) {
	m := scriptedBox(t, &imapclient.Options{NoEmulation: imapclient.EmulateAll}, selectScript("XYMHIGHESTMODSEQ", "", "1", "2", "")+`
C: {{a:}} NOOP
S: ${a} OK done
`)
	ctx := t.Context()
	lacks := func(x imap.Cap, err error) {
		t.Helper()
		var e *imapclient.UnsupportedError
		require.ErrorAs(t, err, &e)
		require.Equal(t, x, e.Cap)
	}
	for _, x := range []struct {
		key search.Key
		cap imap.Cap
	}{
		{search.Younger(time.Hour), imap.CapWithin},
		{search.And{search.Unseen, search.Not{Key: search.Older(time.Hour)}}, imap.CapWithin},
		{search.ModSeq{N: 1}, imap.CapCondStore},
		{imap.SearchModSeq{N: 1}, imap.CapCondStore},
		{search.Or{A: search.EmailID{ID: "1"}, B: search.Seen}, imap.CapObjectID},
		{search.ThreadID{ID: "1"}, imap.CapObjectID},
		{search.SaveDateSupported{}, imap.CapSaveDate},
		{search.Date{Field: search.SaveDate}, imap.CapSaveDate},
		{imap.SearchFuzzy{Key: search.Body{Value: "x"}}, imap.CapFuzzy},
		{imap.SearchFilter{Name: "f"}, imap.CapFilters},
		{imapclient.GmailSearch("x"), imap.CapGmail},
		{imap.SearchGmailLabel{Label: "x"}, imap.CapGmail},
		{imap.SearchAnnotation{}, imap.CapAnnotate},
		{imap.SearchUIDAfter{UID: 1}, imap.CapMessageLimit},
		{imap.SearchUID{Set: imap.NumSet{Saved: true}}, imap.CapSearchRes},
	} {
		_, err := m.Search(ctx, x.key, nil)
		lacks(x.cap, err)
		_, err = m.Search(ctx, nil, &imapclient.SearchOptions{In: imapclient.Where(x.key)})
		lacks(x.cap, err)
	}
	_, err := m.Search(ctx, search.Seen, &imapclient.SearchOptions{Return: imap.ReturnSave})
	lacks(imap.CapSearchRes, err)
	_, err = m.Sort(ctx, []search.SortKey{{By: search.SortDate}}, nil, nil)
	lacks(imap.CapSort, err)
	_, err = m.Sort(ctx, []search.SortKey{{By: imap.SortRelevancy}}, nil, nil)
	lacks(imap.CapSort, err)
	_, err = m.Thread(ctx, search.References, nil)
	lacks("THREAD=REFERENCES", err)
	_, err = m.Search(ctx, search.Seen, &imapclient.SearchOptions{Return: imap.ReturnUpdate})
	require.Error(t, err)
	_, err = m.Search(ctx, search.Seen, &imapclient.SearchOptions{Partial: &imap.PartialRange{First: 1, Last: -1}})
	require.Error(t, err)
	require.NoError(t, m.Client().Noop(ctx))
}

func TestSearchExtended(t *testing.T) {
	m := scriptedBox(t, nil, selectScript("ESEARCH PARTIAL SEARCH=FUZZY SEARCHRES ESORT SORT", "", "9", "10", "")+`
# The server leaves out MIN, as iCloud does: all is asked for.
C: {{a:}} UID SEARCH RETURN (MIN COUNT) SEEN
S: * ESEARCH (TAG "${a}") UID COUNT 2
S: ${a} OK done
C: {{a:}} UID SEARCH RETURN (ALL) SEEN
S: * ESEARCH (TAG "${a}") UID ALL 3,5
S: ${a} OK done
# RFC 9394 §3.1
C: {{a:}} UID SEARCH RETURN (PARTIAL -1:-2) SEEN
S: * ESEARCH (TAG "${a}") UID PARTIAL (-1:-2 7,9)
S: ${a} OK done
C: {{a:}} UID SEARCH RETURN (COUNT PARTIAL 4:5) SEEN
S: * ESEARCH (TAG "${a}") UID COUNT 3 PARTIAL (4:5 NIL)
S: ${a} OK done
# RFC 6203 §4
C: {{a:}} UID SEARCH RETURN (ALL RELEVANCY) FUZZY TEXT "x"
S: * ESEARCH (TAG "${a}") UID ALL 1,5,8 RELEVANCY (4 99 42)
S: ${a} OK done
# RFC 5182 §2.1
C: {{a:}} UID SEARCH RETURN (SAVE) SEEN
S: ${a} OK done
# RFC 5267 §3.1: a range ascends
C: {{a:}} UID SORT RETURN (ALL) (REVERSE DATE) UTF-8 SEEN
S: * ESEARCH (TAG "${a}") UID ALL 9,7,5:3,1
S: ${a} OK done
C: {{a:}} UID SORT RETURN (PARTIAL 1:2) (DATE) UTF-8 SEEN
S: * ESEARCH (TAG "${a}") UID PARTIAL (1:2 9,7)
S: ${a} OK done
`)
	ctx := t.Context()
	find := func(key search.Key, o *imapclient.SearchOptions) *imapclient.Found {
		t.Helper()
		f, err := m.Search(ctx, key, o)
		require.NoError(t, err)
		return f
	}
	f := find(search.Seen, &imapclient.SearchOptions{Return: imap.ReturnMin})
	require.Equal(t, mailbox.UID(3), f.Min())
	f = find(search.Seen, &imapclient.SearchOptions{Partial: &imap.PartialRange{First: -1, Last: -2}})
	require.Equal(t, "7,9", f.UIDs.String())
	f = find(search.Seen, &imapclient.SearchOptions{Partial: &imap.PartialRange{First: 4, Last: 5}, Return: imap.ReturnCount})
	require.True(t, f.UIDs.IsEmpty())
	require.Equal(t, 3, f.Count())
	f = find(imap.SearchFuzzy{Key: search.Text{Value: "x"}}, &imapclient.SearchOptions{Return: imap.ReturnRelevancy})
	require.Equal(t, map[mailbox.UID]uint8{1: 4, 5: 99, 8: 42}, f.Scores)
	find(search.Seen, &imapclient.SearchOptions{Return: imap.ReturnSave})
	f, err := m.Sort(ctx, []search.SortKey{{By: search.SortDate, Reverse: true}}, search.Seen, nil)
	require.NoError(t, err)
	require.Equal(t, []mailbox.UID{9, 7, 3, 4, 5, 1}, f.Order)
	f, err = m.Sort(ctx, []search.SortKey{{By: search.SortDate}}, search.Seen, &imapclient.SearchOptions{Partial: &imap.PartialRange{First: 1, Last: 2}})
	require.NoError(t, err)
	require.Equal(t, []mailbox.UID{9, 7}, f.Order)
}

// TestSearchMessageLimit: RFC 9738 §3.
func TestSearchMessageLimit(t *testing.T) {
	m := scriptedBox(t, nil, selectScript("ESEARCH MESSAGELIMIT=1000", "", "2000", "3001", "")+`
C: {{a:}} UID SEARCH RETURN (ALL) SEEN
S: * ESEARCH (TAG "${a}") UID ALL 2001,3000
S: ${a} OK [MESSAGELIMIT 1000 2001] partial
C: {{a:}} UID SEARCH RETURN (ALL) UIDBEFORE 2001 SEEN
S: * ESEARCH (TAG "${a}") UID ALL 7
S: ${a} OK done
`)
	f, err := m.Search(t.Context(), search.Seen, &imapclient.SearchOptions{Return: imap.ReturnCount})
	require.NoError(t, err)
	require.Equal(t, 3, f.Count())
	require.True(t, f.UIDs.IsEmpty())
}

// TestEmulateLimit: the client reads no more messages than Limits.Emulate.
func TestEmulateLimit(t *testing.T) {
	o := &imapclient.Options{Limits: imapclient.Limits{Emulate: 2}}
	m := scriptedBox(t, o, selectScript("ESEARCH", "", "3", "4", "")+`
C: {{a:}} UID SEARCH RETURN (ALL) ALL
S: * ESEARCH (TAG "${a}") UID ALL 1:3
S: ${a} OK done
`)
	_, err := m.Sort(t.Context(), []search.SortKey{{By: search.SortDate}}, search.All{}, nil)
	var e *imapclient.UnsupportedError
	require.ErrorAs(t, err, &e)
	require.True(t, slices.Contains([]imap.Cap{imap.CapSort}, e.Cap))
}

// TestLastPartial: the last messages are found without the UIDs of the others.
func TestLastPartial(t *testing.T) {
	m := scriptedBox(t, nil, selectScript("ESEARCH PARTIAL", "", "100000", "100001", "")+`
C: {{a:}} UID SEARCH RETURN (PARTIAL -1:-2) ALL
S: * ESEARCH (TAG "${a}") UID PARTIAL (-1:-2 99990,100000)
S: ${a} OK done
C: {{a:}} UID FETCH 99990,100000 (UID FLAGS)
S: * 99999 FETCH (UID 99990 FLAGS ())
S: * 100000 FETCH (UID 100000 FLAGS ())
S: ${a} OK done
`)
	var got mailbox.UIDSet
	for msg, err := range m.Fetch(t.Context(), imapclient.Last(2), imapclient.Flags) {
		require.NoError(t, err)
		got.Add(msg.UID)
	}
	require.Equal(t, "99990,100000", got.String())
}
