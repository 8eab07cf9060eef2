package textproto

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// The work of a command adds up, and that of the next begins anew.
func TestWork(t *testing.T) {
	ended := make(chan []error, 1)
	srv := &Server{MaxWork: 100}
	l := serve(t, srv, work(func(ctx context.Context, c *Conn) {
		var errs []error
		for range 2 {
			c.Spend(ctx, CommandRate, 1)
			errs = append(errs, c.Work(ctx, 60), c.Work(ctx, 40), c.Work(ctx, 1))
		}
		ended <- errs
	}))
	c := l.dial("192.0.2.1:1")
	defer c.Close()
	send(c, "work")
	require.Equal(t, []error{nil, nil, ErrTooMuchWork, nil, nil, ErrTooMuchWork}, <-ended)
}
