package textproto

import (
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
)

// samples are texts that compress well, badly, and not at all.
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
	}
}

func TestCompress(t *testing.T) {
	testutil.NoLeaks(t)
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
				require.True(t, c.zw.Resting())
			} else {
				go func() { time.Sleep(time.Second); c.Wake() }()
				require.Equal(t, ErrWoken, c.Wait())
				require.False(t, c.zw.Resting())
			}
			go func() { time.Sleep(3 * time.Second); c.Wake() }()
			require.Equal(t, ErrWoken, c.Wait())
			require.True(t, c.zw.Resting())
		}
		c.Close()
	})
}
