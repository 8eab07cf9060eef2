package search_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
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
