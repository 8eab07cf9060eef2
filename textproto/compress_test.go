package textproto

import (
	"bytes"
	"compress/flate"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func deflate(t testing.TB, level int, data ...string) string {
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
	z := newInflater(&stutter{pieces: pieces(s, n)})
	var out []byte
	buf := make([]byte, 1000)
	for {
		m, err := z.Read(buf)
		out = append(out, buf[:m]...)
		if err == io.EOF {
			return string(out), nil
		}
		if err != nil && !isTimeout(err) {
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
		return 0, &TimeoutError{}
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
	plain, _ := mailBody(200_000)
	return []string{
		"", "a", "a1 NOOP\r\n", strings.Repeat("a", 300), strings.Repeat("abc", 50_000), string(noise), string(plain),
		string(noise[:40_000]) + string(noise[8_000:40_000]) + "x" + string(noise[:32_768]),
		strings.Repeat(string(noise[:32_767])+"y", 4),
	}
}

func TestInflate(t *testing.T) {
	for i, s := range samples() {
		for _, level := range []int{flate.HuffmanOnly, 0, 1, 6, 9} {
			z := deflate(t, level, s[:len(s)/3], s[len(s)/3:])
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
	z := newInflater(nil)
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
	bomb := deflate(t, 9, strings.Repeat("\x00", 4<<20))
	z := newInflater(strings.NewReader(bomb))
	n, err := io.Copy(io.Discard, z)
	require.NoError(t, err)
	require.EqualValues(t, 4<<20, n)
	z = newInflater(strings.NewReader(bomb))
	z.nout = CompressAllowance - 1<<20
	z.nin = z.nout / MaxCompressRatio // as if that much had come before
	n, err = io.Copy(io.Discard, z)
	require.Equal(t, ErrExpansion, err)
	require.Greater(t, n, int64(1<<20))
	require.Less(t, n, int64(3<<20))
	require.LessOrEqual(t, len(z.win), 2*windowSize)
}

func TestCompress(t *testing.T) {
	noLeaks(t)
	a, b := tcpConns(t, nil)
	// The server's first compressed reply may come right behind its OK.
	b.WriteLine("a OK")
	require.Equal(t, error(nil), b.Compress(6))
	b.WriteLine("* packed")
	require.NoError(t, b.Flush())
	require.NoError(t, a.Wait())
	for a.Buffered() < 10 {
		require.NoError(t, a.fill())
	}
	line, err := a.ReadLine()
	require.NoError(t, err)
	require.Equal(t, "a OK", string(line))
	require.NoError(t, a.Compress(6))
	line, err = a.ReadLine()
	require.NoError(t, err)
	require.Equal(t, "* packed", string(line))
	require.Equal(t, ErrCompressActive, a.Compress(6))
	require.Equal(t, ErrCompressActive, a.StartTLSClient(t.Context(), nil))

	for _, s := range samples() {
		done := make(chan error, 1)
		go func() {
			d := a.CountedWriter(int64(len(s)))
			_, err := io.WriteString(d, s)
			done <- errors.Join(err, d.Close(), a.Flush())
		}()
		got, err := io.ReadAll(b.CountedReader(int64(len(s))))
		require.NoError(t, err)
		require.True(t, s == string(got))
		require.NoError(t, <-done)
	}
	in, _ := b.Octets()
	require.Less(t, in, int64(600_000))
}

// An idle compressed connection gives up its compressor, and goes on with
// another.
func TestCompressIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, peer := pipe(t, &Options{IdleTimeout: time.Hour})
		p := NewConn(peer, nil)
		require.NoError(t, c.Compress(-1))
		require.NoError(t, p.Compress(-1))
		lines := make(chan string, 100)
		go func() {
			for {
				line, err := p.ReadLine()
				if err != nil {
					return
				}
				lines <- string(line)
			}
		}()
		for i := range 3 {
			go func() {
				for range 50 {
					c.WriteLine("* 17 EXISTS, 17 RECENT, " + strings.Repeat("x", i))
				}
				c.Flush()
			}()
			for range 50 {
				require.Equal(t, "* 17 EXISTS, 17 RECENT, "+strings.Repeat("x", i), <-lines)
			}
			synctest.Wait()
			if i == 1 {
				start := time.Now()
				err := c.Wait()
				require.True(t, isTimeout(err))
				require.Equal(t, time.Hour, time.Since(start))
				require.True(t, c.zw.resting())
			} else {
				go func() { time.Sleep(time.Second); c.Wake() }()
				require.Equal(t, ErrWoken, c.Wait())
				require.False(t, c.zw.resting())
			}
			go func() { time.Sleep(3 * time.Second); c.Wake() }()
			require.Equal(t, ErrWoken, c.Wait())
			require.True(t, c.zw.resting())
		}
		c.Close()
	})
}

func FuzzInflate(f *testing.F) {
	for i, s := range samples() {
		if len(s) < 1000 {
			f.Add([]byte(deflate(f, i%10, s)), i)
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
	plain, _ := mailBody(1 << 20)
	z := deflate(b, -1, string(plain))
	b.Run("posthorn", func(b *testing.B) {
		b.SetBytes(int64(len(plain)))
		for b.Loop() {
			io.Copy(io.Discard, newInflater(strings.NewReader(z)))
		}
	})
	b.Run("compress-flate", func(b *testing.B) {
		b.SetBytes(int64(len(plain)))
		for b.Loop() {
			io.Copy(io.Discard, flate.NewReader(strings.NewReader(z)))
		}
	})
}
