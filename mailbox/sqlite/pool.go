package sqlite

import (
	"context"
	"sync"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// pool holds the connections that read. They are opened when they are needed,
// and the one used last is used next, since its cache is warm.
type pool struct {
	s     *Store
	slots chan struct{} // a token for each connection in use

	mu   sync.Mutex
	idle []*conn // guarded by mu
}

func (p *pool) init(s *Store, size int) {
	p.s = s
	p.slots = make(chan struct{}, size)
}

// get waits for a connection. A goroutine that has one must not wait for
// another.
func (p *pool) get(ctx context.Context) (*conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, ended(ctx)
	}
	if err := p.s.closed(); err != nil {
		return nil, err
	}
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ended(ctx)
	case <-p.s.closing:
		return nil, mailbox.ErrClosed
	}
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		c := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return c, nil
	}
	p.mu.Unlock()
	c, err := p.s.openReader()
	if err != nil {
		<-p.slots
		return nil, err
	}
	return c, nil
}

func (p *pool) put(c *conn) {
	p.mu.Lock()
	p.idle = append(p.idle, c)
	p.mu.Unlock()
	<-p.slots
}

// close waits until all connections are back and closes them.
func (p *pool) close() {
	for range cap(p.slots) {
		p.slots <- struct{}{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.idle {
		c.close()
	}
	p.idle = nil
}

// read calls f with a connection for one short read: a single query, which
// sees one state of the database. f may run only once and must hold no rows
// when it returns.
func (s *Store) read(ctx context.Context, f func(c *conn) error) error {
	c, err := s.pool.get(ctx)
	if err != nil {
		return err
	}
	defer s.pool.put(c)
	return f(c)
}

// view calls f with a connection for several queries that see the same state.
func (s *Store) view(ctx context.Context, f func(c *conn) error) error {
	return s.read(ctx, func(c *conn) error {
		if _, err := c.exec("BEGIN"); err != nil {
			return err
		}
		c.inTx = true
		defer c.rollback()
		return f(c)
	})
}
