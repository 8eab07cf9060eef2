package search_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/memory"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// inbox returns a mailbox with these messages, of UID 1 and up.
func inbox(t testing.TB, drafts ...mailbox.Incoming) mailbox.Mailbox {
	t.Helper()
	store := memory.New(nil)
	t.Cleanup(func() { store.Close() })
	require.NoError(t, store.CreateAccount(t.Context(), "fred"))
	acct, err := store.Account(t.Context(), "fred")
	require.NoError(t, err)
	m, err := acct.Mailbox(t.Context(), mailbox.Inbox)
	require.NoError(t, err)
	_, err = m.Append(t.Context(), drafts...)
	require.NoError(t, err)
	return m
}

func draft(text string, flags ...mailbox.Flag) mailbox.Incoming {
	text = strings.ReplaceAll(text, "\n", "\r\n")
	return mailbox.Incoming{Body: strings.NewReader(text), Size: int64(len(text)), Flags: mailbox.NewFlagSet(flags...)}
}

const multipart = `From: =?utf-8?Q?J=C3=BCrgen?= <juergen@example.org>
Sender: Secretary <sec@example.org>
To: Team: alice@example.com, "Smith, Bob" <bob@example.com>;
Reply-To: replies@example.org
Bcc: hidden@example.com
Subject: =?utf-8?B?R3LDvMOfZQ==?= and more
Date: Wed, 17 Jul 1996 23:30:00 -0700
Message-ID: <one@example.org>
X-Long: folded
  over
X-Empty:
Content-Type: multipart/mixed; boundary=b

preamble text
--b
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Sch=F6ne Gr=FC=
=DFe!
--b
Content-Type: application/octet-stream; name=data.bin
Content-Transfer-Encoding: base64

c2VjcmV0IHBheWxvYWQ=
--b
Content-Type: message/rfc822

Subject: =?iso-8859-1?Q?inner_=FC?=

<p>html words</p>
--b--
epilogue
`

const plain = `From: "Fred Foobar" <foobar@Blurdybloop.example>
Cc: mooch@owatagu.example
Subject: afternoon meeting
Date: not a date

Hello Joe, do you think we can meet at 3:30 tomorrow?
`

func day(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }

func flag(f mailbox.Flag) search.Key   { return search.Flag{Flag: f} }
func unflag(f mailbox.Flag) search.Key { return search.Flag{Flag: f, Absent: true} }
func uid(u ...mailbox.UID) search.Key  { return search.UID{Set: mailbox.UIDSetOf(u...)} }

func header(field, value string) search.Key { return search.Header{Field: field, Value: value} }

func TestFind(t *testing.T) {
	received := time.Date(2020, 3, 3, 23, 30, 0, 0, time.FixedZone("", -7*3600)) // 4 March in UTC
	one, two, three := draft(multipart, mailbox.FlagSeen), draft(plain, mailbox.FlagFlagged, "$Label"), draft("\nno header\n")
	one.InternalDate, two.InternalDate, three.InternalDate = received, received.AddDate(0, 0, 1), time.Now().Add(-time.Hour)
	m := inbox(t, one, two, three)
	var entries []mailbox.Entry
	for msg, err := range m.Messages(t.Context(), mailbox.AllUIDs(), mailbox.WantEntry) {
		require.NoError(t, err)
		entries = append(entries, msg.Entry)
	}
	today := time.Now().UTC().Truncate(24 * time.Hour)
	for _, tc := range []struct {
		name string
		key  search.Key
		want string
	}{
		{"all", search.All{}, "1:3"},
		{"empty and", search.And{}, "1:3"},
		{"not all", search.Not{Key: search.All{}}, ""},
		{"uid", uid(2, 3, 9), "2:3"},
		{"not uid", search.Not{Key: uid(2)}, "1,3"},
		{"sets", search.Or{A: search.And{uid(1, 2), uid(2, 3)}, B: search.Not{Key: search.Or{A: uid(1), B: uid(2)}}}, "2:3"},
		{"uid and flag", search.And{uid(1, 2), unflag(mailbox.FlagSeen)}, "2"},
		{"seen", flag(mailbox.FlagSeen), "1"},
		{"unseen", unflag(mailbox.FlagSeen), "2:3"},
		{"not unseen", search.Not{Key: unflag(mailbox.FlagSeen)}, "1"},
		{"keyword in other case", flag("$LABEL"), "2"},
		{"unkeyword", unflag("$label"), "1,3"},
		{"unknown keyword", flag("none"), ""},

		{"before", search.Date{Op: search.DateBefore, Day: day(2020, 3, 4)}, "1"},
		{"on, in its own zone", search.Date{Op: search.DateOn, Day: day(2020, 3, 3)}, "1"},
		{"since", search.Date{Op: search.DateSince, Day: day(2020, 3, 4)}, "2:3"},
		{"sent before", search.Date{Field: search.SentDate, Op: search.DateBefore, Day: day(1996, 7, 18)}, "1"},
		{"sent on", search.Date{Field: search.SentDate, Op: search.DateOn, Day: day(1996, 7, 17)}, "1"},
		{"sent since", search.Date{Field: search.SentDate, Op: search.DateSince, Day: day(1996, 7, 18)}, ""},
		{"not sent since: no date matches nothing", search.Not{Key: search.Date{Field: search.SentDate, Op: search.DateSince, Day: day(1996, 7, 18)}}, "1:3"},
		{"saved before", search.Date{Field: search.SaveDate, Op: search.DateBefore, Day: today.AddDate(0, 0, -1)}, ""},
		{"saved since", search.Date{Field: search.SaveDate, Op: search.DateSince, Day: today.AddDate(0, 0, -1)}, "1:3"},
		{"save date supported", search.SaveDateSupported{}, "1:3"},
		{"younger", search.Within{Younger: true, Seconds: 7200}, "3"},
		{"older", search.Within{Seconds: 7200}, "1:2"},

		{"larger", search.Size{Larger: true, N: entries[1].Size - 1}, "1:2"},
		{"larger is no equal", search.Size{Larger: true, N: entries[1].Size}, "1"},
		{"smaller", search.Size{N: entries[1].Size}, "3"},
		{"modseq", search.ModSeq{N: entries[0].ModSeq}, "1:3"},
		{"modseq above", search.ModSeq{N: entries[0].ModSeq + 1}, ""},
		{"email id", search.EmailID{ID: entries[1].EmailID}, "2"},
		{"no email id", search.EmailID{}, ""},
		{"no thread id", search.ThreadID{}, ""},

		{"from", header("From", "JÜRGEN <"), "1"},
		{"from address", header("from", "foobar@blurdybloop"), "2"},
		{"sender", header("Sender", "secretary"), "1"},
		{"reply-to", header("Reply-To", "replies"), "1"},
		{"to", header("To", "smith, bob <bob@"), "1"},
		{"to group", header("To", "team: "), "1"},
		{"cc", header("Cc", "MOOCH"), "2"},
		{"bcc", header("Bcc", "hidden"), "1"},
		{"subject", header("Subject", "grüße AND"), "1"},
		{"subject across words", header("Subject", "ße and"), "1"},
		{"message-id", header("Message-ID", "<one@"), "1"},
		{"not subject", search.Not{Key: header("Subject", "meeting")}, "1,3"},
		{"field", header("x-long", "folded  OVER"), "1"},
		{"field elsewhere", header("X-Long", "meeting"), ""},
		{"field present", header("X-Empty", ""), "1"},
		{"envelope field present", header("Subject", ""), "1:2"},
		{"field of a part only", header("Content-Transfer-Encoding", "quoted"), ""},

		{"body", search.Body{Value: "schöne GRÜSSE"}, ""},
		{"body decoded", search.Body{Value: "SCHÖNE GRÜßE!"}, "1"},
		{"body of other types", search.Body{Value: "secret payload"}, ""},
		{"body of other types, encoded", search.Body{Value: "c2VjcmV0"}, ""},
		{"body has no header", search.Body{Value: "meeting"}, ""},
		{"body has headers of parts", search.Body{Value: "name=DATA.bin"}, "1"},
		{"body has headers within", search.Body{Value: "inner Ü"}, "1"},
		{"body has messages within", search.Body{Value: "html WORDS"}, "1"},
		{"body has no preamble", search.Body{Value: "preamble"}, ""},
		{"empty body", search.Body{}, "1:3"},
		{"text", search.Text{Value: "meeting"}, "2"},
		{"text has field names", search.Text{Value: "x-empty:"}, "1"},
		{"text in either", search.Text{Value: "h"}, "1:3"},
		{"empty text", search.Text{}, "1:3"},
		{"not text", search.Not{Key: search.Text{Value: "no header"}}, "1:2"},

		{"cheap and text", search.And{search.Text{Value: "h"}, flag(mailbox.FlagSeen), header("To", "alice")}, "1"},
		{"cheap or text", search.Or{A: search.Text{Value: "no header"}, B: flag(mailbox.FlagSeen)}, "1,3"},
		{"texts", search.And{search.Text{Value: "meet"}, search.Text{Value: "tomorrow"}, search.Not{Key: search.Body{Value: "meeting"}}, header("X-Long", "none")}, ""},
		{"either text", search.Or{A: search.And{search.Body{Value: "html"}, header("X-Long", "fold")}, B: search.Body{Value: "tomorrow"}}, "1:2"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := search.Compile(tc.key, nil)
			require.NoError(t, err)
			found, err := p.Find(t.Context(), m, mailbox.AllUIDs())
			require.NoError(t, err)
			require.Equal(t, tc.want, found.String())
			again, err := search.Find(t.Context(), m, mailbox.UIDSetOf(1, 3), search.Not{Key: tc.key}, nil)
			require.NoError(t, err)
			require.Equal(t, mailbox.UIDSetOf(1, 3).Subtract(found).String(), again.String(), "its negation, among some")

			// One by one, from all that it wants.
			var matched mailbox.UIDSet
			for msg, err := range m.Messages(t.Context(), mailbox.AllUIDs(), p.Want()) {
				require.NoError(t, err)
				ok, err := p.Match(t.Context(), msg)
				require.NoError(t, err)
				if ok {
					matched.Add(msg.UID)
				}
			}
			require.Equal(t, tc.want, matched.String(), "Match")

			if set, ok := p.UIDs(mailbox.UIDRangeSet(1, 3)); ok {
				require.Equal(t, tc.want, set.String(), "UIDs")
			}
		})
	}
}

func TestUnknownKeys(t *testing.T) {
	for _, key := range []search.Key{nil, recent{}, search.And{recent{}}, search.Not{}, search.Or{A: search.All{}, B: recent{}}, search.Or{},
		search.Date{Field: 9}} {
		_, err := search.Find(t.Context(), inbox(t), mailbox.AllUIDs(), key, nil)
		require.ErrorIs(t, err, search.ErrUnknownKey, "%v", key)
	}
}

// A spy counts reads of a mailbox, and may make them fail.
type spy struct {
	mailbox.Mailbox
	wants    []mailbox.Want
	read     map[mailbox.UID]int64 // octets
	contents map[mailbox.UID]int   // times that the content was asked for
	damaged  map[mailbox.UID]bool
	broken   error // of the content
	onRead   func(mailbox.UID, []byte)
}

func (s *spy) Messages(ctx context.Context, set mailbox.UIDSet, want mailbox.Want) iter.Seq2[*mailbox.Message, error] {
	s.wants = append(s.wants, want)
	return func(yield func(*mailbox.Message, error) bool) {
		for msg, err := range s.Mailbox.Messages(ctx, set, want) {
			if msg != nil && want&mailbox.WantContent != 0 {
				s.contents[msg.UID]++
				msg.Content = spied{msg.Content, s, msg.UID}
			}
			if msg != nil && s.damaged[msg.UID] && want&(mailbox.WantSummary|mailbox.WantHeader) != 0 && want&mailbox.WantContent == 0 {
				msg, err = nil, &mailbox.MessageError{UID: msg.UID, Err: errors.New("bad summary")}
			}
			if !yield(msg, err) {
				return
			}
		}
	}
}

type spied struct {
	mailbox.Content
	s   *spy
	uid mailbox.UID
}

func (c spied) ReadAt(p []byte, off int64) (int, error) {
	if c.s.broken != nil {
		return 0, c.s.broken
	}
	if c.s.damaged[c.uid] {
		return 0, &mailbox.MessageError{UID: c.uid, Err: io.ErrUnexpectedEOF}
	}
	n, err := c.Content.ReadAt(p, off)
	c.s.read[c.uid] += int64(n)
	if c.s.onRead != nil {
		c.s.onRead(c.uid, p[:n])
	}
	return n, err
}

func watch(m mailbox.Mailbox) *spy {
	return &spy{Mailbox: m, read: map[mailbox.UID]int64{}, contents: map[mailbox.UID]int{}, damaged: map[mailbox.UID]bool{}}
}

func find(t *testing.T, m mailbox.Mailbox, key search.Key) string {
	t.Helper()
	found, err := search.Find(t.Context(), m, mailbox.AllUIDs(), key, nil)
	require.NoError(t, err)
	return found.String()
}

// The cheapest parts are read first, and content is read once.
func TestReadsLittle(t *testing.T) {
	large := "Subject: large\n\n" + strings.Repeat("All work and no play makes Jack a dull boy.\n", 4000)
	s := watch(inbox(t, draft(multipart, mailbox.FlagSeen), draft(large), draft(plain)))
	reset := func() { s.wants, s.read, s.contents = nil, map[mailbox.UID]int64{}, map[mailbox.UID]int{} }

	require.Equal(t, "1:3", find(t, s, search.All{}))
	require.Empty(t, s.wants, "no message is read for UIDs")

	require.Equal(t, "3", find(t, s, search.And{search.Text{Value: "joe"}, header("Subject", "meeting"), unflag(mailbox.FlagSeen)}))
	require.Equal(t, []mailbox.Want{
		mailbox.WantFlags,
		mailbox.WantFlags | mailbox.WantEnvelope,
		mailbox.WantFlags | mailbox.WantEnvelope | mailbox.WantStructure | mailbox.WantContent,
	}, s.wants)
	require.Equal(t, map[mailbox.UID]int{3: 1}, s.contents, "only what is undecided")

	reset()
	var keys search.Or
	for _, text := range []string{"dull girl", "nowhere", "joe", "work and play"} {
		keys = search.Or{A: search.Or{A: search.Body{Value: text}, B: search.Text{Value: text + "!"}}, B: search.Or{A: keys, B: header("X-Other", text)}}
		if keys.B.(search.Or).A.(search.Or).A == nil {
			keys.B = header("X-Other", text)
		}
	}
	require.Equal(t, "3", find(t, s, keys))
	require.Equal(t, map[mailbox.UID]int{1: 1, 2: 1, 3: 1}, s.contents)
	require.Len(t, s.wants, 1)
	size := int64(len(large) + strings.Count(large, "\n"))
	require.InDelta(t, size, s.read[2], 5000, "each octet once, for all texts")

	reset()
	require.Equal(t, "2", find(t, s, search.Text{Value: "LARGE"}))
	require.Less(t, s.read[2], int64(5000), "the header decides")
	reset()
	require.Equal(t, "2", find(t, s, search.Body{Value: "all work"}))
	require.Less(t, s.read[2], int64(50_000), "the beginning decides")
}

// The first match is yielded before later contents are read.
func TestMatchesInOrder(t *testing.T) {
	var drafts []mailbox.Incoming
	for i := range 9 {
		if i%3 == 0 {
			drafts = append(drafts, draft("Subject: x\n\nneedle\n"))
		} else {
			drafts = append(drafts, draft("Subject: x\n\nhay\n", []mailbox.Flag{mailbox.FlagSeen, mailbox.FlagFlagged}[i%2]))
		}
	}
	s := watch(inbox(t, drafts...))
	p, err := search.Compile(search.Or{A: search.Text{Value: "needle"}, B: flag(mailbox.FlagSeen)}, nil)
	require.NoError(t, err)
	var got []mailbox.UID
	for uid, err := range p.Matches(t.Context(), s, mailbox.AllUIDs()) {
		require.NoError(t, err)
		got = append(got, uid)
	}
	require.Equal(t, []mailbox.UID{1, 3, 4, 5, 7, 9}, got)
	for stop := range got {
		clear(s.contents)
		n := 0
		for uid := range p.Matches(t.Context(), s, mailbox.AllUIDs()) {
			require.Equal(t, got[n], uid)
			if n++; n > stop {
				break
			}
		}
		require.Equal(t, stop+1, n)
		require.LessOrEqual(t, len(s.contents), int(got[stop])+2)
	}
}

// A damaged message affects no other, and only searches that need the damaged
// part.
func TestDamagedMessage(t *testing.T) {
	s := watch(inbox(t, draft(plain), draft(plain, mailbox.FlagSeen), draft(plain)))
	s.damaged[2] = true
	for _, tc := range []struct {
		key   search.Key
		want  string
		tells bool
	}{
		{search.Text{Value: "joe"}, "1,3", true},
		{search.Not{Key: search.Text{Value: "joe"}}, "", true},
		{header("Subject", "meeting"), "1,3", true},
		{header("X-Other", "meeting"), "", true},
		{search.Or{A: search.Text{Value: "joe"}, B: flag(mailbox.FlagSeen)}, "1:3", false},
		{search.And{search.Text{Value: "joe"}, unflag(mailbox.FlagSeen)}, "1,3", false},
		{search.And{search.Text{Value: "joe"}, header("Subject", "meeting")}, "1,3", true},
	} {
		require.Equal(t, tc.want, find(t, s, tc.key))
		p, err := search.Compile(tc.key, nil)
		require.NoError(t, err)
		var told []mailbox.UID
		for uid, err := range p.Matches(t.Context(), s, mailbox.AllUIDs()) {
			if err != nil {
				var damaged *mailbox.MessageError
				require.ErrorAs(t, err, &damaged)
				require.Equal(t, uid, damaged.UID)
				told = append(told, uid)
			}
		}
		if tc.tells {
			require.Equal(t, []mailbox.UID{2}, told)
		} else {
			require.Empty(t, told)
		}
	}
	// An error that ends a call ends the search.
	s.broken = mailbox.ErrUnavailable
	_, err := search.Find(t.Context(), s, mailbox.AllUIDs(), search.Text{Value: "joe"}, nil)
	require.ErrorIs(t, err, mailbox.ErrUnavailable)
}

func TestLimits(t *testing.T) {
	large := "Subject: large\n\n" + strings.Repeat("All work and no play makes Jack a dull boy.\n", 4000)
	s := watch(inbox(t, draft(plain), draft(large), draft(plain)))
	s.onRead = func(mailbox.UID, []byte) { time.Sleep(5 * time.Millisecond) }
	nowhere := search.Text{Value: "nowhere"}
	_, err := search.Find(t.Context(), s, mailbox.AllUIDs(), nowhere, &search.Options{MaxTime: time.Millisecond})
	require.ErrorIs(t, err, search.ErrLimit)
	_, err = search.Find(t.Context(), s, mailbox.AllUIDs(), nowhere, &search.Options{MaxTime: -1})
	require.NoError(t, err)

	// A search ends with its context, also within a message.
	ctx, cancel := context.WithCancel(t.Context())
	clear(s.read)
	s.onRead = func(uid mailbox.UID, _ []byte) {
		if uid == 2 {
			cancel()
		}
	}
	_, err = search.Find(ctx, s, mailbox.AllUIDs(), nowhere, nil)
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, search.ErrLimit)
	require.Less(t, s.read[2], int64(50_000))
	require.Zero(t, s.read[3])

	two := search.And{nowhere, search.Body{Value: "nowhere"}, header("Subject", "nowhere")}
	_, err = search.Find(t.Context(), s, mailbox.AllUIDs(), two, &search.Options{MaxTexts: 2})
	require.NoError(t, err, "the envelope is not content")
	_, err = search.Compile(two, &search.Options{MaxTexts: 1})
	require.ErrorIs(t, err, search.ErrLimit)
	many := make(search.And, search.DefaultMaxTexts+1)
	for i := range many {
		many[i] = nowhere
	}
	_, err = search.Compile(many, nil)
	require.ErrorIs(t, err, search.ErrLimit)
	_, err = search.Compile(many, &search.Options{MaxTexts: -1})
	require.NoError(t, err)
}
