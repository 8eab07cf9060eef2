package imapclient_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
)

type stats = imapclient.PoolStats

// inPool runs a test with a Pool and a fake server in fake time.
func inPool(t *testing.T, run func(t *testing.T, f *fake, p *imapclient.Pool)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		p := &imapclient.Pool{Dial: f.dial}
		t.Cleanup(func() { p.Close() })
		run(t, f, p)
		require.NoError(t, p.Shutdown(t.Context()))
		require.Equal(t, stats{}, p.Stats())
		synctest.Wait()
		require.Zero(t, f.open())
		require.ErrorIs(t, p.Select(t.Context(), "INBOX", nil, nil), imapclient.ErrPoolClosed)
		require.NoError(t, p.Close())
	})
}

func nothing(*imapclient.Mailbox) error { return nil }

// hold selects a mailbox and keeps the connection until release is called.
func hold(t *testing.T, p *imapclient.Pool, name string, o *imapclient.SelectOptions) (m *imapclient.Mailbox, release func()) {
	t.Helper()
	got, free, done := make(chan *imapclient.Mailbox, 1), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- p.Select(context.Background(), name, o, func(m *imapclient.Mailbox) error {
			got <- m
			<-free
			return nil
		})
	}()
	synctest.Wait()
	select {
	case m = <-got:
	default:
		t.Fatal("no connection for " + name)
	}
	return m, func() {
		close(free)
		require.NoError(t, <-done)
	}
}

// Which connection is used: one that has the mailbox selected, an idle one, a new
// one, one that others use for the same mailbox.
func TestPoolChoice(t *testing.T) {
	inPool(t, func(t *testing.T, f *fake, p *imapclient.Pool) {
		p.MaxOpen = 2
		ctx := t.Context()
		require.NoError(t, p.Select(ctx, "INBOX", nil, nothing))
		require.NoError(t, p.Select(ctx, "inbox", nil, nothing))
		require.Equal(t, "1 SELECT INBOX", f.commands())
		require.NoError(t, p.Select(ctx, "INBOX", &imapclient.SelectOptions{ReadOnly: true}, nothing))
		require.NoError(t, p.Select(ctx, "Work", nil, nothing))
		require.Equal(t, "1 EXAMINE INBOX, 1 SELECT Work", f.commands())
		require.Equal(t, stats{Open: 1, Idle: 1}, p.Stats())

		work, freeWork := hold(t, p, "Work", nil)
		inbox, freeInbox := hold(t, p, "INBOX", nil)
		require.NotSame(t, work.Client(), inbox.Client())
		require.Equal(t, "2 SELECT INBOX", f.commands())
		require.Equal(t, stats{Open: 2}, p.Stats())
		same, freeSame := hold(t, p, "INBOX", nil)
		require.Same(t, inbox, same)
		freeInbox()
		require.Equal(t, stats{Open: 2}, p.Stats())

		// Another way of selecting it is another mailbox.
		examined := make(chan error)
		go func() {
			examined <- p.Select(ctx, "INBOX", &imapclient.SelectOptions{ReadOnly: true}, nothing)
		}()
		synctest.Wait()
		require.Equal(t, stats{Open: 2, Waiting: 1}, p.Stats())
		require.Empty(t, f.commands())
		freeSame()
		require.NoError(t, <-examined)
		require.Equal(t, "2 EXAMINE INBOX", f.commands())
		freeWork()
		require.Equal(t, stats{Open: 2, Idle: 2}, p.Stats())

		// Each finds its own.
		require.NoError(t, p.Select(ctx, "Work", nil, nothing))
		require.NoError(t, p.Select(ctx, "INBOX", &imapclient.SelectOptions{ReadOnly: true}, nothing))
		require.Empty(t, f.commands())
	})
}

// Client has its connection alone, and may leave another mailbox selected.
func TestPoolClient(t *testing.T) {
	inPool(t, func(t *testing.T, f *fake, p *imapclient.Pool) {
		p.MaxOpen = 1
		ctx := t.Context()
		var stale *imapclient.Mailbox
		require.NoError(t, p.Select(ctx, "INBOX", nil, func(m *imapclient.Mailbox) error { stale = m; return nil }))
		require.NoError(t, p.Client(ctx, func(c *imapclient.Client) error {
			require.Equal(t, stats{Open: 1}, p.Stats())
			again := make(chan error, 2)
			for range 2 {
				go func() { again <- p.Client(ctx, func(*imapclient.Client) error { return nil }) }()
			}
			synctest.Wait()
			require.Equal(t, stats{Open: 1, Waiting: 2}, p.Stats())
			_, err := c.Select(ctx, "Other", nil)
			return err
		}))
		require.NoError(t, p.Select(ctx, "INBOX", nil, func(m *imapclient.Mailbox) error {
			require.NotSame(t, stale, m)
			require.ErrorIs(t, stale.AddFlags(ctx, imapclient.UIDs(1), mailbox.FlagSeen), imapclient.ErrNotSelected)
			return nil
		}))
		require.Equal(t, "1 SELECT INBOX, 1 SELECT Other, 1 SELECT INBOX", f.commands())
	})
}

// Callers that come at once share what can be shared.
func TestPoolCrowd(t *testing.T) {
	inPool(t, func(t *testing.T, f *fake, p *imapclient.Pool) {
		var wg sync.WaitGroup
		var mu sync.Mutex
		users := map[*imapclient.Client]int{}
		for range 50 {
			wg.Go(func() {
				require.NoError(t, p.Select(t.Context(), "INBOX", nil, func(m *imapclient.Mailbox) error {
					mu.Lock()
					users[m.Client()]++
					mu.Unlock()
					n := 0
					for _, err := range m.Fetch(t.Context(), imapclient.All(), imapclient.Flags) {
						require.NoError(t, err)
						n++
					}
					require.Equal(t, 3, n)
					time.Sleep(time.Second)
					return nil
				}))
			})
		}
		wg.Wait()
		require.Len(t, users, 4)
		for _, n := range users {
			require.InDelta(t, 12, n, 1)
		}
		require.Equal(t, 4, strings.Count(f.commands(), "SELECT"))
		require.Equal(t, stats{Open: 4, Idle: 4}, p.Stats())
	})
}

// Those who wait are served in order, and nobody overtakes them.
func TestPoolOrder(t *testing.T) {
	inPool(t, func(t *testing.T, f *fake, p *imapclient.Pool) {
		p.MaxOpen = 1
		_, free := hold(t, p, "A", nil)
		var mu sync.Mutex
		var order []string
		var wg sync.WaitGroup
		wait := func(ctx context.Context, name string) {
			wg.Go(func() {
				err := p.Select(ctx, name, nil, func(m *imapclient.Mailbox) error {
					mu.Lock()
					order = append(order, name)
					mu.Unlock()
					time.Sleep(time.Second)
					return nil
				})
				if err != nil {
					mu.Lock()
					order = append(order, err.Error())
					mu.Unlock()
				}
			})
			synctest.Wait()
		}
		cancelled, cancel := context.WithCancelCause(t.Context())
		wait(t.Context(), "B")
		wait(cancelled, "C")
		wait(t.Context(), "A") // though A is selected
		wait(t.Context(), "A")
		require.Equal(t, stats{Open: 1, Waiting: 4}, p.Stats())
		cancel(errors.New("enough"))
		synctest.Wait()
		require.Equal(t, stats{Open: 1, Waiting: 3}, p.Stats())
		free()
		start := time.Now()
		wg.Wait()
		require.Equal(t, []string{"imapclient: waiting for a connection: enough", "B", "A", "A"}, order)
		require.Equal(t, 2*time.Second, time.Since(start)) // both A together
	})
}

// A caller that waits behind one who has gone away is served at once.
func TestPoolOrderCancelled(t *testing.T) {
	inPool(t, func(t *testing.T, f *fake, p *imapclient.Pool) {
		p.MaxOpen = 1
		_, free := hold(t, p, "A", nil)
		ctx, cancel := context.WithCancel(t.Context())
		go p.Select(ctx, "B", nil, nothing)
		synctest.Wait()
		done := make(chan error)
		go func() { done <- p.Select(t.Context(), "A", nil, nothing) }()
		synctest.Wait()
		require.Equal(t, 2, p.Stats().Waiting)
		cancel()
		require.NoError(t, <-done)
		free()
	})
}

// When a connection is asked whether it works, and when it is not used again.
func TestPoolAge(t *testing.T) {
	cases := []struct {
		name  string
		set   func(p *imapclient.Pool)
		pause time.Duration
		on    func(c *fakeConn, cmd string) string
		want  string // commands after the pause
	}{
		{name: "fresh", pause: 29 * time.Second, want: ""},
		{name: "probe", pause: 31 * time.Second, want: "1 NOOP"},
		{name: "probe is refused", pause: 31 * time.Second, want: "1 NOOP,1 LOGOUT,2 SELECT INBOX",
			on: func(c *fakeConn, cmd string) string { return map[string]string{"NOOP": "${tag} NO no"}[cmd] }},
		{name: "probe closes", pause: 31 * time.Second, want: "1 NOOP,2 SELECT INBOX",
			on: func(c *fakeConn, cmd string) string { return map[string]string{"NOOP": "* BYE too late\nCLOSE"}[cmd] }},
		{name: "probe is not answered", pause: 31 * time.Second, want: "1 NOOP,2 SELECT INBOX",
			on: func(c *fakeConn, cmd string) string { return map[string]string{"NOOP": "DEAD"}[cmd] }},
		{name: "probe at once", set: func(p *imapclient.Pool) { p.ProbeAfter = -1 }, want: "1 NOOP"},
		{name: "idle", pause: 4*time.Minute + time.Second, want: "1 LOGOUT,2 SELECT INBOX"},
		{name: "lifetime", set: func(p *imapclient.Pool) { p.MaxLifetime = time.Minute }, pause: time.Minute, want: "1 LOGOUT,2 SELECT INBOX"},
		{name: "no limits", set: func(p *imapclient.Pool) { p.MaxLifetime, p.MaxIdleTime, p.ProbeAfter = -1, -1, 1e18 },
			pause: 4*time.Minute + 30*time.Second, want: ""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			inPool(t, func(t *testing.T, f *fake, p *imapclient.Pool) {
				if tc.set != nil {
					tc.set(p)
				}
				f.on = tc.on
				require.NoError(t, p.Select(t.Context(), "INBOX", nil, nothing))
				f.commands()
				time.Sleep(tc.pause)
				require.NoError(t, p.Select(t.Context(), "INBOX", nil, func(m *imapclient.Mailbox) error {
					return m.AddFlags(t.Context(), imapclient.UIDs(1), mailbox.FlagSeen)
				}))
				require.Equal(t, stats{Open: 1, Idle: 1}, p.Stats())
				synctest.Wait()
				got := slices.DeleteFunc(strings.Split(f.commands(), ", "), func(cmd string) bool { return strings.Contains(cmd, "UID STORE") })
				require.ElementsMatch(t, strings.FieldsFunc(tc.want, func(r rune) bool { return r == ',' }), got)
			})
		})
	}
}

// An idle connection that the server closes leaves the pool.
func TestPoolBye(t *testing.T) {
	inPool(t, func(t *testing.T, f *fake, p *imapclient.Pool) {
		require.NoError(t, p.Select(t.Context(), "INBOX", nil, nothing))
		f.conn(1).say("* BYE idle for too long")
		synctest.Wait() // and it stays open for now
		require.Equal(t, stats{}, p.Stats())
		f.commands()
		require.NoError(t, p.Select(t.Context(), "INBOX", nil, nothing))
		f.conn(2).nc.Close()
		synctest.Wait()
		require.NoError(t, p.Select(t.Context(), "INBOX", nil, nothing))
		require.Equal(t, "2 SELECT INBOX, 3 SELECT INBOX", f.commands())
		require.Equal(t, stats{Open: 1, Idle: 1}, p.Stats())
	})
}

// f is called again only if nothing can have come of it.
func TestPoolRetry(t *testing.T) {
	list := func(ctx context.Context, m *imapclient.Mailbox) error {
		for _, err := range m.Fetch(ctx, imapclient.All(), imapclient.Flags) {
			if err != nil {
				return err
			}
		}
		return nil
	}
	store := func(ctx context.Context, m *imapclient.Mailbox) error {
		return m.AddFlags(ctx, imapclient.UIDs(1), mailbox.FlagSeen)
	}
	noop := func(ctx context.Context, m *imapclient.Mailbox) error { return m.Client().Noop(ctx) }
	cases := []struct {
		name   string
		f      []func(ctx context.Context, m *imapclient.Mailbox) error
		lose   string // the command at which the connection is lost …
		reply  string // … after this
		times  int    // how often
		noWait bool
		calls  int
		err    error
	}{
		{name: "no answer", f: []func(context.Context, *imapclient.Mailbox) error{list}, lose: "UID FETCH", reply: "CLOSE", times: 1, calls: 2},
		{name: "bye", f: []func(context.Context, *imapclient.Mailbox) error{list}, lose: "UID FETCH", reply: "* BYE gone\nCLOSE", times: 1, calls: 2},
		{name: "news are no answer", f: []func(context.Context, *imapclient.Mailbox) error{noop}, lose: "NOOP", reply: "* 4 EXISTS\nCLOSE", times: 1, calls: 2},
		{name: "twice", f: []func(context.Context, *imapclient.Mailbox) error{list}, lose: "UID FETCH", reply: "CLOSE", times: 2, calls: 2, err: imapclient.ErrClosed},
		{name: "half an answer", f: []func(context.Context, *imapclient.Mailbox) error{list}, lose: "UID FETCH", reply: "* 1 FETCH (UID 1 FLAGS ())\nCLOSE", times: 1, calls: 1, err: imapclient.ErrClosed},
		{name: "an earlier answer", f: []func(context.Context, *imapclient.Mailbox) error{list, noop}, lose: "NOOP", reply: "CLOSE", times: 1, calls: 1, err: imapclient.ErrClosed},
		{name: "a change", f: []func(context.Context, *imapclient.Mailbox) error{store}, lose: "UID STORE", reply: "CLOSE", times: 1, calls: 1, err: imapclient.ErrClosed},
		{name: "select", f: []func(context.Context, *imapclient.Mailbox) error{store}, lose: "SELECT", reply: "CLOSE", times: 1, calls: 0, err: imapclient.ErrClosed},
		{name: "select without waiting", f: []func(context.Context, *imapclient.Mailbox) error{list}, noWait: true, lose: "SELECT", reply: "CLOSE", times: 1, calls: 2},
		{name: "refused", f: []func(context.Context, *imapclient.Mailbox) error{noop}, lose: "NOOP", reply: "${tag} NO no\nCLOSE", times: 1, calls: 1, err: errors.New("NO no")},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			inPool(t, func(t *testing.T, f *fake, p *imapclient.Pool) {
				times := tc.times
				f.on = func(c *fakeConn, cmd string) string {
					if strings.HasPrefix(cmd, tc.lose) && times > 0 {
						times--
						return tc.reply
					}
					return ""
				}
				calls := 0
				err := p.Select(t.Context(), "INBOX", &imapclient.SelectOptions{NoWait: tc.noWait}, func(m *imapclient.Mailbox) error {
					calls++
					for _, step := range tc.f {
						if err := step(t.Context(), m); err != nil {
							return err
						}
					}
					return nil
				})
				require.Equal(t, tc.calls, calls)
				if tc.err == nil {
					require.NoError(t, err)
				} else if tc.name == "refused" {
					require.ErrorContains(t, err, "NO no")
				} else {
					require.ErrorIs(t, err, tc.err)
				}
			})
		})
	}
}

// A connection that dies while SELECT is sent on it, after it was used before, is
// replaced before f is called.
func TestPoolReselect(t *testing.T) {
	inPool(t, func(t *testing.T, f *fake, p *imapclient.Pool) {
		require.NoError(t, p.Select(t.Context(), "INBOX", nil, nothing))
		f.on = func(c *fakeConn, cmd string) string {
			if c.n == 1 {
				return "CLOSE"
			}
			return ""
		}
		calls := 0
		require.NoError(t, p.Select(t.Context(), "Work", nil, func(m *imapclient.Mailbox) error { calls++; return nil }))
		require.Equal(t, 1, calls)
		require.Equal(t, "1 SELECT INBOX, 1 SELECT Work, 2 SELECT Work", f.commands())
	})
}

// A mailbox that does not exist is the error of all who want it, and costs no
// connection.
func TestPoolRefused(t *testing.T) {
	inPool(t, func(t *testing.T, f *fake, p *imapclient.Pool) {
		p.MaxOpen = 1
		f.on = func(c *fakeConn, cmd string) string {
			if cmd == "SELECT Gone" {
				time.Sleep(time.Second)
				return "${tag} NO [NONEXISTENT] no such mailbox"
			}
			return ""
		}
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				require.ErrorIs(t, p.Select(t.Context(), "Gone", nil, nothing), mailbox.ErrNotExist)
			})
		}
		wg.Wait()
		require.Equal(t, "1 SELECT Gone", f.commands())
		require.Equal(t, stats{Open: 1, Idle: 1}, p.Stats())
		require.NoError(t, p.Select(t.Context(), "INBOX", nil, nothing))
		require.Equal(t, "1 SELECT INBOX", f.commands())

		// Without waiting for it, too.
		err := p.Select(t.Context(), "Gone", &imapclient.SelectOptions{NoWait: true}, func(m *imapclient.Mailbox) error {
			_, err := m.UIDs(t.Context())
			return err
		})
		require.ErrorIs(t, err, mailbox.ErrNotExist)
		require.NoError(t, p.Select(t.Context(), "INBOX", nil, nothing))
		require.Equal(t, stats{Open: 1, Idle: 1}, p.Stats())
	})
}

// A Dial that fails is the error of all who wait for that connection; one that was
// broken off by its caller is tried by the next.
func TestPoolDial(t *testing.T) {
	inPool(t, func(t *testing.T, f *fake, p *imapclient.Pool) {
		p.MaxOpen = 1
		dials := 0
		refused := errors.New("refused")
		p.Dial = func(ctx context.Context) (*imapclient.Client, error) {
			dials++
			if dials > 2 {
				return f.dial(ctx)
			}
			select {
			case <-time.After(time.Minute):
				return nil, refused
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			require.ErrorIs(t, p.Select(ctx, "INBOX", nil, nothing), context.DeadlineExceeded)
		})
		synctest.Wait()
		for range 3 {
			wg.Go(func() { require.ErrorIs(t, p.Select(t.Context(), "INBOX", nil, nothing), refused) })
		}
		wg.Wait()
		require.Equal(t, 2, dials)
		require.Zero(t, p.Stats())
		require.NoError(t, p.Select(t.Context(), "INBOX", nil, nothing))
	})
}

// A panic in f gives the connection back.
func TestPoolPanic(t *testing.T) {
	inPool(t, func(t *testing.T, f *fake, p *imapclient.Pool) {
		require.Panics(t, func() { p.Client(t.Context(), func(*imapclient.Client) error { panic("x") }) })
		require.Equal(t, stats{Open: 1, Idle: 1}, p.Stats())
	})
}

// A connection that watches is not shared, and neither is one past its lifetime.
func TestPoolNotShared(t *testing.T) {
	inPool(t, func(t *testing.T, f *fake, p *imapclient.Pool) {
		f.caps = " IDLE"
		p.MaxOpen = 1
		p.MaxLifetime = time.Hour
		ctx, cancel := context.WithCancel(t.Context())
		watched := make(chan error)
		go func() {
			watched <- p.Select(t.Context(), "INBOX", nil, func(m *imapclient.Mailbox) error {
				for range m.Watch(ctx) {
				}
				return nil
			})
		}()
		time.Sleep(time.Second)
		other := make(chan error)
		go func() { other <- p.Select(t.Context(), "INBOX", nil, nothing) }()
		synctest.Wait()
		require.Equal(t, stats{Open: 1, Waiting: 1}, p.Stats())
		cancel()
		require.NoError(t, <-watched)
		require.NoError(t, <-other)

		_, free := hold(t, p, "INBOX", nil)
		time.Sleep(time.Hour)
		go func() { other <- p.Select(t.Context(), "INBOX", nil, nothing) }()
		synctest.Wait()
		require.Equal(t, stats{Open: 1, Waiting: 1}, p.Stats())
		free()
		require.NoError(t, <-other)
		require.Len(t, f.conns, 2)
	})
}

// Shutdown lets calls finish; Close doesn't.
func TestPoolShutdown(t *testing.T) {
	inPool(t, func(t *testing.T, f *fake, p *imapclient.Pool) {
		p.MaxOpen = 1
		m, free := hold(t, p, "INBOX", nil)
		waiting := make(chan error)
		go func() { waiting <- p.Select(t.Context(), "Work", nil, nothing) }()
		synctest.Wait()
		down := make(chan error)
		go func() { down <- p.Shutdown(t.Context()) }()
		require.ErrorIs(t, <-waiting, imapclient.ErrPoolClosed)
		synctest.Wait()
		require.NoError(t, m.Client().Noop(t.Context()))
		free()
		require.NoError(t, <-down)
		require.Equal(t, "1 SELECT INBOX, 1 NOOP, 1 LOGOUT", f.commands())
	})
	inPool(t, func(t *testing.T, f *fake, p *imapclient.Pool) {
		m, free := hold(t, p, "INBOX", nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, p.Shutdown(ctx), context.DeadlineExceeded)
		require.ErrorIs(t, m.Client().Noop(t.Context()), imapclient.ErrClosed)
		free()
	})
	inPool(t, func(t *testing.T, f *fake, p *imapclient.Pool) {
		require.NoError(t, p.Select(t.Context(), "INBOX", nil, nothing))
		m, free := hold(t, p, "Work", nil)
		require.NoError(t, p.Select(t.Context(), "INBOX", nil, nothing))
		f.on = func(*fakeConn, string) string { return "SILENCE" }
		start := time.Now()
		require.NoError(t, p.Close()) // LOGOUT is not answered
		require.Equal(t, time.Second, time.Since(start))
		require.ErrorIs(t, m.Client().Noop(t.Context()), imapclient.ErrClosed)
		free()
	})
	inPool(t, func(t *testing.T, f *fake, p *imapclient.Pool) {
		p.Dial = func(ctx context.Context) (*imapclient.Client, error) {
			<-ctx.Done() // a server that does not answer
			return nil, ctx.Err()
		}
		done := make(chan error)
		go func() { done <- p.Client(t.Context(), nil) }()
		synctest.Wait()
		require.NoError(t, p.Close())
		require.ErrorIs(t, <-done, imapclient.ErrPoolClosed)
	})
}

func TestPoolWithoutDial(t *testing.T) {
	p := &imapclient.Pool{}
	require.ErrorContains(t, p.Select(t.Context(), "INBOX", nil, nil), "Dial")
	require.NoError(t, p.Close())
}
