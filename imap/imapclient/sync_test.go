package imapclient_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// A cache is what a program keeps of a mailbox. It is saved together with the
// state, now and then.
type cache struct {
	subjects, flags map[mailbox.UID]string

	state          string
	savedS, savedF map[mailbox.UID]string
}

func newCache() *cache {
	return &cache{subjects: map[mailbox.UID]string{}, flags: map[mailbox.UID]string{}}
}

// sync brings the cache up to date, or dies after some steps. It returns the kinds
// of the changes.
func (k *cache) sync(t testing.TB, m *imapclient.Mailbox, steps int) []imapclient.ChangeKind {
	t.Helper()
	var s imapclient.State
	require.NoError(t, s.UnmarshalText([]byte(k.state)))
	k.subjects, k.flags = maps.Clone(k.savedS), maps.Clone(k.savedF)
	if k.subjects == nil {
		k.subjects, k.flags = map[mailbox.UID]string{}, map[mailbox.UID]string{}
	}
	var kinds []imapclient.ChangeKind
	var last mailbox.UID
	save := func() {
		b, err := s.MarshalText()
		require.NoError(t, err)
		k.state, k.savedS, k.savedF = string(b), maps.Clone(k.subjects), maps.Clone(k.flags)
	}
	for ch, err := range m.Sync(t.Context(), &s, imapclient.Entry, imapclient.Envelope) {
		require.NoError(t, err)
		if n := len(kinds); n > 0 {
			require.GreaterOrEqual(t, ch.Kind, kinds[n-1], "%v, then %s", kinds, ch.Kind)
		}
		kinds = append(kinds, ch.Kind)
		switch ch.Kind {
		case imapclient.Reset:
			clear(k.subjects)
			clear(k.flags)
		case imapclient.Vanished:
			for uid := range ch.Vanished.All() {
				require.True(t, s.UIDs.Contains(uid))
				delete(k.subjects, uid)
				delete(k.flags, uid)
			}
		case imapclient.Changed:
			require.Contains(t, k.subjects, ch.Message.UID)
			k.flags[ch.Message.UID] = ch.Message.Entry.Flags.String()
		case imapclient.New:
			require.Greater(t, ch.Message.UID, last)
			last = ch.Message.UID
			k.subjects[last], k.flags[last] = ch.Message.Subject(), ch.Message.Entry.Flags.String()
		}
		if steps--; steps == 0 {
			if rand.N(2) == 0 {
				save()
			}
			return kinds
		}
		if rand.N(3) == 0 {
			save()
		}
	}
	save()
	require.Equal(t, len(k.subjects), s.UIDs.Len())
	return kinds
}

// requireEqual compares the cache with all that there is.
func (k *cache) requireEqual(t testing.TB, m *imapclient.Mailbox) {
	t.Helper()
	want := newCache()
	for msg, err := range m.Fetch(t.Context(), imapclient.All(), imapclient.Flags, imapclient.Envelope) {
		require.NoError(t, err)
		want.subjects[msg.UID], want.flags[msg.UID] = msg.Subject(), msg.Entry.Flags.String()
	}
	require.Equal(t, want.subjects, k.subjects)
	require.Equal(t, want.flags, k.flags)
}

// change changes the mailbox at random.
func change(t testing.TB, m *imapclient.Mailbox, n *int) {
	ctx := t.Context()
	for range 1 + rand.N(4) {
		uids, err := m.UIDs(ctx)
		require.NoError(t, err)
		some := func() imapclient.Set {
			var set mailbox.UIDSet
			for range 1 + rand.N(3) {
				if !uids.IsEmpty() {
					set = set.Union(mailbox.UIDSetOf(uids.At(rand.N(uids.Len()))))
				}
			}
			return imapclient.UIDSet(set)
		}
		switch rand.N(4) {
		case 0:
			*n++
			msg := letter(fmt.Sprintf("more %d", *n), "text")
			_, err := m.Client().Append(ctx, m.Name(), mailbox.Incoming{Body: strings.NewReader(msg), Size: int64(len(msg))})
			require.NoError(t, err)
			_, err = m.Poll(ctx)
			require.NoError(t, err)
		case 1:
			_, err := m.Delete(ctx, some())
			require.NoError(t, err)
		case 2:
			require.NoError(t, m.AddFlags(ctx, some(), mailbox.FlagFlagged, "keyword"))
		case 3:
			require.NoError(t, m.RemoveFlags(ctx, some(), mailbox.FlagFlagged))
		}
	}
}

func TestSyncSuite(t *testing.T) {
	sites(t, func(t *testing.T, s *site) {
		for _, x := range []struct {
			level   imapclient.SyncLevel
			disable []imap.Cap
		}{
			{imapclient.SyncQResync, nil},
			{imapclient.SyncCondStore, []imap.Cap{imap.CapQResync}},
			{imapclient.SyncScan, []imap.Cap{imap.CapQResync, imap.CapCondStore}},
			{imapclient.SyncScan, []imap.Cap{imap.CapQResync, imap.CapCondStore, imap.CapESearch}},
		} {
			name := fmt.Sprint(x.level)
			if len(x.disable) == 3 {
				name += " by SEARCH"
			}
			t.Run(name, func(t *testing.T) {
				if s.name == "posthorn" && x.level == imapclient.SyncQResync {
					t.Skip("the server has no QRESYNC")
				}
				testSync(t, s, x.level, x.disable)
			})
		}
	})
}

func testSync(t *testing.T, s *site, level imapclient.SyncLevel, disable []imap.Cap) {
	other := s.box(t, s.dial(t, nil), count(40)...)
	o := s.options()
	o.Disable = disable
	o.Limits.Window = 2000 // a few messages
	c := s.dial(t, o)
	open := func() *imapclient.Mailbox {
		m, err := c.Select(t.Context(), other.Name(), nil)
		require.NoError(t, err)
		require.Equal(t, level, m.SyncLevel())
		return m
	}
	k, n := newCache(), 0
	m := open()
	for steps := 7; len(k.sync(t, m, steps)) == steps; steps += 7 { // killed again and again
		m = open()
	}
	k.requireEqual(t, m)
	rounds := 12
	if s.name == "cyrus" {
		rounds = 4 // each change waits for the disk
	}
	for range rounds {
		change(t, other, &n)
		if rand.N(2) == 0 {
			m = open()
		} else {
			_, err := m.Poll(t.Context())
			require.NoError(t, err)
		}
		for rand.N(2) == 0 {
			k.sync(t, m, 1+rand.N(6))
			change(t, other, &n)
			m = open()
		}
		k.sync(t, m, -1)
		k.requireEqual(t, m)
	}
	// Nothing has changed.
	m = open()
	k.sync(t, m, -1)
	_, before := c.Octets()
	kinds := k.sync(t, m, -1)
	_, after := c.Octets()
	if level > imapclient.SyncScan {
		require.Empty(t, kinds)
		require.Equal(t, before, after, "something was sent")
	}
}

func TestSyncText(t *testing.T) {
	s := imapclient.State{UIDValidity: 3857529045, UIDNext: 4392, HighestModSeq: 1<<63 - 1, UIDs: mailbox.UIDSetOf(1, 2, 3, 7)}
	b, err := json.Marshal(map[string]any{"state": s})
	require.NoError(t, err)
	require.Equal(t, `{"state":"1 3857529045 4392 9223372036854775807 1:3,7"}`, string(b))
	var back struct{ State imapclient.State }
	require.NoError(t, json.Unmarshal(b, &back))
	require.Equal(t, s.UIDs.String(), back.State.UIDs.String())
	back.State.UIDs = s.UIDs
	require.Equal(t, s, back.State)
	require.NoError(t, back.State.UnmarshalText(nil))
	require.Equal(t, imapclient.State{}, back.State)
	for _, bad := range []string{
		" ", "1", "2 1 1 1 1", "1 1 1 1 ", "1 1 1 1 1 1", "1 4294967296 1 1 -", "1 1 4294967296 1 -", "1 1 1 9223372036854775808 -",
		"1 -1 1 1 -", "1 1 1 1 *", "1 1 1 1 0", "1 1 1 1 1\n",
	} {
		require.Error(t, back.State.UnmarshalText([]byte(bad)), "%q", bad)
	}
}

func FuzzState(f *testing.F) {
	for _, x := range []string{"", "1 0 0 0 -", "1 3857529045 4392 9223372036854775807 1:3,7", "1 1 1 1 3:1,2", "2 1 1 1 1"} {
		f.Add([]byte(x))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var s, again imapclient.State
		if s.UnmarshalText(text) != nil {
			require.Equal(t, imapclient.State{}, s)
			return
		}
		b, err := s.MarshalText()
		require.NoError(t, err)
		require.NoError(t, again.UnmarshalText(b))
		c, err := again.MarshalText()
		require.NoError(t, err)
		require.Equal(t, string(b), string(c))
	})
}

func syncAll(t testing.TB, m *imapclient.Mailbox, s *imapclient.State) []string {
	t.Helper()
	var out []string
	for ch, err := range m.Sync(t.Context(), s, imapclient.Flags) {
		require.NoError(t, err)
		line := ch.Kind.String()
		if ch.Message != nil {
			line += fmt.Sprintf(" %d %s", ch.Message.UID, ch.Message.Entry.Flags)
		} else if ch.Kind == imapclient.Vanished {
			line += " " + ch.Vanished.String()
		}
		out = append(out, line)
	}
	return out
}

func TestSyncQResync(t *testing.T) {
	m := scriptedBox(t, nil, selectScript("ENABLE ESEARCH CONDSTORE QRESYNC", "QRESYNC", "3", "12", "50")+`
# The search for new messages and the changes are one flight.
C: {{a:}} UID SEARCH RETURN (ALL) UID 11:*
C: {{b:}} UID FETCH 2:10 (UID FLAGS MODSEQ) (CHANGEDSINCE 40 VANISHED)
S: * ESEARCH (TAG "${a}") UID ALL 11
S: ${a} OK done
S: * VANISHED (EARLIER) 3:5,9
S: * 1 FETCH (UID 2 FLAGS (\Seen) MODSEQ (45))
S: ${b} OK done
C: {{c:}} UID FETCH 11 (UID FLAGS)
S: * 3 FETCH (UID 11 FLAGS ())
S: ${c} OK done
`)
	s := imapclient.State{UIDValidity: 7, UIDNext: 11, HighestModSeq: 40, UIDs: mailbox.UIDSetOf(2, 3, 4, 10)}
	require.Equal(t, []string{"vanished 3:4", `changed 2 \Seen`, "new 11 "}, syncAll(t, m, &s))
	require.Equal(t, imapclient.State{UIDValidity: 7, UIDNext: 12, HighestModSeq: 50, UIDs: s.UIDs}, s)
	require.Equal(t, "2,10:11", s.UIDs.String())
}

// TestSyncAddsUp: a server that has not told all is asked for all UIDs.
func TestSyncAddsUp(t *testing.T) {
	m := scriptedBox(t, nil, selectScript("ENABLE ESEARCH CONDSTORE", "CONDSTORE", "3", "11", "50")+`
C: {{a:}} UID SEARCH RETURN (ALL) 1:3
S: * ESEARCH (TAG "${a}") UID ALL 2,4:5
S: ${a} OK done
C: {{a:}} UID FETCH 2:4 (UID FLAGS MODSEQ) (CHANGEDSINCE 40)
S: * 2 FETCH (UID 4 FLAGS (\Seen) MODSEQ (45))
S: ${a} OK done
C: {{a:}} UID FETCH 5 (UID FLAGS)
S: * 3 FETCH (UID 5 FLAGS ())
S: ${a} OK done
`)
	s := imapclient.State{UIDValidity: 7, UIDNext: 11, HighestModSeq: 40, UIDs: mailbox.UIDSetOf(2, 3, 4, 10)}
	require.Equal(t, []string{"vanished 3,10", `changed 4 \Seen`, "new 5 "}, syncAll(t, m, &s))
	require.Equal(t, "2,4:5", s.UIDs.String())
	require.Empty(t, syncAll(t, m, &s)) // and nothing is sent
}

func TestSyncReset(t *testing.T) {
	m := scriptedBox(t, nil, selectScript("ESEARCH", "", "1", "", "")+`
C: {{a:}} UID SEARCH RETURN (ALL) UID 1:*
S: * ESEARCH (TAG "${a}") UID ALL 5
S: ${a} OK done
C: {{a:}} UID FETCH 5 (UID FLAGS)
S: * 1 FETCH (UID 5 FLAGS (\Seen))
S: ${a} OK done
`)
	require.Equal(t, imapclient.SyncScan, m.SyncLevel())
	s := imapclient.State{UIDValidity: 6, UIDNext: 11, HighestModSeq: 40, UIDs: mailbox.UIDSetOf(2, 3, 4, 10)}
	require.Equal(t, []string{"reset", `new 5 \Seen`}, syncAll(t, m, &s))
	b, err := s.MarshalText()
	require.NoError(t, err)
	require.Equal(t, "1 7 6 0 5", string(b))
}

// TestSyncBegun: a message that was being stored when the state was saved has
// vanished since; another one comes again.
func TestSyncBegun(t *testing.T) {
	m := scriptedBox(t, nil, selectScript("ENABLE ESEARCH CONDSTORE QRESYNC", "QRESYNC", "2", "12", "50")+`
C: {{a:}} UID SEARCH RETURN (ALL) UID 9:*
C: {{b:}} UID FETCH 1 (UID FLAGS MODSEQ) (CHANGEDSINCE 40 VANISHED)
S: * ESEARCH (TAG "${a}") UID ALL 11
S: ${a} OK done
S: ${b} OK done
C: {{c:}} UID FETCH 11 (UID FLAGS)
S: * 2 FETCH (UID 11 FLAGS ())
S: ${c} OK done
`)
	s := imapclient.State{UIDValidity: 7, UIDNext: 9, HighestModSeq: 40, UIDs: mailbox.UIDSetOf(1, 9, 11)}
	require.Equal(t, []string{"vanished 9", "new 11 "}, syncAll(t, m, &s))
	require.Equal(t, "1,11", s.UIDs.String())
}

// TestSyncWindows: a window grows while little has changed.
func TestSyncWindows(t *testing.T) {
	m := scriptedBox(t, nil, selectScript("ENABLE ESEARCH CONDSTORE QRESYNC", "QRESYNC", "299999", "300001", "50")+`
C: {{a:}} UID FETCH 1:16384 (UID FLAGS MODSEQ) (CHANGEDSINCE 40 VANISHED)
C: {{b:}} UID FETCH 16385:32768 (UID FLAGS MODSEQ) (CHANGEDSINCE 40 VANISHED)
S: * VANISHED (EARLIER) 7
S: ${a} OK done
C: {{c:}} UID FETCH 32769:98304 (UID FLAGS MODSEQ) (CHANGEDSINCE 40 VANISHED)
S: * 20000 FETCH (UID 20001 FLAGS (\Seen) MODSEQ (45))
# News of another message is no answer to what was asked, and yet the last word.
S: * 1 FETCH (UID 1 FLAGS (\Flagged) MODSEQ (51))
S: ${b} OK done
C: {{d:}} UID FETCH 98305:300000 (UID FLAGS MODSEQ) (CHANGEDSINCE 40 VANISHED)
S: ${c} OK done
S: ${d} OK done
C& {{a:}} UID FETCH 1:16385 (UID FLAGS MODSEQ) (CHANGEDSINCE 50 VANISHED)
C& {{b:}} UID FETCH 16386:32769 (UID FLAGS MODSEQ) (CHANGEDSINCE 50 VANISHED)
S: ${a} BAD no
`)
	s := imapclient.State{UIDValidity: 7, UIDNext: 300001, HighestModSeq: 40, UIDs: mailbox.UIDRangeSet(1, 300000)}
	require.Equal(t, []string{"vanished 7", `changed 20001 \Seen`}, syncAll(t, m, &s))
	require.Equal(t, "1:6,8:300000", s.UIDs.String())
	require.Equal(t, mailbox.ModSeq(50), s.HighestModSeq)
	// There was news since: another Sync asks again.
	for _, err := range m.Sync(t.Context(), &s) {
		require.Error(t, err)
	}
}
