package imapserver

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/textproto"
)

// state is a set of the states of RFC 9051 §3.
type state uint8

const (
	notAuthenticated state = 1 << iota
	authenticated
	selectedState
	loggedOut

	loggedIn = authenticated | selectedState
	anyState = notAuthenticated | loggedIn
)

// serve greets the client and runs its commands one after the other, in the order
// in which they arrive (RFC 9051 §5.5 allows more, but clients that pipeline need
// no more). Output is sent when no input is waiting.
func (c *Conn) serve() {
	if c.srv.OnConnect != nil {
		if err := c.srv.OnConnect(c.ctx, c); err != nil {
			bye := &imap.Error{Status: imap.BYE, Code: imap.CodeUnavailable, Text: "no service for this client"}
			if e := (*imap.Error)(nil); errors.As(err, &e) {
				bye.Code, bye.CodeArgs, bye.Text = e.Code, e.CodeArgs, e.Text
			} else {
				c.log().Error("imap: no service for a client", "error", err)
			}
			c.goodbye(bye)
			return
		}
	}
	c.greet()
	for c.state != loggedOut {
		c.forgetOffer()
		if err := c.wait(); err != nil {
			c.goodbye(err)
			return
		}
		err := c.allow()
		if err == nil {
			var tag string
			var cmd imap.Command
			if tag, cmd, err = c.r.ReadCommand(); err == nil {
				err = c.run(tag, cmd)
			} else {
				err = c.refuse(tag, err)
			}
		}
		if err == nil && c.attempts.TooMany() && c.state == notAuthenticated {
			err = tooMany("failed logins")
		}
		if err != nil {
			c.goodbye(err)
			return
		}
	}
	c.tp.Flush()
}

// wait sends buffered output and waits for input.
func (c *Conn) wait() error {
	for {
		if err := c.tp.Wait(); !errors.Is(err, textproto.ErrWoken) {
			return err
		}
	}
}

// run executes one command and answers it.
func (c *Conn) run(tag string, cmd imap.Command) error {
	c.holdExpunge, c.force = false, false
	row, ok := c.srv.proto.commands[cmd.Name()]
	switch {
	case !ok:
		return c.refuse(tag, c.abandon(cmd, &imap.Error{Status: imap.BAD, Text: "unknown command"}))
	case row.states&c.state == 0:
		return c.refuse(tag, c.abandon(cmd, wrongState(c.state, row.states)))
	}
	rep, err := row.run(c, cmd)
	var refused *imap.Error
	if err != nil {
		if refused = c.refusal(cmd.Name(), err); refused == nil {
			return err
		}
	}
	// Changes are reported before the tagged response, also of a command that
	// failed. A failure to read them does not make the command fail.
	var trouble error
	if refused == nil || refused.Status == imap.NO {
		if trouble = c.poll(); isLinkError(c.ctx, trouble) {
			return trouble
		}
	}
	if refused != nil {
		if err := c.refuse(tag, refused); err != nil {
			return err
		}
	} else {
		c.bad = 0
		if rep.text == "" {
			rep.text = cmd.Name() + " completed"
		}
		if rep.code == "" && c.holdsExpunges() {
			rep.code = imap.CodeExpungeIssued // RFC 5530 §3
			rep.text += "; messages have been expunged"
		}
		c.status(grammar.StatusLine{Tag: tag, Cond: imap.OK, Code: rep.code, Arg: rep.arg, Text: rep.text})
		if rep.after != nil {
			return rep.after()
		}
	}
	if trouble != nil {
		if e, ok := errors.AsType[*imap.Error](trouble); ok && e.Status == imap.BYE {
			return e
		}
		c.log().Warn("imap: no news of the mailbox", "error", trouble)
	}
	return nil
}

// abandon discards the literal of a command that is not run.
func (c *Conn) abandon(cmd imap.Command, e *imap.Error) error {
	if _, ok := cmd.(*imap.Append); ok {
		if err := c.r.RefuseLiteral(); err != nil {
			return err
		}
	}
	return e
}

// refuse answers a command that has failed. Any error but an *imap.Error is
// returned, as one that ends the session.
func (c *Conn) refuse(tag string, err error) error {
	var e *imap.Error
	if !errors.As(err, &e) {
		return err
	}
	if e.Status == imap.BYE {
		return e
	}
	c.status(grammar.StatusLine{Tag: tag, Cond: e.Status, Code: e.Code, Args: e.CodeArgs, Text: e.Text})
	if e.Status == imap.BAD {
		if c.bad++; reached(c.bad, c.srv.MaxBadCommands, DefaultMaxBadCommands) {
			return tooMany("bad commands")
		}
	}
	if c.tp.Spend(c.ctx, textproto.FailureRate, 1) != nil {
		return tooMany("failed commands")
	}
	return nil
}

// hold counts memory that the present command takes while it is read.
func (c *Conn) hold(n int) error {
	err := c.tp.Hold(c.ctx, n)
	if errors.Is(err, textproto.ErrTooMuchMemory) {
		return errNoMemory()
	}
	return link(err)
}

// allow begins a command and counts it, before it is read: what it holds meanwhile
// is its own.
func (c *Conn) allow() error {
	n := 1
	if c.state == notAuthenticated {
		n = 100
	}
	err := c.tp.Spend(c.ctx, textproto.CommandRate, n)
	if err != nil && !isLinkError(c.ctx, err) {
		return tooMany("commands")
	}
	return err
}

// tooMany is the BYE to a client that does too much of something.
func tooMany(what string) error {
	return &imap.Error{Status: imap.BYE, Code: imap.CodeLimit, Text: "too many " + what}
}

// goodbye tells the client why the connection ends, if it is still connected.
func (c *Conn) goodbye(err error) {
	c.tp.LoggedIn() // its time limit may be over, and must not stop the response
	var e *imap.Error
	var ne net.Error
	switch {
	case errors.As(err, &e) && e.Status == imap.BYE:
		c.status(grammar.StatusLine{Cond: imap.BYE, Code: e.Code, Args: e.CodeArgs, Text: e.Text})
	case errors.Is(err, textproto.ErrServerClosed), errors.Is(err, context.Canceled):
		c.status(grammar.StatusLine{Cond: imap.BYE, Code: imap.CodeUnavailable, Text: "server is shutting down"})
	case errors.Is(err, textproto.ErrLoginTimeout):
		c.status(grammar.StatusLine{Cond: imap.BYE, Text: "autologout; took too long to log in"})
	case errors.As(err, &ne) && ne.Timeout():
		// RFC 9051 §5.4; the client may be gone.
		c.status(grammar.StatusLine{Cond: imap.BYE, Text: "autologout; idle for too long"})
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		// The client has left; earlier responses may still reach it if it has
		// closed only its own direction.
	default:
		c.log().Debug("imap: connection lost", "error", err)
		return
	}
	c.tp.SetWriteTimeout(10 * time.Second)
	c.tp.Flush()
}

// close releases the resources of the session.
func (c *Conn) close() {
	c.leaveMailbox()
	if c.hub != nil {
		c.hub.leave()
		c.hub = nil
	}
}
