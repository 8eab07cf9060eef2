package textproto

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/textproto/internal/pool"
)

// holder returns a stage whose commands hold memory: "hold N" until stop is closed,
// "keep N" and "keep -N" for the session.
func holder(stop *chan struct{}) *stage {
	st := &stage{commands: map[string]func(context.Context, *Conn) error{}}
	st.other = func(ctx context.Context, c *Conn, name string) error {
		var verb string
		var n int
		fmt.Sscan(name, &verb, &n)
		if verb == "account" {
			return c.SetAccount(ctx, fmt.Sprint(n))
		}
		take := c.Hold
		if verb == "keep" {
			take = c.Keep
		}
		if err := take(ctx, n); err != nil {
			return err
		}
		st.note(name)
		if verb == "hold" {
			<-*stop
		}
		return nil
	}
	return st
}

// Memory is counted for as long as it is held: by a command until the next, by the
// session until it gives it back or ends.
func TestMemoryHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		close(stop)
		st := holder(&stop)
		st.commands["free"] = func(ctx context.Context, c *Conn) error {
			if err := c.Hold(ctx, 300_000); err != nil {
				return err
			}
			c.Free(200_000)
			st.note(fmt.Sprint(c.served.s.Stats().Bounds.MemoryHeld))
			return nil
		}
		b := &Bounds{Memory: -1, MemoryPerConn: 1 << 20}
		l := serve(t, &Server{Bounds: b}, st)
		c := l.dial("192.0.2.1:1")
		held := func() int64 { return b.Stats().MemoryHeld }
		run := func(command string) {
			do(c, command)
			mustLine(t, c, command+" done")
		}
		run("keep 10000")
		require.Zero(t, held(), "a little is free")
		run("keep 90000")
		require.EqualValues(t, 128<<10, held())
		run("hold 200000")
		require.EqualValues(t, 128<<10, held(), "the command is over")
		require.EqualValues(t, 320<<10, b.Stats().MemoryPeak)
		run("keep -60000")
		require.EqualValues(t, 64<<10, held())
		st.took()
		run("free")
		require.Equal(t, fmt.Sprint(192<<10), st.took())
		run("hold 1000000")
		require.Equal(t, "hold 1000000", st.took())
		run("hold 1010000")
		require.Equal(t, "hold 1010000: "+ErrTooMuchMemory.Error(), st.took(), "40,000 are kept")
		require.EqualValues(t, 64<<10, held())
		require.EqualValues(t, 1, b.Stats().MemoryRefused)
		c.Close()
		synctest.Wait()
		require.Zero(t, held())
		require.Empty(t, b.memory.byParty)
	})
}

// Commands that find no memory wait, by rounds of the accounts, and give up after a
// time. An account has no more than its share.
func TestMemoryWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const mega = 1 << 20
		stop := make(chan struct{})
		st := holder(&stop)
		b := &Bounds{Memory: 8 * mega, MemoryPerConn: -1, MemoryWait: time.Minute} // 4 a share
		s := &Server{Bounds: b}
		l := serve(t, s, st)
		var conns []*Conn
		dial := func(account int) *Conn {
			c := l.dial("192.0.2.1:1")
			login := fmt.Sprint("account ", account)
			do(c, login)
			mustLine(t, c, login+" done")
			conns = append(conns, c)
			return c
		}
		hold := func(account, n int) { do(dial(account), fmt.Sprint("hold ", n)) }
		st.took()
		hold(1, 3*mega)
		hold(1, 2*mega) // beyond the share: waits for the first
		hold(2, 3*mega)
		hold(3, 3*mega) // waits: there are 2
		hold(3, mega)   // and behind it
		require.Equal(t, "hold 3145728 hold 3145728", st.took())
		got := b.Stats()
		require.EqualValues(t, 3, got.WaitingForMemory)
		require.EqualValues(t, 3, got.MemoryWaits)
		require.EqualValues(t, 6*mega, got.MemoryHeld)

		hold(4, 5*mega) // more than a share: never
		require.Equal(t, "hold 5242880: "+ErrTooMuchMemory.Error(), st.took())
		close(stop)
		synctest.Wait()
		require.Len(t, strings.Split(st.took(), "hold"), 1+3) // all that waited
		require.Zero(t, b.Stats().WaitingForMemory)
		require.Zero(t, b.Stats().MemoryHeld)

		// The wait has an end, and the end of the connection ends it as well.
		stop = make(chan struct{})
		st.took()
		hold(5, 4*mega)
		hold(6, 3*mega)
		hold(7, 2*mega)
		require.Equal(t, "hold 4194304 hold 3145728", st.took())
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, "hold 2097152: "+ErrTooMuchMemory.Error(), st.took())
		require.EqualValues(t, 2, b.Stats().MemoryRefused)
		hold(8, 2*mega)
		require.EqualValues(t, 1, b.Stats().WaitingForMemory)
		s.Close()
		require.Equal(t, "hold 2097152: "+errClosedByServer.Error(), st.took())
		require.Zero(t, b.Stats().WaitingForMemory)
		close(stop)
		for _, c := range conns {
			c.Close()
		}
		synctest.Wait()
		got = b.Stats()
		require.Zero(t, got.MemoryHeld)
		require.Zero(t, got.MemoryBuffers)
		require.Empty(t, b.memory.byParty)
	})
}

// One who has much already is refused at once, so that those who wait for one another
// do not wait for ever.
func TestMemoryNoDeadlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const mega = 1 << 20
		stop := make(chan struct{})
		st := holder(&stop)
		b := &Bounds{Memory: 8 * mega, MemoryWait: -1}
		l := serve(t, &Server{Bounds: b}, st)
		one, two := l.dial("192.0.2.1:1"), l.dial("192.0.2.2:1")
		do(one, fmt.Sprint("keep ", 4*mega))
		do(two, fmt.Sprint("keep ", 4*mega))
		mustLine(t, one, "keep 4194304 done")
		mustLine(t, two, "keep 4194304 done")
		st.took()
		do(one, "hold 1000000")
		do(two, "hold 1000000")
		require.Equal(t, strings.Repeat("hold 1000000: "+ErrTooMuchMemory.Error()+" ", 2), st.took()+" ")
		one.Close()
		two.Close()
	})
}

// Large buffers are counted, and take no more than half of the memory: beyond that
// connections have small ones. Commands get what the buffers leave.
func TestMemoryOfBuffers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		st := holder(&stop)
		st.commands["output"] = func(ctx context.Context, c *Conn) error {
			c.Write(make([]byte, 10_000))
			c.WriteString(strings.Repeat("x", 100_000))
			return nil
		}
		b := &Bounds{Memory: 512 << 10, MemoryWait: time.Minute}
		l := serve(t, &Server{Bounds: b}, st)
		var slow []*Conn
		for range 6 {
			c := l.dial("192.0.2.1:1")
			do(c, "output")
			slow = append(slow, c)
		}
		require.EqualValues(t, 256<<10, b.Stats().MemoryBuffers)
		one, two := l.dial("192.0.2.2:1"), l.dial("192.0.2.3:1")
		do(one, "hold 250000")
		require.Equal(t, "hold 250000", st.took())
		do(two, "hold 120000")
		require.EqualValues(t, 1, b.Stats().WaitingForMemory)
		for _, c := range slow { // the one that waits gets what has become free
			r := c.CountedReader(110_000)
			require.NoError(t, r.Drain(110_000))
			mustLine(t, c, "output done")
		}
		synctest.Wait()
		require.Equal(t, "hold 120000", st.took())
		close(stop)
		mustLine(t, one, "hold 250000 done")
		mustLine(t, two, "hold 120000 done")
		for _, c := range append(slow, one, two) {
			c.Close()
		}
		synctest.Wait()
		require.Zero(t, b.Stats().MemoryBuffers)
		require.Zero(t, b.Stats().MemoryHeld)
	})
}

// Without large buffers all is as with them: long lines, bodies, and responses.
func TestSmallBuffers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &stage{}
		long := strings.Repeat("0123456789", 1000)
		st.commands = map[string]func(context.Context, *Conn) error{
			"lines": func(ctx context.Context, c *Conn) error {
				for range 20 {
					line, err := c.ReadLine()
					if err != nil {
						return err
					}
					c.Write(append(append(c.AvailableBuffer(), line...), "\r\n"...))
					c.WriteLineBytes(line)
				}
				return nil
			},
			"body": func(ctx context.Context, c *Conn) error {
				var b strings.Builder
				if _, err := c.DotReader(Strict).WriteTo(&b); err != nil {
					return err
				}
				w := c.DotWriter()
				if _, err := w.ReadFrom(strings.NewReader(b.String())); err != nil {
					return err
				}
				return w.Close()
			},
		}
		b := &Bounds{Memory: pool.Large} // half of it is less than one
		l := serve(t, &Server{Bounds: b, MaxLine: 1 << 20}, st)
		c := l.dial("192.0.2.1:1")
		c.SetMaxLine(1 << 20)
		go func() {
			c.WriteLine("lines")
			for range 20 {
				c.WriteLine(long)
			}
			c.WriteLine("body")
			w := c.DotWriter()
			w.Write([]byte(strings.Repeat(long+"\r\n.\r\n", 20)))
			w.Close()
			c.Flush()
		}()
		for range 40 {
			mustLine(t, c, long)
		}
		mustLine(t, c, "lines done")
		var got strings.Builder
		_, err := c.DotReader(Strict).WriteTo(&got)
		require.NoError(t, err)
		require.Equal(t, strings.Repeat(long+"\r\n.\r\n", 20), got.String())
		mustLine(t, c, "body done")
		require.Zero(t, b.Stats().MemoryBuffers)
		require.Empty(t, st.took())
		c.Close()
	})
}
