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

var errLoginTimeout = errors.New("imapserver: no login within the time limit")

// serve greets the client and runs its commands, one after the other, in the
// order in which they came (RFC 9051 §5.5 allows more; clients that pipeline
// are served well by never reordering anything). Output leaves when no input is
// waiting.
func (s *Session) serve() {
	if s.srv.OnConnect != nil {
		if err := s.srv.OnConnect(s.ctx, s); err != nil {
			bye := &imap.Error{Status: imap.BYE, Code: imap.CodeUnavailable, Text: "no service for this client"}
			if e := (*imap.Error)(nil); errors.As(err, &e) {
				bye.Code, bye.CodeArgs, bye.Text = e.Code, e.CodeArgs, e.Text
			}
			s.goodbye(bye)
			return
		}
	}
	s.greet()
	for s.state != loggedOut {
		if err := s.wait(); err != nil {
			s.goodbye(err)
			return
		}
		s.offerKnown = false
		tag, cmd, err := s.r.ReadCommand()
		if err == nil {
			err = s.run(tag, cmd)
		} else {
			err = s.refuse(tag, err)
		}
		if err == nil && s.attempts.TooMany() && s.state == notAuthenticated {
			err = &imap.Error{Status: imap.BYE, Text: "too many failed logins"}
		}
		if err != nil {
			s.goodbye(err)
			return
		}
	}
	s.conn.Flush()
}

// wait waits for input, having sent what is buffered.
func (s *Session) wait() error {
	for {
		if err := s.conn.Wait(); !errors.Is(err, textproto.ErrWoken) {
			return err
		}
	}
}

// run executes one command and answers it.
func (s *Session) run(tag string, cmd imap.Command) error {
	s.holdExpunge, s.force = false, false
	c, ok := s.srv.proto.commands[cmd.Name()]
	switch {
	case !ok:
		return s.refuse(tag, s.abandon(cmd, &imap.Error{Status: imap.BAD, Text: "unknown command"}))
	case c.states&s.state == 0:
		return s.refuse(tag, s.abandon(cmd, wrongState(s.state, c.states)))
	}
	rep, err := c.run(s, cmd)
	var refused *imap.Error
	if err != nil {
		if refused = s.refusal(err); refused == nil {
			return err
		}
	}
	// News comes before the tagged response, also of a command that failed.
	// That there is no news to be had does not make it fail.
	var trouble error
	if refused == nil || refused.Status == imap.NO {
		if trouble = s.poll(); isLinkError(s.ctx, trouble) {
			return trouble
		}
	}
	if refused != nil {
		if err := s.refuse(tag, refused); err != nil {
			return err
		}
	} else {
		s.bad = 0
		if rep.text == "" {
			rep.text = cmd.Name() + " completed"
		}
		s.status(grammar.StatusLine{Tag: tag, Cond: imap.OK, Code: rep.code, Arg: rep.arg, Text: rep.text})
		if rep.after != nil {
			return rep.after()
		}
	}
	if trouble != nil {
		if e := s.refusal(trouble); e != nil && e.Status == imap.BYE {
			return e
		}
		s.log().Warn("imap: no news of the mailbox", "error", trouble)
	}
	return nil
}

// abandon gives up the literal of a command that is not run.
func (s *Session) abandon(cmd imap.Command, e *imap.Error) error {
	if _, ok := cmd.(*imap.Append); ok {
		if err := s.r.RefuseLiteral(); err != nil {
			return err
		}
	}
	return e
}

// refuse answers a command that has failed. Any error but an *imap.Error is
// returned, as one that ends the session.
func (s *Session) refuse(tag string, err error) error {
	var e *imap.Error
	if !errors.As(err, &e) {
		return err
	}
	if e.Status == imap.BYE {
		return e
	}
	s.status(grammar.StatusLine{Tag: tag, Cond: e.Status, Code: e.Code, Args: e.CodeArgs, Text: e.Text})
	if e.Status == imap.BAD {
		if s.bad++; reached(s.bad, s.srv.MaxBadCommands, DefaultMaxBadCommands) {
			return &imap.Error{Status: imap.BYE, Text: "too many bad commands"}
		}
	}
	return nil
}

// goodbye tells the client why the connection ends, if it can still hear it.
func (s *Session) goodbye(err error) {
	s.unbind()
	var e *imap.Error
	var ne net.Error
	switch {
	case errors.As(err, &e) && e.Status == imap.BYE:
		s.status(grammar.StatusLine{Cond: imap.BYE, Code: e.Code, Args: e.CodeArgs, Text: e.Text})
	case errors.Is(err, textproto.ErrServerClosed), errors.Is(err, context.Canceled):
		s.status(grammar.StatusLine{Cond: imap.BYE, Code: imap.CodeUnavailable, Text: "server is shutting down"})
	case errors.Is(err, errLoginTimeout):
		s.status(grammar.StatusLine{Cond: imap.BYE, Text: "autologout; took too long to log in"})
	case errors.As(err, &ne) && ne.Timeout():
		// RFC 9051 §5.4; the client may well be gone.
		s.status(grammar.StatusLine{Cond: imap.BYE, Text: "autologout; idle for too long"})
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		// The client has left; what it asked before may still reach it if it
		// has only closed its own direction.
	default:
		s.log().Debug("imap: connection lost", "error", err)
		return
	}
	s.conn.SetWriteTimeout(10 * time.Second)
	s.conn.Flush()
}

// close releases what the session holds.
func (s *Session) close() {
	s.leaveMailbox()
	if s.hub != nil {
		s.hub.leave()
		s.hub = nil
	}
}
