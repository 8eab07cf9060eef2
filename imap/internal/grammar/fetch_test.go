package grammar

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// itemsOf reads the items of the FETCH response and their bodies.
func itemsOf(t *testing.T, r *ResponseReader) ([]*Item, []string) {
	t.Helper()
	var items []*Item
	var bodies []string
	for {
		it, err := r.NextItem()
		require.NoError(t, err)
		if it == nil {
			return items, bodies
		}
		kept := *it
		items = append(items, &kept)
		if it.Body != nil {
			b, err := io.ReadAll(it.Body)
			require.NoError(t, err)
			require.Len(t, b, int(it.Size))
			bodies = append(bodies, string(b))
		}
	}
}

func TestFetchResponse(t *testing.T) {
	r := responsesOf("* 12 FETCH (FLAGS (\\Seen) UID 5 RFC822.SIZE 44827 INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" MODSEQ (12121231000) " +
		"X-GM-MSGID 1278455344230334865 X-GM-LABELS (\\Inbox \"a b\") EMAILID (M1) THREADID NIL SAVEDATE NIL PREVIEW \"hi\" " +
		"BODY[HEADER.FIELDS (DATE \"FROM\")]<0> {5}\r\nhello BODY[1.2.TEXT] \"quoted\" BODY[3] NIL BINARY.SIZE[1] 7 BINARY[1] ~{2}\r\n\x00b RFC822 {0}\r\n)\r\n* 1 EXISTS\r\n")
	resp, err := r.Read()
	require.NoError(t, err)
	require.Equal(t, &Fetch{Seq: 12}, resp)
	items, bodies := itemsOf(t, r)
	require.Equal(t, []string{"hello", "quoted", "\x00b", ""}, bodies)
	var names []string
	for _, it := range items {
		names = append(names, it.Name)
	}
	require.Equal(t, []string{"FLAGS", "UID", "RFC822.SIZE", "INTERNALDATE", "MODSEQ", "X-GM-MSGID", "X-GM-LABELS", "EMAILID", "THREADID", "SAVEDATE", "PREVIEW",
		"BODY", "BODY", "BODY", "BINARY.SIZE", "BINARY", "RFC822"}, names)
	require.Equal(t, mailbox.NewFlagSet(mailbox.FlagSeen), items[0].Flags)
	require.Equal(t, int64(5), items[1].N)
	require.Equal(t, int64(44827), items[2].N)
	require.True(t, items[3].Time.Equal(time.Date(1996, 7, 17, 9, 44, 25, 0, time.UTC)))
	require.Equal(t, int64(12121231000), items[4].N)
	require.Equal(t, uint64(1278455344230334865), items[5].ID)
	require.Equal(t, []string{`\Inbox`, "a b"}, items[6].Labels)
	require.Equal(t, "M1", items[7].Text)
	require.True(t, items[9].Time.IsZero())
	require.Equal(t, &imap.BodySection{Spec: imap.SectionHeaderFields, Fields: []string{"DATE", "FROM"}, Text: `HEADER.FIELDS (DATE "FROM")`, Partial: &imap.Partial{}}, items[11].Section)
	require.Nil(t, items[13].Body)
	require.Equal(t, int64(7), items[14].N)
	next, err := r.Read()
	require.NoError(t, err)
	require.Equal(t, &Count{"EXISTS", 1}, next)

	t.Run("not read", func(t *testing.T) {
		for stop := range 3 {
			r := responsesOf("* 1 FETCH (BODY[] {5}\r\nhello UID 3 BODY[TEXT] {3}\r\nabc)\r\n* 1 EXISTS\r\n")
			_, err := r.Read()
			require.NoError(t, err)
			for range stop {
				_, err := r.NextItem()
				require.NoError(t, err)
			}
			next, err := r.Read()
			require.NoError(t, err)
			require.Equal(t, &Count{"EXISTS", 1}, next)
			it, err := r.NextItem()
			require.NoError(t, err)
			require.Nil(t, it)
		}
	})
	t.Run("quirks", func(t *testing.T) {
		for line, want := range map[string]int{
			"* 11487 FETCH (UID 19436 )":                       1, // QQ
			"* 1 FETCH (UID 1  BODY[1] \"a\"   BODY[2] \"b\")": 3, // maddy
			"* 1 FETCH ( FLAGS NIL UID 5)":                     2,
			"* 1 FETCH ()":                                     0,
			"* 1 FETCH (RFC822.SIZE 9.3736e+06)":               1, // mail.ru
		} {
			r := responsesOf(line + "\r\n")
			_, err := r.Read()
			require.NoError(t, err)
			items, _ := itemsOf(t, r)
			require.Len(t, items, want, line)
		}
	})
	t.Run("one bad message", func(t *testing.T) {
		r := responsesOf("* 1 FETCH (UID 1 ENVELOPE (x\r\n* 2 FETCH (UID 2 FLAGS {3}\r\nabc UID 2)\r\n* 3 FETCH (UID 3)\r\n")
		for i := range 2 {
			_, err := r.Read()
			require.NoError(t, err)
			_, err = r.NextItem()
			require.NoError(t, err)
			_, err = r.NextItem()
			var s *wire.SyntaxError
			require.ErrorAs(t, err, &s, "%d", i)
		}
		_, err := r.Read()
		require.NoError(t, err)
		items, _ := itemsOf(t, r)
		require.Len(t, items, 1)
	})
}

// Sections are written as the client spelled them, or from their fields.
func TestSection(t *testing.T) {
	query := func(e *wire.Encoder, s *imap.BodySection) {
		it := imap.FetchItem{Att: imap.FetchBodySection, Section: s}
		all().fetchItems.of(&it).writeTo(e, &it)
	}
	for _, tc := range []struct {
		f    func(e *wire.Encoder)
		want string
	}{
		{func(e *wire.Encoder) {
			WriteItemName(e, imap.FetchBodySection, &imap.BodySection{Path: []uint32{1, 2}, Spec: imap.SectionHeaderFields, Fields: []string{"From", "x y"}, Partial: &imap.Partial{Offset: 3, Count: 4}, Peek: true})
		}, `BODY[1.2.HEADER.FIELDS (From "x y")]<3> `},
		{func(e *wire.Encoder) {
			WriteItemName(e, imap.FetchBodySection, &imap.BodySection{Spec: imap.SectionText, Text: "text"})
		}, "BODY[text] "},
		{func(e *wire.Encoder) {
			query(e, &imap.BodySection{Path: []uint32{3}, Spec: imap.SectionMIME, Peek: true, Partial: &imap.Partial{Count: 9}})
		}, "BODY.PEEK[3.MIME]<0.9>"},
		{func(e *wire.Encoder) { query(e, &imap.BodySection{}) }, "BODY[]"},
	} {
		require.Equal(t, tc.want, encode(tc.f))
	}
}

func BenchmarkFetchFlags(b *testing.B) {
	line := []byte("* 123456 FETCH (UID 4567890 FLAGS (\\Seen \\Answered) MODSEQ (12345))\r\n")
	r := NewResponseReader(wire.Repeat(line), wire.LimitsClient())
	b.ReportAllocs()
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		if _, err := r.Read(); err != nil {
			b.Fatal(err)
		}
		for {
			it, err := r.NextItem()
			if err != nil {
				b.Fatal(err)
			}
			if it == nil {
				break
			}
		}
	}
}
func BenchmarkFetchResponse(b *testing.B) {
	flags := mailbox.NewFlagSet(mailbox.FlagSeen, mailbox.FlagAnswered, "$Forwarded")
	date := time.Date(2026, 11, 21, 10, 0, 0, 0, time.FixedZone("", 3600))
	env := &message.Envelope{
		Date: "Wed, 17 Jul 1996 02:23:25 -0700 (PDT)", Subject: "IMAP4rev1 WG mtg summary and minutes",
		From:      []message.Address{{Name: "Terry Gray", Local: "gray", Domain: "cac.washington.edu"}},
		To:        []message.Address{{Local: "imap", Domain: "cac.washington.edu"}},
		MessageID: "<B27397-0100000@cac.washington.edu>",
	}
	var e wire.Encoder
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		e.Reset(buf)
		e.Raw("* ").Uint(123456).Raw(" FETCH (UID ").Uint(4567890).Raw(" FLAGS ").FlagSet(flags, false)
		e.Raw(" INTERNALDATE ").DateTime(date).Raw(" RFC822.SIZE ").Int(4286).Raw(" ENVELOPE ")
		WriteEnvelope(&e, env)
		e.Raw(")").CRLF()
	}
	b.SetBytes(int64(len(e.B)))
}

func BenchmarkWriteFetchFlags(b *testing.B) {
	flags := mailbox.NewFlagSet(mailbox.FlagSeen)
	var e wire.Encoder
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		e.Reset(buf)
		e.Raw("* ").Uint(123456).Raw(" FETCH (UID ").Uint(4567890).Raw(" FLAGS ").FlagSet(flags, false).Raw(")").CRLF()
	}
}
