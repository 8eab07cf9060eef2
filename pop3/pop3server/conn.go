package pop3server

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/pop3"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/textproto"
)

// A session is one connection. All of it belongs to the connection's goroutine.
type session struct {
	srv *Server
	c   *textproto.Conn
	ctx context.Context

	unbind func() // ends the time limit for logging in

	stamp    string // of the greeting, if APOP is offered
	user     string // of USER
	named    bool   // USER came
	utf8     bool   // UTF-8 mode
	lang     *Language
	attempts sasl.Attempts // to log in
	errors   int           // wrong commands in a row

	drop  *maildrop // after login
	queue []request // read ahead, see ahead.go
	ahead *readAhead

	ended bool // no more commands are read
}

// A request is a command, or the error of parsing it.
type request struct {
	cmd pop3.Command
	err error
}

// close releases what the session holds. It runs after a panic too.
func (s *session) close() {
	s.stopAhead()
	if s.drop != nil {
		s.drop.close()
		s.drop = nil
	}
}

// run greets and serves commands until the session or the connection ends.
func (s *session) run() {
	s.greet()
	for !s.ended {
		r, err := s.next()
		switch {
		case err == nil:
			s.serve(r)
		case errors.Is(err, textproto.ErrServerClosed):
			s.err(pop3.CodeSysTemp, textClosing)
			s.ended = true
		case errors.Is(err, textproto.ErrLineEndless):
			s.err("", textTooLong)
			s.ended = true
		default:
			// RFC 1939 §3: after a timeout the session ends without a reply,
			// and nothing is deleted.
			s.ended = true
		}
	}
	s.c.Flush()
}

func (s *session) greet() {
	s.c.SetMaxLine(maxAuthLine)
	text := s.srv.host + " POP3 " + s.text(textReady)
	if sasl.OffersAPOP(s.srv.Authenticator, s.saslConn()) {
		s.stamp = sasl.NewStamp(s.srv.host)
		text += " " + s.stamp
	}
	s.ok(text)
}

// next returns the next command. It waits for one only after all replies have
// been sent.
func (s *session) next() (request, error) {
	if len(s.queue) > 0 {
		r := s.queue[0]
		s.queue = s.queue[1:]
		return r, nil
	}
	if !s.c.BufferedLine() {
		s.stopAhead()
		if err := s.c.Flush(); err != nil {
			return request{}, err
		}
		for {
			err := s.c.Wait()
			if err == nil {
				break
			}
			if !errors.Is(err, textproto.ErrWoken) {
				return request{}, err
			}
		}
	}
	return s.read()
}

// read reads a command. It returns only errors that end the connection.
func (s *session) read() (request, error) {
	line, err := s.c.ReadLine()
	switch {
	case err == nil, errors.Is(err, textproto.ErrBareLF): // no body comes from clients: nothing to smuggle
		cmd, err := pop3.ParseCommand(line)
		// RFC 2449 §4; but clients send tokens of kilobytes with AUTH, although
		// RFC 5034 §4 requires them to wait for the challenge.
		if len(line) > pop3.MaxCommand-2 && cmd.Verb != "AUTH" {
			err = textproto.ErrLineTooLong
		}
		return request{cmd, err}, nil
	case errors.Is(err, textproto.ErrLineEndless):
		return request{}, err
	case errors.Is(err, textproto.ErrLineTooLong), errors.Is(err, textproto.ErrBareCR):
		return request{err: err}, nil
	case errors.Is(err, io.ErrUnexpectedEOF):
		return request{}, io.EOF
	}
	return request{}, err
}

// serve carries out a command.
func (s *session) serve(r request) {
	before := s.errors
	switch {
	case errors.Is(r.err, textproto.ErrLineTooLong):
		s.wrong(textTooLong)
	case errors.Is(r.err, textproto.ErrBareCR):
		s.wrong(textBadLine)
	case errors.Is(r.err, pop3.ErrUnknownCommand):
		s.wrong(textUnknown)
	default:
		c := find(r.cmd.Verb)
		switch {
		case c == nil:
			s.wrong(textUnknown)
		case s.drop == nil && c.states&authorization == 0:
			s.wrong(textTransState)
		case s.drop != nil && c.states&transaction == 0:
			s.wrong(textAuthState)
		case r.err != nil:
			s.wrong(textSyntax)
		default:
			c.do(s, r.cmd)
		}
	}
	if s.errors == before {
		s.errors = 0
	}
}

// The states that commands are valid in (RFC 1939 §3). UPDATE is entered by
// QUIT and has no commands.
const (
	authorization = 1 << iota
	transaction
)

type command struct {
	verb   string
	states int
	do     func(s *session, c pop3.Command)
}

// commands is the table of commands.
func commands() []command {
	return []command{
		{"RETR", transaction, (*session).retr},
		{"DELE", transaction, (*session).dele},
		{"LIST", transaction, (*session).list},
		{"UIDL", transaction, (*session).uidl},
		{"TOP", transaction, (*session).top},
		{"STAT", transaction, (*session).stat},
		{"NOOP", transaction, (*session).noop},
		{"RSET", transaction, (*session).rset},
		{"QUIT", authorization | transaction, (*session).quit},
		{"CAPA", authorization | transaction, (*session).capa},
		{"LANG", authorization | transaction, (*session).language},
		{"USER", authorization, (*session).cmdUser},
		{"PASS", authorization, (*session).pass},
		{"APOP", authorization, (*session).apop},
		{"AUTH", authorization, (*session).auth},
		{"STLS", authorization, (*session).stls},
		{"UTF8", authorization, (*session).utf8Mode},
	}
}

// find returns the row of the table for a verb.
func find(verb string) *command {
	for _, c := range commands() {
		if c.verb == verb {
			return &c
		}
	}
	return nil
}

// ok answers +OK with a text that has been translated.
func (s *session) ok(text string) { s.status(pop3.Status{OK: true, Text: text}) }

// say answers +OK with a text that it translates.
func (s *session) say(text string) { s.ok(s.text(text)) }

// err answers -ERR.
func (s *session) err(code pop3.Code, text string) {
	s.status(pop3.Status{Code: code, Text: s.text(text)})
}

// wrong answers -ERR to a command that the client should not have sent. Too
// many of them in a row end the session.
func (s *session) wrong(text string) {
	s.errors++
	if reached(s.errors, s.srv.MaxBadCommands, DefaultMaxBadCommands) {
		text = textTooManyErr
		s.ended = true
	}
	s.err("", text)
}

func (s *session) status(st pop3.Status) {
	b := pop3.AppendStatus(s.c.AvailableBuffer(), st)
	s.c.Write(append(b, '\r', '\n'))
}

// end writes the line that ends a multi-line reply.
func (s *session) end() { s.c.WriteString(".\r\n") }

func (s *session) log() *slog.Logger {
	l := s.srv.Logger
	if l == nil {
		l = slog.Default()
	}
	return l.With("conn", s.c.ID(), "remote", s.c.RemoteAddr())
}

// storeError answers -ERR for an error of the store, and logs it.
func (s *session) storeError(doing string, err error) {
	switch {
	case errors.Is(err, mailbox.ErrNotExist):
		s.err(pop3.CodeSysPerm, textNoMaildrop)
	default:
		s.err(pop3.CodeSysTemp, textUnavailable)
	}
	s.log().Error("pop3: "+doing, "error", err)
}

func (s *session) noop(pop3.Command) { s.say(textNoop) }
