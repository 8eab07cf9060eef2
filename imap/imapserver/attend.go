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
	// attendAfter is how long a command runs until its client is looked after.
	attendAfter = time.Second

	// halfClosedGrace is how long a command goes on for a client that has
	// closed the connection: it may have closed its own direction only, and
	// wait for the answer.
	halfClosedGrace = 10 * time.Second
)

var errClientGone = errors.New("imapserver: client has left")

// attend runs what may take long, and ends its context when the client has
// left. f must not use the connection: attend waits for input meanwhile, which
// is where the end of a connection shows.
func (s *Session) attend(f func(ctx context.Context) error) error {
	ctx, cancel := context.WithCancelCause(s.ctx)
	defer cancel(nil)
	done, ended := make(chan struct{}), make(chan struct{})
	timer := time.AfterFunc(attendAfter, func() {
		defer close(ended)
		s.lookAfter(done, cancel)
	})
	defer func() {
		close(done)
		if !timer.Stop() {
			s.conn.Wake()
			<-ended
		}
	}()
	err := f(ctx)
	if err != nil && context.Cause(ctx) == errClientGone {
		return link(io.EOF)
	}
	return err
}

// lookAfter waits until done is closed, or the client has left, or it has sent
// something: behind that, the end of the connection does not show.
func (s *Session) lookAfter(done <-chan struct{}, cancel context.CancelCauseFunc) {
	for {
		select {
		case <-done:
			return
		default:
		}
		err := s.conn.Wait()
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
