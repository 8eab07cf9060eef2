package textproto

import (
	"context"
	"errors"
)

// DefaultMaxWork is the default of Server.MaxWork: about two minutes of a
// processor's time.
const DefaultMaxWork = 120_000_000

// ErrTooMuchWork is what Conn.Work returns when a command has cost more than
// Server.MaxWork.
var ErrTooMuchWork = errors.New("textproto: command costs too much")

// Work counts n units of work of the present command. A unit is about a microsecond
// of a processor's time, and stands for what takes about that: the entry of a message
// looked at, a name matched, a kilobyte of text searched. Commands that may be large
// call it as they go on, with the units done since the last call, and several times in
// a Bounds.Slice.
//
// A command that has done more than a slice waits here for its turns (Bounds.Turns).
// It must hold no lock and nothing else that others need. A turn ends with the slice
// or the command, or when the client does not send or take what the command waits for.
//
// Work returns ErrTooMuchWork when the command has cost more than Server.MaxWork, and
// is then to be refused, or the cause of the end of ctx. On a connection that no Server
// has accepted it counts nothing.
func (c *Conn) Work(ctx context.Context, n int) error {
	sc := c.served
	if sc == nil {
		return nil
	}
	sc.work += n
	s := sc.s
	if s.maxWork > 0 && sc.work > s.maxWork {
		if sc.work-n <= s.maxWork {
			s.stats.tooMuchWork.Add(1)
		}
		return ErrTooMuchWork
	}
	t := sc.turn.Load()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case sc.work < s.bounds.Slice || s.bounds.Slice == 0:
		return nil
	case t != nil && t.held.Load() && sc.work < t.until:
		return nil
	}
	return sc.takeTurn(ctx)
}
