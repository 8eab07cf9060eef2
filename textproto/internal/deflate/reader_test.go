package deflate

import (
	"bytes"
	"compress/flate"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	maxRatio  = 200
	allowance = 16 << 20
)

func newReader(src io.Reader) *Reader {
	return NewReader(src, Options{
		Transient: func(err error) bool { return err == os.ErrDeadlineExceeded }, MaxRatio: maxRatio, Allowance: allowance,
	})
}

// text returns n octets that compress as messages do.
func text(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "Line %d of the message, with words that come again and %x.\r\n", i, i*i*2654435761)
	}
	return b.String()[:n]
}

// pieces cuts s into pieces of n octets.
func pieces(s string, n int) (ps []string) {
	for len(s) > n {
		ps = append(ps, s[:n])
		s = s[n:]
	}
	return append(ps, s)
}

func compress(t testing.TB, level int, data ...string) string {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, level)
	require.NoError(t, err)
	for _, s := range data {
		io.WriteString(w, s)
		w.Flush()
	}
	w.Close()
	return b.String()
}

// inflatePieces decodes s as it comes in pieces of n octets, with a timeout
// before each.
func inflatePieces(s string, n int) (string, error) {
	z := newReader(&stutter{pieces: pieces(s, n)})
	var out []byte
	buf := make([]byte, 1000)
	for {
		m, err := z.Read(buf)
		out = append(out, buf[:m]...)
		if err == io.EOF {
			return string(out), nil
		}
		if err != nil && err != os.ErrDeadlineExceeded {
			return string(out), err
		}
	}
}

// stutter yields a timeout before each piece.
type stutter struct {
	pieces []string
	ready  bool
}

func (s *stutter) Read(p []byte) (int, error) {
	if s.ready = !s.ready; s.ready {
		return 0, os.ErrDeadlineExceeded
	}
	for len(s.pieces) > 0 && s.pieces[0] == "" {
		s.pieces = s.pieces[1:]
	}
	if len(s.pieces) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.pieces[0])
	s.pieces[0] = s.pieces[0][n:]
	return n, nil
}

// samples are texts that make all kinds of blocks and distances.
func samples() []string {
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 100_000)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	plain := text(200_000)
	return []string{
		"", "a", "a1 NOOP\r\n", strings.Repeat("a", 300), strings.Repeat("abc", 50_000), string(noise), plain,
		string(noise[:40_000]) + string(noise[8_000:40_000]) + "x" + string(noise[:32_768]),
		strings.Repeat(string(noise[:32_767])+"y", 4),
	}
}

func TestInflate(t *testing.T) {
	for i, s := range samples() {
		for _, level := range []int{flate.HuffmanOnly, 0, 1, 6, 9} {
			z := compress(t, level, s[:len(s)/3], s[len(s)/3:])
			for _, n := range []int{1 << 20, 4096, 63, 1} {
				if n == 1 && len(z) > 20_000 {
					continue
				}
				out, err := inflatePieces(z, n)
				require.NoError(t, err)
				require.True(t, s == out, "sample %d level %d in pieces of %d", i, level, n)
			}
		}
	}
}

// A peer may flush partially, which leaves the stream between two octets
// (RFC 4978 §3; zlib's Z_PARTIAL_FLUSH).
func TestInflatePartialFlush(t *testing.T) {
	z := newReader(nil)
	for i, h := range []string{"4a3454f0f3f70fe0e50208", "a04423280320"} {
		b, err := hex.DecodeString(h)
		require.NoError(t, err)
		z.src = io.MultiReader(bytes.NewReader(b), &stutter{})
		want := []string{"a1 NOOP\r\n", "a2 NOOP\r\n"}[i]
		got := make([]byte, len(want))
		_, err = io.ReadFull(z, got)
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
}

func TestInflateBomb(t *testing.T) {
	bomb := compress(t, 9, strings.Repeat("\x00", 4<<20))
	z := newReader(strings.NewReader(bomb))
	n, err := io.Copy(io.Discard, z)
	require.NoError(t, err)
	require.EqualValues(t, 4<<20, n)
	z = newReader(strings.NewReader(bomb))
	z.nout = allowance - 1<<20
	z.nin = z.nout / maxRatio // as if that much had come before
	n, err = io.Copy(io.Discard, z)
	require.Equal(t, ErrExpansion, err)
	require.Greater(t, n, int64(1<<20))
	require.Less(t, n, int64(3<<20))
	require.LessOrEqual(t, len(z.win), 2*windowSize)
}

func FuzzInflate(f *testing.F) {
	for i, s := range samples() {
		if len(s) < 1000 {
			f.Add([]byte(compress(f, i%10, s)), i)
		}
	}
	f.Fuzz(func(t *testing.T, z []byte, n int) {
		want, wantErr := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(z)), 1<<20))
		got, err := inflatePieces(string(z), 1+n&0xff)
		got = got[:min(len(got), 1<<20)]
		if wantErr == nil {
			require.NoError(t, err)
			require.True(t, string(want) == got)
			return
		}
		if !errors.Is(wantErr, io.ErrUnexpectedEOF) {
			require.Error(t, err)
		}
		require.True(t, strings.HasPrefix(string(want), got) || strings.HasPrefix(got, string(want)))
	})
}

func BenchmarkInflate(b *testing.B) {
	plain := text(1 << 20)
	z := compress(b, -1, plain)
	b.Run("posthorn", func(b *testing.B) {
		b.SetBytes(int64(len(plain)))
		for b.Loop() {
			io.Copy(io.Discard, newReader(strings.NewReader(z)))
		}
	})
	b.Run("compress-flate", func(b *testing.B) {
		b.SetBytes(int64(len(plain)))
		for b.Loop() {
			io.Copy(io.Discard, flate.NewReader(strings.NewReader(z)))
		}
	})
}
