package sqlite

import (
	"context"
	"runtime"
	"sync"

	"github.com/posthorn-mail/posthorn/internal/fair"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// pool holds the connections that read. The one used last is used next, since its
// cache is warm. Those who wait for one take turns by account, and no account has
// more than half of them.
//
// All are opened with the store, together with the files that they need: a
// process that is out of file descriptors still reads and writes mail.
type pool struct {
	s    *Store
	gate fair.Gate[int64]
	size int // connections, all of which are idle or in use

	mu     sync.Mutex
	idle   []*conn   // guarded by mu
	closed bool      // guarded by mu
	back   sync.Cond // with mu: a connection has become idle
}

// open opens the connections.
func (p *pool) open(s *Store) error {
	p.s = s
	p.gate.Size = min(8, max(4, 2*runtime.GOMAXPROCS(0)))
	p.gate.PerKey = p.gate.Size / 2
	p.back.L = &p.mu
	for range p.gate.Size {
		c, err := s.openReader()
		if err != nil {
			p.close()
			return err
		}
		p.idle = append(p.idle, c)
		p.size++
	}
	return nil
}

// get waits for a connection, for an account or, if it is zero, for nobody's read.
// A goroutine that has one must not wait for another.
func (p *pool) get(ctx context.Context, account int64) (*conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, ended(ctx)
	}
	if err := p.gate.Enter(ctx, account); err != nil {
		return nil, ended(ctx)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.s.closed() != nil {
		p.gate.Leave(account) // as all who wait will do
		return nil, mailbox.ErrClosed
	}
	last := len(p.idle) - 1
	c := p.idle[last]
	p.idle = p.idle[:last]
	c.account = account
	return c, nil
}

func (p *pool) put(c *conn) {
	account := c.account // once c is idle it may be another's
	p.mu.Lock()
	p.idle = append(p.idle, c)
	p.back.Signal()
	p.mu.Unlock()
	p.gate.Leave(account)
}

// close waits until all connections are back and closes them.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for len(p.idle) < p.size {
		p.back.Wait()
	}
	for _, c := range p.idle {
		c.close()
	}
	p.idle = nil
}

// read calls f with a connection for one short read: a single query, which
// sees one state of the database. f may run only once and must hold no rows
// when it returns.
func (p *pool) read(ctx context.Context, account int64, f func(c *conn) error) error {
	c, err := p.get(ctx, account)
	if err != nil {
		return err
	}
	defer p.put(c)
	return f(c)
}

// view calls f with a connection for several queries that see the same state.
func (p *pool) view(ctx context.Context, account int64, f func(c *conn) error) error {
	return p.read(ctx, account, func(c *conn) error {
		if _, err := c.exec("BEGIN"); err != nil {
			return err
		}
		c.inTx = true
		defer c.rollback()
		return f(c)
	})
}

// read and view are the pool's, for reads that are of no account.
func (s *Store) read(ctx context.Context, f func(c *conn) error) error {
	return s.pool.read(ctx, 0, f)
}

func (s *Store) view(ctx context.Context, f func(c *conn) error) error {
	return s.pool.view(ctx, 0, f)
}
