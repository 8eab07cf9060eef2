package sqlstore

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// message4k is a message of 4 KB.
var message4k = func() []byte {
	var b bytes.Buffer
	b.WriteString("From: Ann <ann@example.org>\r\nTo: bob@example.net\r\nSubject: A message of 4 KB\r\n" +
		"Date: Sat, 21 Nov 2026 10:00:00 +0100\r\nMessage-ID: <x@example.org>\r\n\r\n")
	for b.Len() < 4096 {
		b.WriteString("The quick brown fox jumps over the lazy dog, and does so again.\r\n")
	}
	return b.Bytes()[:4096]
}()

func inbox(t testing.TB, s *Store, name string) mailbox.Mailbox {
	t.Helper()
	if err := s.CreateAccount(t.Context(), name); err != nil {
		require.ErrorIs(t, err, mailbox.ErrExist)
	}
	a, err := s.Account(t.Context(), name)
	require.NoError(t, err)
	m, err := a.Mailbox(t.Context(), "INBOX")
	require.NoError(t, err)
	return m
}

// fill appends n messages of 4 KB.
func fill(t testing.TB, m mailbox.Mailbox, n int, flags ...mailbox.Flag) {
	t.Helper()
	for n > 0 {
		drafts := make([]mailbox.Draft, min(n, 50))
		for i := range drafts {
			drafts[i] = mailbox.Draft{Body: bytes.NewReader(message4k), Size: 4096, Flags: mailbox.NewFlagSet(flags...)}
		}
		_, err := m.Append(t.Context(), drafts...)
		require.NoError(t, err)
		n -= len(drafts)
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("sessions=%d", n), func(b *testing.B) {
			m := inbox(b, openStore(b, nil), "alice")
			b.SetBytes(4096)
			b.ReportAllocs()
			b.SetParallelism((n + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
			if n == 1 {
				for b.Loop() {
					_, err := m.Append(context.Background(), mailbox.Draft{Body: bytes.NewReader(message4k), Size: 4096})
					require.NoError(b, err)
				}
				return
			}
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := m.Append(context.Background(), mailbox.Draft{Body: bytes.NewReader(message4k), Size: 4096}); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

func BenchmarkAppendLarge(b *testing.B) {
	for _, size := range []int64{200 << 10, 1 << 20, 100 << 20} {
		b.Run(fmt.Sprintf("size=%dK", size>>10), func(b *testing.B) {
			m := inbox(b, openStore(b, nil), "alice")
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				_, err := m.Append(context.Background(), mailbox.Draft{Body: lines(size), Size: size})
				require.NoError(b, err)
			}
		})
	}
}

// lines returns a message with a body of lines.
func lines(size int64) io.Reader {
	const head = "Subject: large\r\n\r\n"
	return io.LimitReader(io.MultiReader(strings.NewReader(head), &repeat{text: strings.Repeat("x", 76) + "\r\n"}), size)
}

type repeat struct {
	text string
	off  int
}

func (r *repeat) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		k := copy(p[n:], r.text[r.off:])
		n += k
		if r.off += k; r.off == len(r.text) {
			r.off = 0
		}
	}
	return n, nil
}

func BenchmarkRead(b *testing.B) {
	s := openStore(b, nil)
	large := inbox(b, s, "large")
	fill(b, large, 100_000)
	for name, want := range map[string]mailbox.Want{"entries": mailbox.WantEntry, "summaries": mailbox.WantSummary} {
		b.Run(name+"=100000", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				for _, err := range large.Messages(context.Background(), mailbox.AllUIDs(), want) {
					if err != nil {
						b.Fatal(err)
					}
					n++
				}
				require.Equal(b, 100_000, n)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100_000, "ns/msg")
		})
	}
	b.Run("contents=10000", func(b *testing.B) {
		b.SetBytes(10_000 * 4096)
		b.ReportAllocs()
		for b.Loop() {
			for msg, err := range large.Messages(context.Background(), mailbox.UIDRangeSet(1, 10_000), mailbox.WantContent) {
				if err != nil {
					b.Fatal(err)
				}
				msg.Content.(io.WriterTo).WriteTo(io.Discard)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10_000, "ns/msg")
	})
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		uid := mailbox.UID(0)
		for b.Loop() {
			uid = uid%100_000 + 1
			for msg, err := range large.Messages(context.Background(), mailbox.UIDSetOf(uid), mailbox.WantContent) {
				if err != nil {
					b.Fatal(err)
				}
				msg.Content.(io.WriterTo).WriteTo(io.Discard)
			}
		}
	})
	b.Run("status", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, err := large.Status(context.Background())
			require.NoError(b, err)
		}
	})
	b.Run("snapshot=100000", func(b *testing.B) {
		for b.Loop() {
			_, err := large.Snapshot(context.Background())
			require.NoError(b, err)
		}
	})
	b.Run("snapshotWithGap=99999", func(b *testing.B) {
		_, _, err := large.Expunge(context.Background(), mailbox.UIDSetOf(50_000), mailbox.FlagSet{})
		require.NoError(b, err)
		for b.Loop() {
			_, err := large.Snapshot(context.Background())
			require.NoError(b, err)
		}
	})
	b.Run("changes=99999", func(b *testing.B) {
		for b.Loop() {
			_, err := large.Changes(context.Background(), 1)
			require.NoError(b, err)
		}
	})
}

func BenchmarkFlags(b *testing.B) {
	m := inbox(b, openStore(b, nil), "alice")
	fill(b, m, 10_000)
	for _, n := range []mailbox.UID{1, 100, 10_000} {
		b.Run(fmt.Sprintf("messages=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			op := mailbox.FlagsAdd
			for b.Loop() {
				res, err := m.SetFlags(context.Background(), mailbox.UIDRangeSet(1, n), mailbox.FlagChange{Op: op, Flags: mailbox.NewFlagSet(mailbox.FlagSeen)})
				require.NoError(b, err)
				require.Len(b, res.Entries, int(n))
				op ^= 1
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/msg")
		})
	}
}

func BenchmarkMove(b *testing.B) {
	s := openStore(b, nil)
	m := inbox(b, s, "alice")
	fill(b, m, 10_000)
	b.Run("copy=10000", func(b *testing.B) {
		for b.Loop() {
			_, err := m.Copy(context.Background(), mailbox.UIDRangeSet(1, 10_000), "INBOX")
			require.NoError(b, err)
		}
	})
	b.Run("expunge=10000", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			st, err := m.Status(context.Background())
			require.NoError(b, err)
			_, err = m.Copy(context.Background(), mailbox.UIDRangeSet(1, 10_000), "INBOX")
			require.NoError(b, err)
			b.StartTimer()
			_, _, err = m.Expunge(context.Background(), mailbox.UIDRangeSet(st.UIDNext, mailbox.MaxUID), mailbox.FlagSet{})
			require.NoError(b, err)
		}
	})
}
