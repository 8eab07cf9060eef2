package imapserver

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"github.com/posthorn-mail/posthorn/textproto"
)

const (
	// watchAfter is how long a command runs until the connection is watched.
	watchAfter = time.Second

	// halfClosedGrace is how long a command continues for a client that has
	// closed the connection: it may have closed only its own direction, and
	// wait for the answer.
	halfClosedGrace = 10 * time.Second
)

var errClientGone = errors.New("imapserver: client has left")

// whileConnected runs f, which may take long, with a context that ends when the
// client has left. f must not use the connection, on which whileConnected waits
// for input in order to detect its end.
func (c *Conn) whileConnected(f func(ctx context.Context) error) error {
	ctx, cancel := context.WithCancelCause(c.ctx)
	defer cancel(nil)
	done, ended := make(chan struct{}), make(chan struct{})
	timer := time.AfterFunc(watchAfter, func() {
		defer close(ended)
		c.watchConn(done, cancel)
	})
	defer func() {
		close(done)
		if !timer.Stop() {
			c.tp.Wake()
			<-ended
		}
	}()
	err := f(ctx)
	if err != nil && context.Cause(ctx) == errClientGone {
		return link(io.EOF)
	}
	return err
}

// watchConn waits until done is closed, the client has left, or it has sent
// something: after that, the end of the connection can't be detected.
func (c *Conn) watchConn(done <-chan struct{}, cancel context.CancelCauseFunc) {
	for {
		select {
		case <-done:
			return
		default:
		}
		err := c.tp.Wait()
		var ne net.Error
		switch {
		case errors.Is(err, textproto.ErrWoken):
			continue
		case err == nil, errors.Is(err, textproto.ErrServerClosed), errors.As(err, &ne) && ne.Timeout():
			return
		case errors.Is(err, io.EOF):
			select {
			case <-done:
				return
			case <-time.After(halfClosedGrace):
			}
		}
		cancel(errClientGone)
		return
	}
}
