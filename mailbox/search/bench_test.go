package search_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// benchFind measures a search among n messages, every tenth of which is unseen.
func benchFind(b *testing.B, n int, key search.Key) {
	if testing.Short() {
		n /= 10
	}
	text := plain + strings.Repeat("All work and no play makes Jack a dull boy.\n", 40)
	m := inbox(b)
	for done := 0; done < n; {
		drafts := make([]mailbox.Incoming, 0, 1000)
		for ; len(drafts) < cap(drafts) && done < n; done++ {
			if done%10 == 0 {
				drafts = append(drafts, draft(text))
			} else {
				drafts = append(drafts, draft(text, mailbox.FlagSeen))
			}
		}
		_, err := m.Append(b.Context(), drafts...)
		require.NoError(b, err)
	}
	p, err := search.Compile(key, nil)
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		_, err := p.Find(b.Context(), m, mailbox.AllUIDs())
		require.NoError(b, err)
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

func BenchmarkFlags100k(b *testing.B) {
	benchFind(b, 100_000, search.And{unflag(mailbox.FlagFlagged), flag(mailbox.FlagSeen)})
}

func BenchmarkSubject20k(b *testing.B) { benchFind(b, 20_000, header("Subject", "nowhere")) }

func BenchmarkText20k(b *testing.B) { benchFind(b, 20_000, search.Text{Value: "nowhere"}) }

func BenchmarkTexts20k(b *testing.B) {
	var keys search.Key = search.Text{Value: "nowhere"}
	for _, text := range []string{"never", "nobody", "nothing", "neither", "none", "nil", "null"} {
		keys = search.Or{A: keys, B: search.Text{Value: text}}
	}
	benchFind(b, 20_000, keys)
}

func BenchmarkUnseenText20k(b *testing.B) {
	benchFind(b, 20_000, search.And{unflag(mailbox.FlagSeen), search.Text{Value: "nowhere"}})
}

// conversations returns n messages in conversations of 20, each of which answers
// the one before.
func conversations(n int) []*mailbox.Message {
	msgs := make([]*mailbox.Message, n)
	for i := range msgs {
		env := &message.Envelope{
			Time:      time.Unix(int64(i*7919%n), 0),
			Subject:   fmt.Sprintf("Re: [list] Grüße aus Zimmer %d", i%(n/20)),
			From:      []message.Address{{Name: "Alice", Local: fmt.Sprintf("user%d", i%997), Domain: "example.org"}},
			MessageID: fmt.Sprintf("<%d.%d@example.org>", i, i*7919),
		}
		var references []string
		for j := i % (n / 20); j < i; j += n / 20 {
			references = append(references, msgs[j].Envelope.MessageID)
		}
		msgs[i] = &mailbox.Message{Entry: mailbox.Entry{UID: mailbox.UID(i + 1)}, Envelope: env, References: references}
	}
	return msgs
}

func benchSort(b *testing.B, keys ...search.SortKey) {
	msgs := conversations(100_000)
	b.ReportAllocs()
	for b.Loop() {
		s := search.NewSorter(keys)
		for _, m := range msgs {
			s.Add(m)
		}
		s.UIDs()
	}
}

func BenchmarkSortDate100k(b *testing.B) { benchSort(b, search.SortKey{By: search.SortDate}) }

func BenchmarkSortSubject100k(b *testing.B) {
	benchSort(b, search.SortKey{By: search.SortSubject}, search.SortKey{By: search.SortFrom, Reverse: true})
}

func benchThreads(b *testing.B, a search.Algorithm) {
	msgs := conversations(100_000)
	b.ReportAllocs()
	for b.Loop() {
		threads(a, msgs)
	}
}

func BenchmarkThreadReferences100k(b *testing.B)     { benchThreads(b, search.References) }
func BenchmarkThreadRefs100k(b *testing.B)           { benchThreads(b, search.Refs) }
func BenchmarkThreadOrderedSubject100k(b *testing.B) { benchThreads(b, search.OrderedSubject) }
