package imapclient

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// A Pool keeps connections to one account for many callers, as an http.Client
// does for requests. It may be used by several goroutines. The fields must not be
// changed once it is in use; all but Dial may be left out.
//
//	p := &imapclient.Pool{Dial: func(ctx context.Context) (*imapclient.Client, error) {
//		return imapclient.DialTLS(ctx, "imap.example.org", options)
//	}}
//	defer p.Close()
//	err := p.Select(ctx, "INBOX", nil, func(m *imapclient.Mailbox) error {
//		return m.AddFlags(ctx, imapclient.Where(search.Unseen), mailbox.FlagSeen)
//	})
//
// A connection that was lost is never revived: its handles stay as dead as it is,
// and a new connection begins as the first one did. What outlives a connection is
// a [State]; see Watch.
type Pool struct {
	// Dial makes a connection and logs in, as the Dial functions do with
	// Options.Credentials, whose Token is so asked for at each connection. It is
	// called by several goroutines.
	Dial func(ctx context.Context) (*Client, error)

	// MaxOpen is how many connections there are at once for Select and Client,
	// besides those that are being ended (default 4; providers allow 10 to 15
	// for an account). Each Watch has one more.
	MaxOpen int

	// MaxIdleTime is after how much time unused a connection is closed (default
	// 4 minutes; servers close theirs after 10 to 30), MaxLifetime after how
	// much in all it is not used again (default 30 minutes; some servers close
	// a connection when the token expires with which it was opened, which is
	// often after an hour). A negative value means no limit.
	MaxIdleTime, MaxLifetime time.Duration

	// ProbeAfter is after how much time unused a connection is asked by NOOP
	// whether it still works before it is used again (default 30 seconds). That
	// a server has closed a connection is noticed without it.
	ProbeAfter time.Duration

	// Backoff says how long Watch waits between attempts.
	Backoff Backoff

	mu       sync.Mutex
	conns    []*pooled            // those there are, and those being made
	waiting  []*waiter            // in the order in which they came
	watching map[*Client]struct{} // the connections of Watch
	ending   map[*Client]struct{} // those that say LOGOUT
	changed  chan struct{}        // closed when conns or watching is shorter
	life     context.Context      // ends with Shutdown and Close; nil: not yet made
	endLife  context.CancelFunc
	closed   bool           // Shutdown was called
	killed   bool           // Close was called
	work     sync.WaitGroup // connections being ended
}

// ErrPoolClosed is returned by the methods of a Pool after Shutdown or Close.
var ErrPoolClosed = errors.New("imapclient: pool is closed")

var errNoDial = errors.New("imapclient: Pool without Dial")

// PoolStats are numbers of connections and callers.
type PoolStats struct {
	Open     int // connections for Select and Client, with those being made
	Idle     int // and of these, how many nobody uses
	Watching int // connections of Watch
	Waiting  int // callers that wait for a connection
}

// Times and bounds of a Pool.
const (
	poolMaxOpen     = 4
	poolMaxIdleTime = 4 * time.Minute
	poolMaxLifetime = 30 * time.Minute
	poolProbeAfter  = 30 * time.Second

	probeTimeout = 10 * time.Second // for the answer to a probe, and to LOGOUT
)

// Select calls f with the mailbox selected: on a connection that has it selected
// and is not in use, or on another that is not in use, or on a new one; and where
// MaxOpen allows no new one, on one that other callers use for the same mailbox,
// pipelined with them. A mailbox that is selected for reading only counts as
// another. If none can be had, Select waits, until ctx ends; callers are served in
// the order in which they came.
//
// f must not select another mailbox on the connection, nor use it after it has
// returned. If it calls the Pool itself, it may wait for a connection that it
// holds.
//
// If the connection is lost before f got any answer, and nothing was sent that
// changes anything, f is called once more, on another connection. With
// SelectOptions.NoWait, f is called before the server has answered, and a refusal
// of SELECT is the error of its first command. Otherwise the error is
// mailbox.ErrNotExist if there is no such mailbox; it is that of f, if f was
// called.
func (p *Pool) Select(ctx context.Context, name string, o *SelectOptions, f func(*Mailbox) error) error {
	return p.do(ctx, newPurpose(name, o), name, o, func(pc *pooled) error { return f(pc.m) })
}

// Client calls f with a connection that nobody else uses meanwhile, for what needs
// no mailbox to be selected; f may select one, though. All that Select says of
// waiting and of connections that are lost holds here, too.
func (p *Pool) Client(ctx context.Context, f func(*Client) error) error {
	return p.do(ctx, purpose{}, "", nil, func(pc *pooled) error { return f(pc.c) })
}

func (p *Pool) do(ctx context.Context, want purpose, name string, o *SelectOptions, f func(*pooled) error) error {
	if p.Dial == nil {
		return errNoDial
	}
	lost, err := p.once(ctx, want, name, o, false, f)
	if lost && ctx.Err() == nil {
		_, err = p.once(ctx, want, name, o, true, f)
	}
	return err
}

// once calls f on a connection. lost says that it can be called once more, because
// nothing has come of it but that the connection was lost.
func (p *Pool) once(ctx context.Context, want purpose, name string, o *SelectOptions, probe bool, f func(*pooled) error) (lost bool, err error) {
	pc, err := p.get(ctx, want, name, o, probe)
	if err != nil {
		return false, err
	}
	defer p.put(pc)
	before := pc.c.tally()
	err = f(pc)
	// Of what others do on the same connection nothing is known, so their
	// answers count as well.
	return errors.Is(err, ErrClosed) && pc.c.Err() != nil && pc.c.tally() == before, err
}

// until returns a context that ends when the pool is closed, too, with
// ErrPoolClosed as its cause.
func (p *Pool) until(ctx context.Context) (context.Context, func()) {
	p.mu.Lock()
	p.begin()
	life := p.life
	p.mu.Unlock()
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(life, func() { cancel(ErrPoolClosed) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// begin makes life. p.mu is held.
func (p *Pool) begin() {
	if p.life == nil {
		p.life, p.endLife = context.WithCancel(context.Background())
	}
}

// Stats returns how many connections there are now, and how many callers wait.
func (p *Pool) Stats() PoolStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sweep()
	s := PoolStats{Open: len(p.conns), Watching: len(p.watching), Waiting: len(p.waiting)}
	for _, pc := range p.conns {
		if pc.users == 0 {
			s.Idle++
		}
	}
	return s
}

// Shutdown takes no more calls, ends those that wait and the loops of Watch, lets
// those that use a connection finish, and ends all connections by LOGOUT. If ctx
// ends first, it closes them as Close does and returns the context's error.
func (p *Pool) Shutdown(ctx context.Context) error {
	p.mu.Lock()
	p.close()
	for _, pc := range slices.Clone(p.conns) {
		if pc.users == 0 {
			p.remove(pc)
		}
	}
	for len(p.conns)+len(p.watching) > 0 {
		if p.changed == nil {
			p.changed = make(chan struct{})
		}
		changed := p.changed
		p.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			p.Close()
			return context.Cause(ctx)
		}
		p.mu.Lock()
	}
	p.mu.Unlock()
	// What is left is to hear the answers to LOGOUT.
	stop := context.AfterFunc(ctx, func() { p.Close() })
	defer stop()
	p.work.Wait()
	return nil
}

// close refuses further calls and ends those that wait. p.mu is held.
func (p *Pool) close() {
	p.closed = true
	p.begin()
	p.endLife()
	for _, w := range p.waiting {
		w.granted <- grant{}
	}
	p.waiting = nil
}

// Close ends all connections: what uses them fails. It takes a second at most, for
// servers that don't answer to LOGOUT.
func (p *Pool) Close() error {
	p.mu.Lock()
	p.close()
	var now []*Client
	for c := range p.ending {
		now = append(now, c)
	}
	for c := range p.watching {
		now = append(now, c)
	}
	for _, pc := range slices.Clone(p.conns) {
		switch {
		case pc.users > 0 && pc.c != nil:
			now = append(now, pc.c)
		case pc.users == 0:
			c := pc.c
			pc.c = nil
			p.remove(pc)
			if !p.killed {
				p.work.Go(func() { logout(c, time.Second) })
			}
		}
	}
	p.killed = true
	p.mu.Unlock()
	for _, c := range now {
		c.Close()
	}
	p.work.Wait()
	return nil
}
