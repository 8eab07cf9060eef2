package sqlite

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
		msgs := make([]mailbox.Incoming, min(n, 50))
		for i := range msgs {
			msgs[i] = mailbox.Incoming{Body: bytes.NewReader(message4k), Size: 4096, Flags: mailbox.NewFlagSet(flags...)}
		}
		_, err := m.Append(t.Context(), msgs...)
		require.NoError(t, err)
		n -= len(msgs)
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
					_, err := m.Append(context.Background(), mailbox.Incoming{Body: bytes.NewReader(message4k), Size: 4096})
					require.NoError(b, err)
				}
				return
			}
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := m.Append(context.Background(), mailbox.Incoming{Body: bytes.NewReader(message4k), Size: 4096}); err != nil {
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
				_, err := m.Append(context.Background(), mailbox.Incoming{Body: lines(size), Size: size})
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

func BenchmarkContents4K(b *testing.B) {
	s := openStore(b, nil)
	m := inbox(b, s, "alice")
	const n = 10_000
	fill(b, m, n)
	b.SetBytes(n * 4096)
	b.ReportAllocs()
	for b.Loop() {
		for msg, err := range m.Messages(context.Background(), mailbox.AllUIDs(), mailbox.WantContent) {
			if err != nil {
				b.Fatal(err)
			}
			msg.Content.(io.WriterTo).WriteTo(io.Discard)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/msg")
}

// A message arrives, and a session is notified.
func BenchmarkChangesOfOne(b *testing.B) {
	m := inbox(b, openStore(b, nil), "alice")
	fill(b, m, 1000)
	_, err := m.Expunge(b.Context(), mailbox.UIDSetOf(7), mailbox.FlagSet{})
	require.NoError(b, err)
	fill(b, m, 1)
	st, err := m.Status(b.Context())
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		ch, err := m.Changes(context.Background(), mailbox.State{UIDNext: st.UIDNext - 1, ModSeq: st.HighestModSeq - 1})
		require.NoError(b, err)
		require.Equal(b, 1, ch.New.Len())
	}
}

func BenchmarkSnapshotWithGaps(b *testing.B) {
	m := inbox(b, openStore(b, nil), "alice")
	fill(b, m, 100_000)
	var every10 mailbox.UIDSet
	for uid := mailbox.UID(5); uid < 100_000; uid += 10 {
		every10.Add(uid)
	}
	_, err := m.Expunge(b.Context(), every10, mailbox.FlagSet{})
	require.NoError(b, err)
	for b.Loop() {
		_, err := m.Snapshot(context.Background())
		require.NoError(b, err)
	}
}
