package search_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"mime"
	"mime/quotedprintable"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// A maker generates messages and searches from octets, deterministically.
type maker struct{ octets []byte }

// below returns a number below n, zero once the octets are used up.
func (m *maker) below(n int) int {
	if len(m.octets) == 0 {
		return 0
	}
	c := m.octets[0]
	m.octets = m.octets[1:]
	return int(c) % n
}

func pick[T any](m *maker, from ...T) T { return from[m.below(len(from))] }

var words = []string{"alpha", "Beta", "straße", "ΣΑΣ", "10%", "=?x?=", "été", "İ", "a@b", "a"}

func (m *maker) text() string {
	var w []string
	for range 1 + m.below(4) {
		w = append(w, pick(m, words...))
	}
	return strings.Join(w, " ")
}

// A modelMessage is a message, and the texts in it.
type modelMessage struct {
	mailbox.Entry // as the store has it

	raw    strings.Builder
	sent   time.Time         // zero: none
	fields []modelField      // of the header
	env    map[string]string // texts of the envelope, by field in lower case
	parts  []modelPart       // below the root, or the root alone
}

type modelField struct{ name, value string }

type modelPart struct {
	fields []modelField // in body: none of the root
	text   string       // empty where it is not looked at
}

func (p *modelMessage) field(name, raw, value string) {
	p.fields = append(p.fields, modelField{name, value})
	fmt.Fprintf(&p.raw, "%s: %s\r\n", name, raw)
}

// message makes a message.
func (m *maker) message() *modelMessage {
	p := &modelMessage{env: map[string]string{}}
	encode := func(text string) string {
		return pick(m, text, mime.BEncoding.Encode("utf-8", text), mime.QEncoding.Encode("utf-8", text))
	}
	if m.below(4) > 0 {
		text := m.text()
		p.field("Subject", encode(text), text)
		p.env["subject"] = text
	}
	for _, name := range []string{"From", "To", "Cc"} {
		if m.below(3) > 0 {
			display := pick(m, "Alpha", "Été", "ΣΑΣ")
			raw, value := encode(display), pick(m, "ann@example.org", "BOB@example.com")
			p.field(name, raw+" <"+value+">", display+" <"+value+">")
			p.env[strings.ToLower(name)] = display + " <" + value + ">"
		}
	}
	if m.below(3) > 0 {
		p.sent = time.Date(2020, 3, 1+m.below(4), m.below(24), 0, 0, 0, time.FixedZone("", 3600*(m.below(20)-10)))
		date := p.sent.Format("Mon, 2 Jan 2006 15:04:05 -0700")
		p.field("Date", date, date)
	}
	for range m.below(3) {
		text := m.text()
		p.field(pick(m, "X-One", "x-two"), strings.ReplaceAll(encode(text), " ", pick(m, " ", "\r\n ")), text)
	}
	if m.below(2) == 0 {
		part := m.part()
		for _, f := range part.fields { // which are the message's, then
			p.field(f.name, f.value, f.value)
		}
		p.parts = []modelPart{{text: part.text}}
		p.raw.WriteString("\r\n" + part.raw)
		return p
	}
	p.field("Content-Type", "multipart/mixed; boundary=zz", "multipart/mixed; boundary=zz")
	p.raw.WriteString("\r\nalpha preamble\r\n")
	for range 1 + m.below(3) {
		part := m.part()
		p.parts = append(p.parts, part.modelPart)
		p.raw.WriteString("--zz\r\n")
		for _, f := range part.fields {
			fmt.Fprintf(&p.raw, "%s: %s\r\n", f.name, f.value)
		}
		p.raw.WriteString("\r\n" + part.raw + "\r\n")
	}
	p.raw.WriteString("--zz--\r\nalpha epilogue\r\n")
	return p
}

type rawPart struct {
	modelPart
	raw string
}

func (m *maker) part() (p rawPart) {
	text := m.text()
	kind := pick(m, "text/plain; charset=utf-8", "text/html; charset=utf-8", "application/alpha")
	p.fields = append(p.fields, modelField{"Content-Type", kind})
	if strings.HasPrefix(kind, "text") {
		if p.text = text; m.below(8) == 0 { // larger than what is read at once
			p.text = strings.Repeat("lorem ipsum ", 4000) + text
		}
		text = p.text
	}
	switch m.below(3) {
	case 0:
		p.fields = append(p.fields, modelField{"Content-Transfer-Encoding", "8bit"})
		p.raw = text
	case 1:
		p.fields = append(p.fields, modelField{"Content-Transfer-Encoding", "base64"})
		p.raw = base64.StdEncoding.EncodeToString([]byte(text))
	case 2:
		p.fields = append(p.fields, modelField{"Content-Transfer-Encoding", "quoted-printable"})
		var b bytes.Buffer
		w := quotedprintable.NewWriter(&b)
		w.Write([]byte(text))
		w.Close()
		p.raw = b.String()
	}
	return p
}

// key makes a tree.
func (m *maker) key(depth int) search.Key {
	if depth > 0 {
		switch m.below(5) {
		case 0:
			var and search.And
			for range m.below(4) {
				and = append(and, m.key(depth-1))
			}
			return and
		case 1:
			return search.Or{A: m.key(depth - 1), B: m.key(depth - 1)}
		case 2:
			return search.Not{Key: m.key(depth - 1)}
		}
	}
	text := func() string {
		t := m.text()
		switch m.below(4) {
		case 0:
			t = strings.ToUpper(t)
		case 1:
			t = t[:m.below(len(t)+1)]
		}
		return strings.ToValidUTF8(t, "")
	}
	switch m.below(14) {
	case 0:
		return search.All{}
	case 1:
		return search.UID{Set: mailbox.UIDRangeSet(mailbox.UID(m.below(6)), mailbox.UID(m.below(6)))}
	case 2, 3:
		return search.Flag{Flag: pick(m, modelFlags...), Absent: m.below(2) == 0}
	case 4:
		return search.Date{Field: pick(m, search.InternalDate, search.SentDate), Op: pick(m, search.DateBefore, search.DateOn, search.DateSince), Day: day(2020, 3, 1+m.below(4))}
	case 5:
		return search.Size{Larger: m.below(2) == 0, N: int64(m.below(256)) * 4}
	case 6:
		return search.ModSeq{N: mailbox.ModSeq(m.below(10))}
	case 7, 8:
		return search.Header{Field: pick(m, "Subject", "FROM", "to", "Cc"), Value: text()}
	case 9, 10:
		return search.Header{Field: pick(m, "X-One", "X-Two", "content-type"), Value: text()}
	case 11:
		return search.Body{Value: text()}
	default:
		return search.Text{Value: text()}
	}
}

var modelFlags = []mailbox.Flag{mailbox.FlagSeen, mailbox.FlagFlagged, "$Forwarded"}

// matches returns whether a search must find the message, straight from the
// definition of the keys.
func (p *modelMessage) matches(key search.Key) bool {
	anyField := func(fields []modelField, text string) bool {
		for _, f := range fields {
			if contains(f.name+": "+f.value, text) {
				return true
			}
		}
		return false
	}
	body := func(text string) bool {
		for _, part := range p.parts {
			if anyField(part.fields, text) || part.text != "" && contains(part.text, text) {
				return true
			}
		}
		return text == ""
	}
	switch k := key.(type) {
	case search.All:
		return true
	case search.And:
		for _, sub := range k {
			if !p.matches(sub) {
				return false
			}
		}
		return true
	case search.Or:
		return p.matches(k.A) || p.matches(k.B)
	case search.Not:
		return !p.matches(k.Key)
	case search.UID:
		return k.Set.Contains(p.UID)
	case search.Flag:
		return p.Flags.Has(k.Flag) != k.Absent
	case search.Size:
		return k.Larger && p.Size > k.N || !k.Larger && p.Size < k.N
	case search.ModSeq:
		return p.ModSeq >= k.N
	case search.Date:
		at := p.InternalDate
		if k.Field == search.SentDate {
			if at = p.sent; at.IsZero() {
				return false
			}
		}
		have, want := at.Format("20060102"), k.Day.Format("20060102")
		return k.Op == search.DateBefore && have < want || k.Op == search.DateOn && have == want || k.Op == search.DateSince && have >= want
	case search.Header:
		if text, ok := p.env[strings.ToLower(k.Field)]; ok && k.Value != "" {
			return contains(text, k.Value)
		}
		for _, f := range p.fields {
			if strings.EqualFold(f.name, k.Field) && contains(f.value, k.Value) {
				return true
			}
		}
		return false
	case search.Body:
		return body(k.Value)
	case search.Text:
		return anyField(p.fields, k.Value) || body(k.Value)
	}
	panic(fmt.Sprintf("no rule for %T", key))
}

func contains(text, part string) bool {
	fold := func(s string) string {
		return strings.Map(func(r rune) rune { return unicode.ToLower(unicode.ToUpper(r)) }, s)
	}
	return strings.Contains(fold(text), fold(part))
}

// A coarse index excludes some of the messages that do not match by the model,
// and returns UIDs that no message has.
type coarse struct {
	mailbox.Mailbox
	messages []*modelMessage
	rnd      *rand.Rand
	asked    int
}

func (c *coarse) Candidates(_ context.Context, key search.Key, within mailbox.UIDSet) (mailbox.UIDSet, bool, error) {
	c.asked++
	set := mailbox.UIDRangeSet(100, 200)
	for _, p := range c.messages {
		if p.matches(key) && within.Contains(p.UID) || c.rnd.IntN(3) == 0 {
			set.Add(p.UID)
		}
	}
	return set, c.rnd.IntN(4) > 0, nil
}

// FuzzFind compares searches with the model: through a store, with and without
// an index, and message by message.
func FuzzFind(f *testing.F) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		octets := make([]byte, 40+rnd.IntN(200))
		for i := range octets {
			octets[i] = byte(rnd.Uint32())
		}
		f.Add(octets)
	}
	f.Fuzz(func(t *testing.T, octets []byte) {
		m := &maker{octets}
		key := m.key(4)
		var messages []*modelMessage
		var drafts []mailbox.Incoming
		for range 1 + m.below(5) {
			p := m.message()
			messages = append(messages, p)
			d := mailbox.Incoming{Body: strings.NewReader(p.raw.String()), Size: int64(p.raw.Len()),
				InternalDate: time.Date(2020, 3, 1+m.below(4), m.below(24), 0, 0, 0, time.FixedZone("", 3600*(m.below(20)-10)))}
			var flags []mailbox.Flag
			for _, flag := range modelFlags {
				if m.below(2) == 0 {
					flags = append(flags, flag)
				}
			}
			d.Flags = mailbox.NewFlagSet(flags...)
			drafts = append(drafts, d)
		}
		box := inbox(t, drafts...)
		_, err := box.SetFlags(t.Context(), mailbox.UIDSetOf(2, 3), mailbox.FlagChange{Flags: mailbox.NewFlagSet("other")})
		require.NoError(t, err)
		_, err = box.Expunge(t.Context(), mailbox.UIDSetOf(mailbox.UID(2+m.below(3))), mailbox.FlagSet{})
		require.NoError(t, err)
		within := pick(m, mailbox.AllUIDs(), mailbox.UIDSetOf(1, 3, 5))

		p, err := search.Compile(key, nil)
		require.NoError(t, err)
		var there []*modelMessage
		var want, each mailbox.UIDSet
		for msg, err := range box.Messages(t.Context(), mailbox.AllUIDs(), p.Want()) {
			require.NoError(t, err)
			model := messages[msg.UID-1]
			model.Entry = msg.Entry
			there = append(there, model)
			if model.matches(key) {
				want.Add(msg.UID)
			}
			ok, err := p.Match(t.Context(), msg)
			require.NoError(t, err)
			if ok {
				each.Add(msg.UID)
			}
		}
		require.Equal(t, want.String(), each.String(), "Match: %#v", key)
		want = want.Intersect(within)
		found, err := p.Find(t.Context(), box, within)
		require.NoError(t, err)
		require.Equal(t, want.String(), found.String(), "%#v", key)
		index := &coarse{Mailbox: box, messages: there, rnd: rand.New(rand.NewPCG(3, uint64(len(octets))))}
		found, err = p.Find(t.Context(), index, within)
		require.NoError(t, err)
		require.Equal(t, want.String(), found.String(), "with an index: %#v", key)
	})
}
