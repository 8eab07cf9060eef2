package textproto

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A stage is a Handler whose commands are functions of the test, by the name of the
// command, or those of other. It notes what they say, in order.
type stage struct {
	commands map[string]func(ctx context.Context, c *Conn) error
	other    func(ctx context.Context, c *Conn, name string) error

	mu    sync.Mutex
	noted []string
}

func (st *stage) note(what string) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.noted = append(st.noted, what)
}

// took returns what was noted since the last call.
func (st *stage) took() string {
	st.mu.Lock()
	defer st.mu.Unlock()
	all := strings.Join(st.noted, " ")
	st.noted = nil
	return all
}

func (st *stage) ServeConn(ctx context.Context, c *Conn) {
	c.SetAutoFlush(true)
	for c.Wait() == nil {
		line, err := c.ReadLine()
		if err != nil || c.Spend(ctx, CommandRate, 1) != nil {
			return
		}
		name := string(line)
		if run := st.commands[name]; run != nil {
			err = run(ctx, c)
		} else {
			err = st.other(ctx, c, name)
		}
		if err != nil {
			st.note(name + ": " + err.Error())
		}
		c.WriteLine(name + " done")
	}
}

func (*stage) Refuse(*Conn, error) {}

// do sends commands of one connection, and waits until nothing moves.
func do(c *Conn, commands ...string) {
	for _, name := range commands {
		c.WriteLine(name)
	}
	c.Flush()
	synctest.Wait()
}

// heavy does n slices of work, and says each time that it has a turn.
func (st *stage) heavy(name string, n int) func(context.Context, *Conn) error {
	return func(ctx context.Context, c *Conn) error {
		if err := c.Work(ctx, 9); err != nil {
			return err
		}
		for range n {
			if err := c.Work(ctx, 10); err != nil {
				return err
			}
			st.note(name)
		}
		return nil
	}
}

// Commands of more than a slice take turns, by network here; others do not wait. Two
// Servers with the same Bounds have the same turns.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		st := &stage{}
		st.commands = map[string]func(context.Context, *Conn) error{
			"hold": func(ctx context.Context, c *Conn) error {
				if err := c.Work(ctx, 11); err != nil {
					return err
				}
				<-hold
				st.note("held")
				return nil
			},
			"light": func(ctx context.Context, c *Conn) error { st.note("light"); return c.Work(ctx, 9) },
			"a1":    st.heavy("a1", 3), "a2": st.heavy("a2", 3), "b": st.heavy("b", 2),
			"fail": func(ctx context.Context, c *Conn) error { return c.Work(ctx, 1001) },
		}
		b := &Bounds{Slice: 10, Turns: 1}
		s, other := &Server{Bounds: b, MaxWork: 1000}, &Server{Bounds: b}
		l, l2 := serve(t, s, st), serve(t, other, st)
		holder, a1, a2, b1, light := l.dial("192.0.2.9:1"), l.dial("192.0.2.1:1"), l.dial("192.0.2.1:2"), l2.dial("192.0.2.2:1"), l2.dial("192.0.2.1:3")
		do(holder, "hold")
		do(a1, "a1")
		do(a2, "a2")
		do(b1, "b")
		do(light, "light")
		mustLine(t, light, "light done")
		require.Equal(t, "light", st.took())
		got := s.Stats()
		require.Equal(t, BoundsStats{Turns: 1, WaitingForTurn: 3, TurnWaits: 3}, got.Bounds)
		close(hold)
		synctest.Wait()
		require.Equal(t, "held a1 b a2 b a1 a2 a1 a2", st.took())

		mustLine(t, a1, "a1 done")
		do(a1, "a1", "fail")
		mustLine(t, a1, "a1 done")
		mustLine(t, a1, "fail done")
		require.Equal(t, "a1 a1 a1 fail: "+ErrTooMuchWork.Error(), st.took())
		require.EqualValues(t, 1, s.Stats().TooMuchWork)
		require.Zero(t, b.Stats().Turns)
		for _, c := range []*Conn{holder, a1, a2, b1, light} {
			c.Close()
		}
	})
}

// A command that waits for its client has no turn meanwhile, and one whose client has
// gone leaves the queue.
func TestTurnsAndClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &stage{}
		st.commands = map[string]func(context.Context, *Conn) error{
			"output": func(ctx context.Context, c *Conn) error {
				if err := c.Work(ctx, 11); err != nil {
					return err
				}
				c.Write(make([]byte, 100_000))
				st.note("output")
				return c.Work(ctx, 1) // and a turn again
			},
			"input": func(ctx context.Context, c *Conn) error {
				if err := c.Work(ctx, 11); err != nil {
					return err
				}
				_, err := c.ReadLine()
				st.note("input")
				return err
			},
			"heavy": st.heavy("heavy", 1),
			"stop": func(ctx context.Context, c *Conn) error {
				if err := c.Work(ctx, 11); err != nil {
					return err
				}
				time.Sleep(time.Hour)
				return nil
			},
		}
		b := &Bounds{Slice: 10, Turns: 1}
		s := &Server{Bounds: b}
		l := serve(t, s, st)
		slow, a := l.dial("192.0.2.1:1"), l.dial("192.0.2.2:1")
		do(slow, "output")
		require.EqualValues(t, 1, b.Stats().Turns)
		time.Sleep(turnGrace)
		synctest.Wait()
		require.Zero(t, b.Stats().Turns)
		do(a, "heavy")
		require.Equal(t, "heavy", st.took())
		mustLine(t, a, "heavy done")
		slow.CountedReader(100_000).Drain(100_000)
		mustLine(t, slow, "output done")
		require.Equal(t, "output", st.took())

		do(slow, "input")
		time.Sleep(turnGrace)
		do(a, "heavy")
		require.Equal(t, "heavy", st.took())
		mustLine(t, a, "heavy done")
		do(slow, "")
		mustLine(t, slow, "input done")
		require.Equal(t, "input", st.took())

		do(a, "stop")
		do(slow, "heavy")
		require.EqualValues(t, 1, b.Stats().WaitingForTurn)
		s.Close()
		require.Equal(t, "heavy: "+errClosedByServer.Error(), strings.SplitN(st.took(), " stop", 2)[0])
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Zero(t, b.Stats().Turns)
	})
}
