package mailboxtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

func testAppend(t *testing.T, f *fixture) {
	m := f.box(t, "INBOX")
	st := status(t, m)
	require.Zero(t, st.Messages)
	require.NotZero(t, st.UIDNext)
	require.GreaterOrEqual(t, st.HighestModSeq, mailbox.ModSeq(1))

	got, err := m.Append(f.ctx)
	require.NoError(t, err, "no messages at all")
	require.Empty(t, got.Moved)
	require.Empty(t, got.Steps)
	require.Equal(t, st, status(t, m))

	got, err = m.Append(f.ctx, draft("one", mailbox.FlagSeen, "Word"))
	require.NoError(t, err)
	one := arrived(got)
	require.Len(t, one, 1)
	require.GreaterOrEqual(t, one[0], st.UIDNext)
	require.True(t, got.SourceUIDs().IsEmpty())
	require.Equal(t, m.Info().ID, got.DestID)
	require.Equal(t, m.Info().UIDValidity, got.DestUIDValidity)
	got, err = m.Append(f.ctx, draft("two"), draft("three", mailbox.FlagDeleted), draft("four", `\Recent`))
	require.NoError(t, err)
	three := arrived(got)
	require.Len(t, three, 3)
	list := entries(t, m, mailbox.AllUIDs())
	require.Len(t, list, 4)
	for i, subject := range []string{"one", "two", "three", "four"} {
		uid := append(one, three...)[i]
		require.Equal(t, uid, list[i].UID, "in the order given")
		require.Equal(t, text(subject), contents(t, m, mailbox.UIDSetOf(uid))[uid])
		require.EqualValues(t, len(text(subject)), list[i].Size)
		if list[i].EmailID != "" { // a store may know none
			requireObjectID(t, list[i].EmailID)
		}
	}
	require.Equal(t, `\Seen Word`, list[0].Flags.String())
	require.Equal(t, ``, list[3].Flags.String())
	require.Greater(t, list[0].ModSeq, st.HighestModSeq)
	if !f.lacks(LackModSeqs) {
		require.Greater(t, list[1].ModSeq, list[0].ModSeq)
	}
	if !f.lacks(LackOneModSeq) {
		require.Equal(t, list[1].ModSeq, list[3].ModSeq, "one call, one ModSeq")
	}
	st = status(t, m)
	require.GreaterOrEqual(t, st.HighestModSeq, list[3].ModSeq)
	require.Greater(t, st.UIDNext, list[3].UID)

	// The same octets need not have the same EmailID, but other octets must
	// not.
	ids := map[string]bool{}
	for _, e := range list {
		require.False(t, e.EmailID != "" && ids[e.EmailID])
		ids[e.EmailID] = true
	}

	// Sizes: not known, and none.
	b := text("unknown")
	texts := []string{b, "", "", b}
	drafts := []mailbox.Incoming{
		{Body: iotest.OneByteReader(strings.NewReader(b)), Size: mailbox.SizeUnknown},
		{Body: strings.NewReader(""), Size: mailbox.SizeUnknown},
		{Body: strings.NewReader(""), Size: 0},
		{Body: iotest.DataErrReader(strings.NewReader(b)), Size: int64(len(b))},
	}
	if f.lacks(LackEmpty) {
		texts, drafts = slices.Delete(texts, 1, 3), slices.Delete(drafts, 1, 3)
	}
	got, err = m.Append(f.ctx, drafts...)
	require.NoError(t, err)
	put := arrived(got)
	read := contents(t, m, mailbox.UIDSetOf(put...))
	for i, uid := range put {
		require.Equal(t, texts[i], read[uid])
	}
	require.Len(t, put, len(texts))
}

var errBroken = errors.New("broken reader")

func testAppendAtomic(t *testing.T, f *fixture) {
	m := f.box(t, "INBOX")
	fill(t, m, 2)
	before := status(t, m)
	big := strings.Repeat("0123456789abcdef", 64<<10/8) // more than a store keeps in one buffer
	for name, c := range map[string]struct {
		bad  mailbox.Incoming
		want error
	}{
		"broken at once":  {mailbox.Incoming{Body: iotest.ErrReader(errBroken), Size: 5}, errBroken},
		"broken later":    {mailbox.Incoming{Body: io.MultiReader(strings.NewReader(big), iotest.ErrReader(errBroken)), Size: int64(len(big)) + 1}, errBroken},
		"broken, no size": {mailbox.Incoming{Body: io.MultiReader(strings.NewReader(big), iotest.ErrReader(errBroken)), Size: mailbox.SizeUnknown}, errBroken},
		"broken behind":   {mailbox.Incoming{Body: io.MultiReader(strings.NewReader("12345"), iotest.ErrReader(io.ErrUnexpectedEOF)), Size: 6}, io.ErrUnexpectedEOF},
		"short":           {mailbox.Incoming{Body: strings.NewReader(big), Size: int64(len(big)) + 1}, mailbox.ErrSize},
		"long":            {mailbox.Incoming{Body: strings.NewReader(big), Size: int64(len(big)) - 1}, mailbox.ErrSize},
		"not empty":       {mailbox.Incoming{Body: strings.NewReader("x"), Size: 0}, mailbox.ErrSize},
		"empty":           {mailbox.Incoming{Body: strings.NewReader(""), Size: 1}, mailbox.ErrSize},
	} {
		_, err := m.Append(f.ctx, draft("good"), c.bad, draft("never read"))
		require.ErrorIs(t, err, c.want, name)
		st := status(t, m)
		require.Equal(t, before.Messages, st.Messages, name)
		require.Equal(t, before.Size, st.Size, name)
		if !f.lacks(LackOneModSeq) { // else they may have been there for a moment
			require.Equal(t, before.HighestModSeq, st.HighestModSeq, "%s: nothing happened", name)
		}
		require.EqualValues(t, 2, uids(t, m).Len(), name)
	}
	after := fill(t, m, 1)
	require.GreaterOrEqual(t, after[0], before.UIDNext)
	requireStatus(t, m)
}

func testAppendDates(t *testing.T, f *fixture) {
	m := f.box(t, "INBOX")
	start := time.Now().Add(-time.Second)
	dates := []time.Time{
		time.Date(1996, 7, 17, 2, 44, 25, 123456789, time.FixedZone("", -7*3600)),
		time.Date(2024, 2, 29, 23, 59, 59, 0, time.FixedZone("", 5*3600+45*60)),
		time.Date(2038, 1, 19, 3, 14, 8, 0, time.UTC),
		time.Date(1969, 12, 31, 23, 0, 0, 0, time.FixedZone("", -30*60)),
		{},
	}
	var drafts []mailbox.Incoming
	for _, date := range dates {
		d := draft("dated")
		d.InternalDate = date
		drafts = append(drafts, d)
	}
	stored, err := m.Append(f.ctx, drafts...)
	require.NoError(t, err)
	put := arrived(stored)
	end := time.Now().Add(time.Second)
	list := entries(t, m, mailbox.UIDSetOf(put...))
	for i, e := range list {
		if dates[i].IsZero() {
			require.True(t, !e.InternalDate.Before(start) && !e.InternalDate.After(end), "zero means now, not %v", e.InternalDate)
		} else {
			f.sameTime(t, dates[i], e.InternalDate)
		}
		require.Zero(t, e.InternalDate.Nanosecond(), "dates are kept to the second")
		require.True(t, e.SaveDate.IsZero() || !e.SaveDate.Before(start) && !e.SaveDate.After(end), "SaveDate is now, not %v", e.SaveDate)
	}
	// A copy keeps the date of arrival.
	f.box(t, "other")
	res, err := m.Copy(f.ctx, mailbox.UIDSetOf(put...), "other")
	require.NoError(t, err)
	for i, e := range entries(t, f.box(t, "other"), res.DestUIDs()) {
		f.sameTime(t, list[i].InternalDate, e.InternalDate)
	}
}

// odd are messages that are easily damaged, as far as the store keeps such.
func (s *suite) odd() map[string]string {
	all := odd()
	if s.lacks(LackEmpty) {
		delete(all, "empty")
	}
	if s.lacks(LackNUL) {
		for name, body := range all {
			all[name] = strings.ReplaceAll(body, "\x00", "\x01")
		}
	}
	if s.lacks(LackOctets) {
		for name, body := range all {
			lines := strings.ReplaceAll(body, "\r\n", "")
			if strings.ContainsAny(lines, "\r\n\x00") || strings.IndexFunc(body, func(r rune) bool { return r > '~' }) >= 0 {
				delete(all, name)
			}
		}
	}
	return all
}

func odd() map[string]string {
	rng := rand.New(rand.NewPCG(7, 11))
	random := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return string(b)
	}
	return map[string]string{
		"empty":          "",
		"one octet":      "x",
		"NUL":            "Subject: a\x00b\r\n\r\n\x00\x00\x00",
		"bare LF":        "Subject: a\n\nb\nc\n",
		"bare CR":        "Subject: a\r\rb\r\r\n\r",
		"no header":      "\r\nbody",
		"8-bit":          "Subject: \xfc\xff\xfe\r\n\r\n\x80\x81\xc3\xa4\xed\xa0\x80",
		"dots":           "Subject: dots\r\n\r\n.\r\n..\r\n.\r\n",
		"no end":         "Subject: x\r\n\r\nno line end",
		"all octets":     random(70_000),
		"chunk":          random(64 << 10),
		"chunk and one":  random(64<<10 + 1),
		"chunk less one": random(64<<10 - 1),
		"megabyte":       random(1 << 20),
		"large":          random(5_000_001),
		"long line":      strings.Repeat("x", 300_000),
	}
}

func testContent(t *testing.T, f *fixture) {
	m := f.box(t, "INBOX")
	rng := rand.New(rand.NewPCG(3, 5))
	want := map[mailbox.UID]string{}
	for name, body := range f.odd() {
		size := int64(len(body))
		if rng.IntN(2) == 0 {
			size = mailbox.SizeUnknown
		}
		res, err := m.Append(f.ctx, mailbox.Incoming{Body: iotest.HalfReader(strings.NewReader(body)), Size: size})
		require.NoError(t, err, name)
		want[arrived(res)[0]] = body
	}
	f.box(t, "copies")
	res, err := m.Copy(f.ctx, mailbox.AllUIDs(), "copies")
	require.NoError(t, err)
	copied := map[mailbox.UID]string{}
	for i, uid := range arrived(res) {
		copied[uid] = want[res.SourceUIDs().At(i)]
	}
	for name, want := range map[string]map[mailbox.UID]string{"INBOX": want, "copies": copied} {
		n := 0
		for msg, err := range f.box(t, name).Messages(f.ctx, mailbox.AllUIDs(), mailbox.WantEntry|mailbox.WantContent) {
			require.NoError(t, err)
			checkContent(t, rng, want[msg.UID], msg.Content)
			require.EqualValues(t, len(want[msg.UID]), msg.Size)
			n++
		}
		require.Equal(t, len(want), n)
	}
}

// checkContent reads the content in several ways. It does without require
// where it compares much, since require prints all of it.
func checkContent(t testing.TB, rng *rand.Rand, want string, c mailbox.Content) {
	t.Helper()
	require.EqualValues(t, len(want), c.Size())
	same := func(how, want, got string) {
		if want != got {
			t.Helper()
			t.Fatalf("%s: %d octets read differ from the %d that were appended", how, len(got), len(want))
		}
	}
	same("from start to end", want, readAll(t, c))
	if w, ok := c.(io.WriterTo); ok {
		var b bytes.Buffer
		n, err := w.WriteTo(&b)
		require.NoError(t, err)
		require.EqualValues(t, len(want), n)
		same("WriteTo", want, b.String())
		if len(want) > 0 {
			n, err = w.WriteTo(failingWriter{})
			require.ErrorIs(t, err, errBroken, "WriteTo passes the error of its writer on")
			require.Zero(t, n)
		}
	}
	for range 20 {
		off := rng.IntN(len(want) + 1)
		p := make([]byte, rng.IntN(200_000))
		n, err := c.ReadAt(p, int64(off))
		part := want[off:min(off+len(p), len(want))]
		same(fmt.Sprintf("%d octets from %d", len(p), off), part, string(p[:n]))
		if n < len(p) {
			require.Equal(t, io.EOF, err)
		} else if err != nil {
			require.Equal(t, io.EOF, err, "only io.EOF may come with all that was asked for")
			require.Equal(t, len(want), off+n)
		}
	}
	n, err := c.ReadAt(make([]byte, 1), int64(len(want))+1000)
	require.Zero(t, n)
	require.Equal(t, io.EOF, err, "behind the end")
	_, err = c.ReadAt(make([]byte, 1), -1)
	require.Error(t, err, "before the start")
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errBroken }
