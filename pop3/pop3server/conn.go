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

// A conn is one connection. All of it belongs to the connection's goroutine.
type conn struct {
	srv *Server
	tp  *textproto.Conn
	ctx context.Context

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
func (c *conn) close() {
	c.stopAhead()
	if c.drop != nil {
		c.drop.close()
		c.drop = nil
	}
}

// run greets and serves commands until the session or the connection ends.
func (c *conn) run() {
	c.greet()
	for !c.ended {
		r, err := c.next()
		switch {
		case err == nil:
			c.serve(r)
		case errors.Is(err, textproto.ErrServerClosed):
			c.err(pop3.CodeSysTemp, textClosing)
			c.ended = true
		case errors.Is(err, textproto.ErrLineEndless):
			c.err("", textTooLong)
			c.ended = true
		default:
			// RFC 1939 §3: after a timeout the session ends without a reply,
			// and nothing is deleted.
			c.ended = true
		}
	}
	c.tp.Flush()
}

func (c *conn) greet() {
	c.tp.SetMaxLine(maxAuthLine)
	text := c.srv.host + " POP3 " + c.text(textReady)
	if sasl.OffersAPOP(c.srv.Authenticator, c.saslConn()) {
		c.stamp = sasl.NewStamp(c.srv.host)
		text += " " + c.stamp
	}
	c.ok(text)
}

// next returns the next command. It waits for one only after all replies have
// been sent.
func (c *conn) next() (request, error) {
	if len(c.queue) > 0 {
		r := c.queue[0]
		c.queue = c.queue[1:]
		c.tp.SetAhead(len(c.queue) > 0)
		return r, nil
	}
	if !c.tp.BufferedLine() {
		c.stopAhead()
		if err := c.tp.Flush(); err != nil {
			return request{}, err
		}
		for {
			err := c.tp.Wait()
			if err == nil {
				break
			}
			if !errors.Is(err, textproto.ErrWoken) {
				return request{}, err
			}
		}
	}
	return c.read()
}

var errHTTP = errors.New("the client speaks HTTP")

// read reads a command. It returns only errors that end the connection.
func (c *conn) read() (request, error) {
	line, err := c.tp.ReadLine()
	switch {
	case err == nil, errors.Is(err, textproto.ErrBareLF): // no body comes from clients: nothing to smuggle
		cmd, err := pop3.ParseCommand(line)
		// RFC 2449 §4; but clients send tokens of kilobytes with AUTH, although
		// RFC 5034 §4 requires them to wait for the challenge.
		if len(line) > pop3.MaxCommand-2 && cmd.Verb != "AUTH" {
			err = textproto.ErrLineTooLong
		}
		if textproto.IsHTTP(line) {
			err = errHTTP
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
func (c *conn) serve(r request) {
	if !c.allow() {
		return
	}
	before := c.errors
	switch {
	case r.err == errHTTP:
		c.ended = true
		c.err("", textHTTP)
	case errors.Is(r.err, textproto.ErrLineTooLong):
		c.wrong(textTooLong)
	case errors.Is(r.err, textproto.ErrBareCR):
		c.wrong(textBadLine)
	case errors.Is(r.err, pop3.ErrUnknownCommand):
		c.wrong(textUnknown)
	default:
		row, ok := c.srv.commands[r.cmd.Verb]
		switch {
		case !ok:
			c.wrong(textUnknown)
		case c.drop == nil && row.states&authorization == 0:
			c.wrong(textTransState)
		case c.drop != nil && row.states&transaction == 0:
			c.wrong(textAuthState)
		case r.err != nil:
			c.wrong(textSyntax)
		default:
			row.run(c, r.cmd)
		}
	}
	if c.errors == before {
		c.errors = 0
	}
}

// ok answers +OK with a text that has been translated.
func (c *conn) ok(text string) { c.status(pop3.Status{OK: true, Text: text}) }

// say answers +OK with a text that it translates.
func (c *conn) say(text string) { c.ok(c.text(text)) }

// err answers -ERR.
func (c *conn) err(code pop3.Code, text string) {
	if !c.ended && c.tp.Spend(c.ctx, textproto.FailureRate, 1) != nil {
		code, text = pop3.CodeSysTemp, textTooManyErr
		c.ended = true
	}
	c.status(pop3.Status{Code: code, Text: c.text(text)})
}

// allow counts a command, and ends the session if there are too many.
func (c *conn) allow() bool {
	n := 1
	if c.drop == nil {
		n = 100
	}
	if c.tp.Spend(c.ctx, textproto.CommandRate, n) != nil {
		c.ended = true
		c.err(pop3.CodeSysTemp, textTooManyCmd)
		return false
	}
	return true
}

// wrong answers -ERR to a command that the client should not have sent. Too
// many of them in a row end the session.
func (c *conn) wrong(text string) {
	c.errors++
	if reached(c.errors, c.srv.MaxBadCommands, DefaultMaxBadCommands) {
		text = textTooManyErr
		c.ended = true
	}
	c.err("", text)
}

func (c *conn) status(st pop3.Status) {
	b := pop3.AppendStatus(c.tp.AvailableBuffer(), st)
	c.tp.Write(append(b, '\r', '\n'))
}

// end writes the line that ends a multi-line reply.
func (c *conn) end() { c.tp.WriteString(".\r\n") }

func (c *conn) log() *slog.Logger {
	l := c.srv.Logger
	if l == nil {
		l = slog.Default()
	}
	l = l.With("conn", c.tp.ID(), "remote", c.tp.RemoteAddr())
	if c.drop != nil {
		l = l.With("user", c.drop.user)
	}
	return l
}

// storeError answers -ERR for an error of the store, and logs it.
func (c *conn) storeError(doing string, err error) {
	_, damaged := errors.AsType[*mailbox.MessageError](err)
	switch {
	case errors.Is(err, textproto.ErrTooMuchWork):
		c.err(pop3.CodeSysTemp, textTooCostly)
		return
	case errors.Is(err, textproto.ErrTooMuchMemory):
		c.err(pop3.CodeSysTemp, textNoMemory)
		return
	case errors.Is(err, mailbox.ErrNotExist), errors.Is(err, mailbox.ErrPermission):
		c.err(pop3.CodeSysPerm, textNoMaildrop)
	case damaged:
		c.err(pop3.CodeSysPerm, textDamaged)
	default:
		c.err(pop3.CodeSysTemp, textUnavailable)
	}
	if c.ctx.Err() == nil {
		c.log().Error("pop3: "+doing, "error", err)
	}
}

func (c *conn) noop(pop3.Command) { c.say(textNoop) }
