package sqlite

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// random returns octets that are the same for the same seed.
func random(seed uint64, size int) []byte {
	rng := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	b := make([]byte, size)
	rng.Read(b)
	return b
}

// Contents of sizes around every bound are read back unchanged, in every way.
func TestContentSizes(t *testing.T) {
	s := openStore(t, nil)
	m := inbox(t, s, "alice")
	var bodies [][]byte
	for _, size := range []int{0, 1, 4095, 4096, 4097, minChunk - 1, minChunk, minChunk + 1, maxBody - 1, maxBody, maxBody + 1,
		maxChunk - 1, maxChunk, maxChunk + 1, 2*maxChunk - 1, 2 * maxChunk, 5*maxChunk + 17} {
		b := random(uint64(size), size)
		for _, announced := range []int64{int64(size), mailbox.SizeUnknown} {
			_, err := m.Append(t.Context(), mailbox.Incoming{Body: bytes.NewReader(b), Size: announced})
			require.NoError(t, err)
			bodies = append(bodies, b)
		}
	}
	// All in one Append, which is more than it may hold in memory.
	msgs := make([]mailbox.Incoming, len(bodies))
	for i, b := range bodies {
		msgs[i] = mailbox.Incoming{Body: &slow{b: b}, Size: int64(len(b))}
	}
	_, err := m.Append(t.Context(), msgs...)
	require.NoError(t, err)
	bodies = append(bodies, bodies...)
	msgs = msgs[:0]
	for i := range 600 { // small, but too many
		b := random(uint64(i), i)
		msgs = append(msgs, mailbox.Incoming{Body: bytes.NewReader(b), Size: int64(i)})
		bodies = append(bodies, b)
	}
	_, err = m.Append(t.Context(), msgs...)
	require.NoError(t, err)

	rng := rand.New(rand.NewPCG(1, 2))
	i := 0
	for msg, err := range m.Messages(t.Context(), mailbox.AllUIDs(), mailbox.WantContent|mailbox.WantSummary) {
		require.NoError(t, err)
		want := bodies[i]
		i++
		require.EqualValues(t, len(want), msg.Content.Size())
		require.EqualValues(t, len(want), msg.Size)
		require.NotNil(t, msg.Structure)
		var b bytes.Buffer
		n, err := msg.Content.(io.WriterTo).WriteTo(&b)
		require.NoError(t, err)
		require.EqualValues(t, len(want), n)
		require.True(t, bytes.Equal(want, b.Bytes()))
		for range 20 {
			p := make([]byte, rng.IntN(100_000))
			off := rng.Int64N(int64(len(want)) + 10)
			n, err := msg.Content.ReadAt(p, off)
			rest := want[min(off, int64(len(want))):]
			require.Equal(t, min(len(p), len(rest)), n)
			require.True(t, bytes.Equal(rest[:n], p[:n]))
			if len(p) > len(rest) {
				require.Equal(t, io.EOF, err)
			} else if err != nil {
				require.Equal(t, io.EOF, err)
				require.Equal(t, len(p), len(rest))
			}
		}
		_, err = msg.Content.ReadAt(make([]byte, 1), -1)
		require.Error(t, err)
	}
	require.Equal(t, len(bodies), i)
	free := s.budget.free.Load()
	require.EqualValues(t, 16<<20, free, "all buffers are given back")
}

// slow reads a few octets at a time.
type slow struct{ b []byte }

func (r *slow) Read(p []byte) (int, error) {
	if len(r.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), 1+len(r.b)/3)], r.b)
	r.b = r.b[n:]
	return n, nil
}

// A message far larger than the memory that may be used goes in and out, ten
// at once.
func TestLargeInLittleMemory(t *testing.T) {
	s := openStore(t, nil)
	m := inbox(t, s, "alice")
	const size = 8 << 20
	// Live memory is measured, since the amount of garbage depends on when the
	// collector runs, and on the tests before.
	live := func() uint64 {
		var ms runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&ms)
		return ms.HeapAlloc
	}
	var peak uint64
	before := live()
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			peak = max(peak, live())
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	errs := make(chan error)
	for range 10 {
		go func() {
			_, err := m.Append(context.Background(), mailbox.Incoming{Body: lines(size), Size: size})
			errs <- err
		}()
	}
	for range 10 {
		require.NoError(t, <-errs)
	}
	h := sha256.New()
	io.Copy(h, lines(size))
	want := h.Sum(nil)
	for range 2 {
		go func() {
			for msg, err := range m.Messages(context.Background(), mailbox.UIDRangeSet(1, 3), mailbox.WantContent) {
				if err == nil {
					h := sha256.New()
					_, err = msg.Content.(io.WriterTo).WriteTo(h)
					if !bytes.Equal(want, h.Sum(nil)) {
						err = errors.New("it has changed")
					}
				}
				if err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range 2 {
		require.NoError(t, <-errs)
	}
	close(stop)
	<-done
	t.Logf("heap of %d MiB at most, %d MiB before", peak>>20, before>>20)
	require.Less(t, peak, before+32<<20)
	fi, err := os.Stat(s.path + "-wal")
	require.NoError(t, err)
	t.Logf("log of %d MiB", fi.Size()>>20)
	require.Less(t, fi.Size(), s.tune.maxLog)
}

func TestContentAfterItsStep(t *testing.T) {
	s := openStore(t, nil)
	m := inbox(t, s, "alice")
	for range 2 {
		_, err := m.Append(t.Context(), mailbox.Incoming{Body: lines(1 << 20), Size: 1 << 20})
		require.NoError(t, err)
	}
	var kept mailbox.Content
	for msg, err := range m.Messages(t.Context(), mailbox.AllUIDs(), mailbox.WantContent) {
		require.NoError(t, err)
		if kept != nil {
			_, err := kept.ReadAt(make([]byte, 10), 0)
			require.ErrorContains(t, err, "after its step")
		}
		kept = msg.Content
	}
	require.Empty(t, s.pins.n)
}
