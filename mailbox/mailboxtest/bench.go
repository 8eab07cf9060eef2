package mailboxtest

import (
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// Bench measures what servers do with a store. open is as for [Run]. The large
// mailbox has 100,000 messages, with -short 10,000. Where one call touches many
// messages, ns/msg tells the time for one of them.
func Bench(b *testing.B, open func(t testing.TB) mailbox.Store) {
	s := &suite{open: open}
	small := text("benchmark") + strings.Repeat("All work and no play makes Jack a dull boy.\r\n", 40)
	large := text("benchmark") + strings.Repeat("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n", 5<<20/64)

	appendOne := func(body string) func(b *testing.B) {
		return func(b *testing.B) {
			m := s.fixture(b).box(b, "INBOX")
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				_, err := m.Append(b.Context(), mailbox.Incoming{Body: strings.NewReader(body), Size: int64(len(body))})
				require.NoError(b, err)
			}
		}
	}
	b.Run("AppendSmall", appendOne(small))
	b.Run("AppendLarge", appendOne(large))
	b.Run("AppendParallel", func(b *testing.B) {
		f := s.fixture(b)
		var next atomic.Int32
		b.SetBytes(int64(len(small)))
		b.ReportAllocs()
		b.SetParallelism(16)
		b.RunParallel(func(pb *testing.PB) {
			m := f.box(b, fmt.Sprint("box", next.Add(1)))
			for pb.Next() {
				if _, err := m.Append(b.Context(), mailbox.Incoming{Body: strings.NewReader(small), Size: int64(len(small))}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
	b.Run("AppendBatch100", func(b *testing.B) {
		m := s.fixture(b).box(b, "INBOX")
		b.ReportAllocs()
		drafts := make([]mailbox.Incoming, 100)
		for b.Loop() {
			for i := range drafts {
				drafts[i] = mailbox.Incoming{Body: strings.NewReader(small), Size: int64(len(small))}
			}
			_, err := m.Append(b.Context(), drafts...)
			require.NoError(b, err)
		}
		perMessage(b, len(drafts))
	})

	n := 100_000
	if testing.Short() {
		n = 10_000
	}
	f := s.fixture(b)
	m := f.box(b, "INBOX")
	grow(b, m, small, n)
	f.box(b, "other")
	all := mailbox.AllUIDs()
	first := uids(b, m)

	read := func(want mailbox.Want, use func(msg *mailbox.Message)) func(b *testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				k := 0
				for msg, err := range m.Messages(b.Context(), all, want) {
					if err != nil {
						b.Fatal(err)
					}
					if use != nil {
						use(msg)
					}
					k++
				}
				require.Equal(b, n, k)
			}
			perMessage(b, n)
		}
	}
	b.Run("Flags", read(mailbox.WantFlags, nil))
	b.Run("Entries", read(mailbox.WantEntry, nil))
	b.Run("Envelopes", read(mailbox.WantEnvelope, nil))
	b.Run("Summaries", read(mailbox.WantSummary, nil))
	b.Run("Contents", read(mailbox.WantContent, func(msg *mailbox.Message) {
		var err error
		if w, ok := msg.Content.(io.WriterTo); ok {
			_, err = w.WriteTo(io.Discard)
		} else {
			_, err = io.Copy(io.Discard, io.NewSectionReader(msg.Content, 0, msg.Content.Size()))
		}
		if err != nil {
			b.Fatal(err)
		}
	}))
	b.Run("EntryOfOne", func(b *testing.B) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			set := mailbox.UIDSetOf(first.At(i * 7919 % n))
			for _, err := range m.Messages(b.Context(), set, mailbox.WantEntry) {
				if err != nil {
					b.Fatal(err)
				}
			}
			i++
		}
	})
	b.Run("Status", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			status(b, m)
		}
	})
	b.Run("Snapshot", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, err := m.Snapshot(b.Context())
			require.NoError(b, err)
		}
	})
	b.Run("ChangesNone", func(b *testing.B) {
		state := status(b, m).State()
		b.ReportAllocs()
		for b.Loop() {
			changesSince(b, m, state)
		}
	})
	flags := func(set func(i int) mailbox.UIDSet, count int) func(b *testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				change := mailbox.FlagChange{Op: mailbox.FlagOp(i % 2), Flags: mailbox.NewFlagSet(mailbox.FlagSeen)}
				_, err := m.SetFlags(b.Context(), set(i/2), change)
				require.NoError(b, err)
				i++
			}
			perMessage(b, count)
		}
	}
	b.Run("FlagsOfOne", flags(func(i int) mailbox.UIDSet { return mailbox.UIDSetOf(first.At(i * 7919 % n)) }, 1))
	b.Run("FlagsOfAll", flags(func(int) mailbox.UIDSet { return all }, n))
	b.Run("FlagsOfOneAndChanges", func(b *testing.B) {
		state := status(b, m).State()
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			_, err := m.SetFlags(b.Context(), mailbox.UIDSetOf(first.At(i*7919%n)), mailbox.FlagChange{Op: mailbox.FlagOp(i % 2), Flags: mailbox.NewFlagSet("Bench")})
			require.NoError(b, err)
			ch := changesSince(b, m, state)
			for _, err := range m.Messages(b.Context(), ch.Changed, mailbox.WantFlags) {
				require.NoError(b, err)
			}
			state = ch.State
			i++
		}
	})
	some := mailbox.UIDRangeSet(first.At(n/2), first.At(n/2+999))
	b.Run("Copy1000", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, err := m.Copy(b.Context(), some, "other")
			require.NoError(b, err)
		}
		perMessage(b, 1000)
	})
	b.Run("MoveOneAndBack", func(b *testing.B) {
		other := f.box(b, "other")
		b.ReportAllocs()
		uid := mailbox.UIDSetOf(first.At(n / 3))
		for b.Loop() {
			res, err := m.Move(b.Context(), uid, "other")
			require.NoError(b, err)
			res, err = other.Move(b.Context(), res.DestUIDs(), "INBOX")
			require.NoError(b, err)
			uid = res.DestUIDs()
		}
	})
	b.Run("AppendAndExpunge", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			res, err := m.Append(b.Context(), mailbox.Incoming{Body: strings.NewReader(small), Size: int64(len(small))})
			require.NoError(b, err)
			_, err = m.Expunge(b.Context(), res.DestUIDs(), mailbox.FlagSet{})
			require.NoError(b, err)
		}
	})
}

// grow makes a mailbox with n messages, most of them by Copy.
func grow(b testing.TB, m mailbox.Mailbox, body string, n int) {
	b.Helper()
	drafts := make([]mailbox.Incoming, min(n, 500))
	for i := range drafts {
		drafts[i] = mailbox.Incoming{Body: strings.NewReader(body), Size: int64(len(body))}
	}
	_, err := m.Append(b.Context(), drafts...)
	require.NoError(b, err)
	for have := len(drafts); have < n; {
		snap, err := m.Snapshot(b.Context())
		require.NoError(b, err)
		more := min(have, n-have)
		_, err = m.Copy(b.Context(), mailbox.UIDRangeSet(1, snap.UIDs.At(more-1)), m.Info().Name)
		require.NoError(b, err)
		have += more
	}
}

// perMessage reports the time for each of n messages of an operation.
func perMessage(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/msg")
}
