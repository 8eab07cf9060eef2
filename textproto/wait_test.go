package textproto

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
)

// pipe returns a Conn and the peer's end of it.
func pipe(t *testing.T, o *Options) (*Conn, net.Conn) {
	x, y := net.Pipe()
	t.Cleanup(func() { x.Close(); y.Close() })
	return NewConn(x, o), y
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, peer := pipe(t, nil)
		// Input.
		go io.WriteString(peer, "NOOP\r\nNEXT\r\n")
		require.NoError(t, c.Wait())
		line, err := c.ReadLine()
		require.NoError(t, err)
		require.Equal(t, "NOOP", string(line))
		require.NoError(t, c.Wait())
		require.Equal(t, 6, c.Buffered())

		// A wake-up comes before buffered input, and counts once.
		c.Wake()
		c.Wake()
		require.Equal(t, ErrWoken, c.Wait())
		require.NoError(t, c.Wait())
		_, err = c.ReadLine()
		require.NoError(t, err)

		// A wake-up while waiting, and one before.
		go func() { time.Sleep(time.Hour); c.Wake() }()
		start := time.Now()
		require.Equal(t, ErrWoken, c.Wait())
		require.Equal(t, time.Hour, time.Since(start))
		c.Wake()
		require.Equal(t, ErrWoken, c.Wait())

		// After a wake-up everything goes on.
		go io.WriteString(peer, "x\r\n")
		require.NoError(t, c.Wait())
		_, err = c.ReadLine()
		require.NoError(t, err)

		// Shutdown: buffered input first, then for ever.
		go io.WriteString(peer, "LAST\r\n")
		require.NoError(t, c.Wait())
		c.t.wake(true)
		require.NoError(t, c.Wait())
		_, err = c.ReadLine()
		require.NoError(t, err)
		require.Equal(t, ErrServerClosed, c.Wait())
		require.Equal(t, ErrServerClosed, c.Wait())
		c.Wake()
		require.Equal(t, ErrWoken, c.Wait())

		// A command that runs during Shutdown still reads its body.
		go func() { time.Sleep(time.Minute); io.WriteString(peer, "body\r\n") }()
		line, err = c.ReadLine()
		require.NoError(t, err)
		require.Equal(t, "body", string(line))

		c, peer = pipe(t, nil)
		peer.Close()
		require.Equal(t, io.EOF, c.Wait())
	})
}

func TestTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, peer := pipe(t, &Options{ReadTimeout: time.Minute, IdleTimeout: time.Hour, WriteTimeout: time.Second})
		took := func(d time.Duration, f func() error) {
			t.Helper()
			start := time.Now()
			err := f()
			var ne net.Error
			require.ErrorAs(t, err, &ne)
			require.True(t, ne.Timeout())
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.Equal(t, d, time.Since(start))
		}
		readLine := func() error { _, err := c.ReadLine(); return err }
		took(time.Hour, c.Wait)
		took(time.Minute, readLine)
		c.SetIdleTimeout(0)
		took(time.Minute, c.Wait)

		// Progress renews the limit, and nothing is lost by it.
		go func() {
			for _, s := range []string{"a", "b", "c\r\n"} {
				time.Sleep(50 * time.Second)
				io.WriteString(peer, s)
			}
			time.Sleep(50 * time.Second)
			io.WriteString(peer, "d")
			time.Sleep(70 * time.Second)
			io.WriteString(peer, "e\r\n")
		}()
		line, err := c.ReadLine()
		require.NoError(t, err)
		require.Equal(t, "abc", string(line))
		took(110*time.Second, readLine)
		line, err = c.ReadLine()
		require.NoError(t, err)
		require.Equal(t, "de", string(line))

		// Writes: what was sent is not known, so that is the end of it.
		c.WriteLine("x")
		took(time.Second, c.Flush)
		require.Error(t, c.Flush())
		require.Error(t, c.WriteLine("y"))
	})
}

func TestBind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, peer := pipe(t, &Options{ReadTimeout: time.Hour})
		reason := errors.New("asked to stop")
		outer, cancelOuter := context.WithCancelCause(t.Context())
		inner, cancelInner := context.WithCancelCause(outer)
		releaseOuter := c.Bind(outer)
		releaseInner := c.Bind(inner)

		// Cancelled under way, in a read and in a Wait.
		go func() { time.Sleep(time.Second); cancelInner(reason) }()
		_, err := c.ReadLine()
		require.ErrorIs(t, err, reason)
		require.ErrorIs(t, err, context.Canceled)
		require.EqualError(t, err, "textproto: read: asked to stop")
		require.ErrorIs(t, c.Wait(), reason)

		// Released, the connection works again.
		releaseInner()
		go io.WriteString(peer, "x\r\n")
		line, err := c.ReadLine()
		require.NoError(t, err)
		require.Equal(t, "x", string(line))

		// A timeout of the context shows as its cause.
		timed, cancel := context.WithTimeout(outer, time.Minute)
		defer cancel()
		release := c.Bind(timed)
		_, err = c.ReadLine()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		release()

		// The same context twice, released in any order.
		one, two := c.Bind(outer), c.Bind(context.WithValue(outer, ctxKey{}, 1))
		one()
		go func() { time.Sleep(time.Second); cancelOuter(reason) }()
		require.ErrorIs(t, c.Wait(), reason)
		two()
		require.ErrorIs(t, c.Wait(), reason)
		releaseOuter()
		require.Nil(t, c.t.binds)

		// Writes.
		ctx, cancel := context.WithCancel(t.Context())
		defer c.Bind(ctx)()
		go func() { time.Sleep(time.Second); cancel() }()
		c.WriteLine("x")
		require.ErrorIs(t, c.Flush(), context.Canceled)
		require.ErrorIs(t, c.WriteLine("x"), context.Canceled)
	})
}

type ctxKey struct{}

func TestBindAllocs(t *testing.T) {
	c, _ := wire()
	require.Zero(t, testing.AllocsPerRun(100, func() { c.Bind(context.Background())() }))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	defer c.Bind(ctx)()
	require.Zero(t, testing.AllocsPerRun(100, func() { c.Bind(ctx)() }))
}

// Wake-ups at any moment lose no input and break no layer.
func TestWakeRace(t *testing.T) {
	testutil.NoLeaks(t)
	server, client := testutil.TLS(t, "mail.example.org")
	for _, layer := range []string{"plain", "tls", "deflate", "tls+deflate"} {
		t.Run(layer, func(t *testing.T) {
			a, b := tcpConns(t, nil)
			upgrade(t, a, b, layer, server, client)
			const lines = 2000
			stop := make(chan struct{})
			var wg sync.WaitGroup
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						b.Wake()
						time.Sleep(10 * time.Microsecond)
					}
				}
			})
			wg.Go(func() {
				for i := range lines {
					a.WriteString("line")
					if i%7 == 0 {
						a.Flush() // in the middle of a line
					}
					a.WriteString("\r\n")
					a.Flush()
				}
			})
			woken := 0
			for n := 0; n < lines; {
				err := b.Wait()
				if err == ErrWoken {
					woken++
					continue
				}
				require.NoError(t, err)
				line, err := b.ReadLine()
				require.NoError(t, err)
				require.Equal(t, "line", string(line))
				n++
			}
			close(stop)
			wg.Wait()
			t.Logf("%d wake-ups in %d lines", woken, lines)
		})
	}
}

// upgrade adds TLS and compression to both ends.
func upgrade(t *testing.T, a, b *Conn, layer string, server, client tlsConfig) {
	t.Helper()
	if layer == "tls" || layer == "tls+deflate" {
		done := make(chan error, 1)
		go func() { done <- b.StartTLSServer(t.Context(), server) }()
		require.NoError(t, a.StartTLSClient(t.Context(), client))
		require.NoError(t, <-done)
	}
	if layer == "deflate" || layer == "tls+deflate" {
		require.NoError(t, a.Compress(-1))
		require.NoError(t, b.Compress(-1))
	}
}

// A reply is not held back while the peer waits for it, be it in the middle of
// the next command.
func TestAutoFlush(t *testing.T) {
	for _, packed := range []bool{false, true} {
		t.Run(fmt.Sprint("packed ", packed), func(t *testing.T) {
			c, peer := tcpConns(t, nil)
			if packed {
				require.NoError(t, c.Compress(-1))
				require.NoError(t, peer.Compress(-1))
			}
			c.SetAutoFlush(true)
			go func() {
				for range 3 {
					c.WriteLine("reply")
					c.WriteString("big")
					if packed {
						c.flushBuffer() // into the compressor
					}
					c.WriteLine("ger")
					c.Wait()
					c.ReadLine()
				}
				c.WriteLine("end")
				io.ReadAll(c.DotReader(Strict))
			}()
			for range 3 {
				mustLine(t, peer, "reply")
				mustLine(t, peer, "bigger")
				peer.WriteString("comm")
				peer.Flush()
				peer.WriteString("and\r\n")
				peer.Flush()
			}
			mustLine(t, peer, "end")
			peer.WriteString(".\r\n")
			peer.Flush()
		})
	}
}

// Contexts that end at any moment interrupt reads, lose no input and break no
// layer.
func TestBindRace(t *testing.T) {
	testutil.NoLeaks(t)
	server, client := testutil.TLS(t, "mail.example.org")
	for _, layer := range []string{"plain", "tls", "deflate", "tls+deflate"} {
		t.Run(layer, func(t *testing.T) {
			a, b := tcpConns(t, nil)
			upgrade(t, a, b, layer, server, client)
			const lines = 500
			go func() {
				for i := range lines {
					fmt.Fprintf(a, "line %d\r\n", i)
					if i%3 == 0 {
						a.WriteString("begun")
						a.Flush()
						a.WriteString("ended\r\n")
					}
					a.Flush()
					time.Sleep(50 * time.Microsecond)
				}
			}()
			interrupted := 0
			for n := 0; n < lines; {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n%5)*10*time.Microsecond)
				release := b.Bind(ctx)
				if n%2 == 0 {
					b.Wait()
				}
				line, err := b.ReadLine()
				release()
				cancel()
				if errors.Is(err, context.DeadlineExceeded) {
					interrupted++
					if n%5 == 0 { // ended before it began
						b.Wait()
						line, err = b.ReadLine()
					} else {
						continue
					}
				}
				require.NoError(t, err)
				if string(line) != "begunended" {
					require.Equal(t, fmt.Sprint("line ", n), string(line))
					n++
				}
			}
			t.Logf("%d interruptions in %d lines", interrupted, lines)
		})
	}
}
