package smtpserver

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strconv"

	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/textproto"
)

// A Conn is a client's connection: what a Backend can know of the client. Its
// methods are for the goroutine that the Backend is called on.
type Conn struct {
	srv     *Server
	tp      *textproto.Conn
	ctx     context.Context
	session Session
	log     *slog.Logger

	state    states
	parser   smtp.Parser
	disabled smtp.ExtensionSet
	hello    string
	extended bool // greeted with EHLO or LHLO
	identity string
	proxied  *proxied // nil unless XCLIENT or XFORWARD was used

	tx         *tx // nil without a transaction
	recipients int
	mails      int                 // transactions begun
	domains    map[string]struct{} // of all recipients, in ASCII; nil unless they are limited
	id         string
	idOf       int // the value of mails that id is of

	arg      string        // of the present command
	pending  []byte        // a command line that ended a chunked message, to be run next
	errors   int           // wrong commands in a row
	refusals int           // refused commands in a row
	idle     int           // commands without a message since MAIL was accepted
	attempts sasl.Attempts // to log in
	goodbye  bool          // the connection is to be closed
}

func newConn(ctx context.Context, s *Server, tp *textproto.Conn) *Conn {
	// RFC 2920 §3.2: replies may be held back only while there is more input,
	// or both sides would wait.
	tp.SetAutoFlush(true)
	c := &Conn{srv: s, tp: tp, ctx: ctx, state: stStart, disabled: s.Disable}
	c.attempts = sasl.Attempts{OnAuth: s.OnAuth, MaxFailures: s.MaxAuthFailures}
	c.parser = smtp.Parser{Allow: s.Allow, MaxPath: limit(s.Limits.Path, smtp.MaxPath)}
	c.log = s.Logger
	if c.log == nil {
		c.log = slog.Default()
	}
	return c
}

// ID returns the connection's name in traces and logs.
func (c *Conn) ID() string { return c.tp.ID() }

// TransactionID names the present transaction: when the server began, the
// connection's ID and a count. It is what the client is told when a message was
// accepted, and what Delivery puts into the Received field.
func (c *Conn) TransactionID() string {
	if c.mails != c.idOf {
		c.id, c.idOf = c.srv.epoch+"-"+c.tp.ID()+"-"+strconv.Itoa(c.mails), c.mails
	}
	return c.id
}

// RemoteAddr returns the client's address, the one that a trusted proxy named
// where there is one.
func (c *Conn) RemoteAddr() net.Addr {
	if c.proxied != nil && c.proxied.remote != nil {
		return c.proxied.remote
	}
	return c.tp.RemoteAddr()
}

// RemoteIP returns the client's IP address, or the zero Addr if it has none.
func (c *Conn) RemoteIP() netip.Addr { return addrIP(c.RemoteAddr()) }

// RemoteName returns the name of the client's address as a trusted proxy gave
// it by XCLIENT. The server itself does not look names up.
func (c *Conn) RemoteName() string {
	if c.proxied == nil {
		return ""
	}
	return c.proxied.name
}

// LocalAddr returns the address that the client connected to.
func (c *Conn) LocalAddr() net.Addr { return c.tp.LocalAddr() }

// Hello returns the name that the client gave in HELO, EHLO or LHLO. It is not
// verified, and need not even be a name: see smtp.Parser.Hello.
func (c *Conn) Hello() string { return c.hello }

// TLS returns the state of TLS, nil without it.
func (c *Conn) TLS() *tls.ConnectionState { return c.tp.TLS() }

// Identity returns who the client has authenticated as, empty if it hasn't.
func (c *Conn) Identity() string { return c.identity }

// Forwarded returns what a trusted client said with XFORWARD about the present
// transaction, or the next: an attribute each of NAME, ADDR, PORT, PROTO, HELO,
// IDENT and SOURCE at most. It is empty again after the transaction.
func (c *Conn) Forwarded() []smtp.Attribute {
	if c.proxied == nil {
		return nil
	}
	return c.proxied.forward
}

// Argument returns the argument of the command being carried out as the client
// sent it, such as "FROM:<a@b.example> SIZE=1".
func (c *Conn) Argument() string { return c.arg }

// Hostname returns the server's name.
func (c *Conn) Hostname() string { return c.srv.host }

// LMTP reports whether the server speaks LMTP, in which each recipient of a message is
// answered: see [RecipientErrors].
func (c *Conn) LMTP() bool { return c.srv.LMTP }

// Protocol returns how the present message arrives, for the "with" clause of a
// Received field (RFC 3848).
func (c *Conn) Protocol() string {
	return smtp.Protocol(c.srv.LMTP, c.extended, c.tp.TLS() != nil, c.identity != "", c.tx != nil && c.tx.mail.Options.UTF8)
}

func addrIP(a net.Addr) netip.Addr {
	switch a := a.(type) {
	case nil:
		return netip.Addr{}
	case *net.TCPAddr:
		return a.AddrPort().Addr().Unmap()
	}
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap()
}

// close ends the session.
func (c *Conn) close() {
	defer c.endTx()
	if c.session == nil {
		return
	}
	if c.state&(stTx|stChunk) != 0 {
		c.session.Reset(c.ctx)
	}
	if err := c.session.Close(); err != nil {
		c.log.Warn("smtp: closing a session", "conn", c.ID(), "remote", c.RemoteAddr(), "error", err)
	}
	c.session = nil
}

// serve runs the dialogue.
func (c *Conn) serve() {
	if !c.greet() {
		c.tp.Flush()
		return
	}
	for !c.goodbye {
		line, err := c.next()
		if err != nil {
			return
		}
		c.dispatch(line)
	}
	c.tp.Flush()
}

// next returns the next command line. It has answered what is no command line
// already. An error ends the connection; the client has been told.
func (c *Conn) next() ([]byte, error) {
	if line := c.pending; line != nil {
		c.pending = nil
		return line, nil
	}
	for {
		if err := c.tp.Wait(); err != nil {
			c.lost(err)
			return nil, err
		}
		line, err := c.tp.ReadLine()
		switch {
		case err == nil && len(line)+2 > c.srv.commandLine && !isAuth(line):
			c.wrong(errLineTooLong)
		case err == nil:
			if bytes.IndexByte(line, 0) < 0 {
				return line, nil
			}
			c.wrong(&smtp.Error{Code: 500, Enhanced: smtp.EnhancedCode{5, 5, 2}, Text: "NUL is not allowed"})
		case errors.Is(err, textproto.ErrLineEndless):
			c.wrong(errLineTooLong)
			c.goodbye = true
		case errors.Is(err, textproto.ErrLineTooLong):
			c.wrong(errLineTooLong)
		case errors.Is(err, textproto.ErrBareLF), errors.Is(err, textproto.ErrBareCR):
			c.wrong(&smtp.Error{Code: 500, Enhanced: smtp.EnhancedCode{5, 5, 2}, Text: "lines end with CRLF"}) // RFC 5321 §2.3.8
		default:
			c.lost(err)
			return nil, err
		}
		if c.goodbye {
			c.tp.Flush()
			return nil, textproto.ErrLineTooLong
		}
	}
}

// allow begins a command. It counts those that carry no message, and ends the session
// of a client that gives too many. (Those that carry one are as many as there is mail.)
func (c *Conn) allow(message bool) bool {
	n := 0
	if !message {
		n = 1
		c.idle++
	}
	switch {
	case c.idle > limit(c.srv.Limits.Idle, DefaultIdle):
		c.overdone("too many commands without a message")
	case c.tp.Spend(c.ctx, textproto.CommandRate, n) != nil:
		c.overdone("too many commands")
	}
	return !c.goodbye
}

// overdone closes the connection of a client that does too much of something.
func (c *Conn) overdone(what string) {
	c.send(421, smtp.EnhancedCode{4, 7, 0}, c.srv.host+" "+what+", closing connection")
	c.goodbye = true
	c.tp.Flush()
}

var errLineTooLong = &smtp.Error{Code: 500, Enhanced: smtp.EnhancedCode{5, 5, 2}, Text: "line too long"} // RFC 5321 §4.5.3.1.9

// isAuth reports whether a command line is AUTH, which may be longer than others.
func isAuth(line []byte) bool {
	verb, _ := smtp.CutCommand(line)
	return bytes.EqualFold(verb, []byte("AUTH"))
}

// lost says goodbye after an error of Wait or of a read, where that makes sense.
func (c *Conn) lost(err error) {
	c.goodbye = true
	c.tp.LoggedIn() // its time limit is over, and must not stop the reply
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, textproto.ErrServerClosed):
		c.send(421, smtp.EnhancedCode{4, 3, 2}, c.srv.host+" shutting down, closing connection")
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, os.ErrDeadlineExceeded),
		errors.Is(err, textproto.ErrLoginTimeout):
		c.send(421, smtp.EnhancedCode{4, 4, 2}, c.srv.host+" timeout, closing connection")
	}
	// At the end of input the client may have closed its direction only and
	// wait for the replies.
	c.tp.Flush()
}

// dispatch runs a command line.
func (c *Conn) dispatch(line []byte) {
	verb, arg := smtp.CutCommand(line)
	cmd := c.srv.lookup(verb)
	if !c.allow(cmd != nil && cmd.message) {
		return
	}
	switch {
	case cmd == nil:
		if textproto.IsHTTP(line) {
			c.log.Info("smtp: the client speaks HTTP", "conn", c.ID(), "remote", c.RemoteAddr())
			c.send(421, smtp.EnhancedCode{4, 7, 0}, c.srv.host+" does not speak HTTP, closing connection")
			c.goodbye = true
			return
		}
		c.wrong(&smtp.Error{Code: 500, Enhanced: smtp.EnhancedCode{5, 5, 1}, Text: "command unrecognized"})
	case !c.has(cmd.extension) && !cmd.octets:
		c.wrong(errNotImplemented)
	case c.state&cmd.states == 0:
		c.wrong(c.sequence(cmd))
	default:
		c.arg = string(arg)
		cmd.run(c, c.arg)
	}
	if cmd == nil || !cmd.batch {
		c.tp.Flush()
	}
}

var errNotImplemented = &smtp.Error{Code: 502, Enhanced: smtp.EnhancedCode{5, 5, 1}, Text: "command not implemented"}

// sequence is the reply to a command that is out of its place.
func (c *Conn) sequence(cmd *command) *smtp.Error {
	text := "bad sequence of commands"
	switch {
	case c.state == stStart:
		text = "say HELO or EHLO first"
		if c.srv.LMTP {
			text = "say LHLO first"
		}
	case c.state == stReady:
		text = "MAIL first"
	case c.state == stChunk:
		text = "BDAT expected"
	case cmd != nil && cmd.states&stReady != 0:
		text = "not within a mail transaction"
	case c.state == stMail:
		text = "RCPT first"
	}
	return &smtp.Error{Code: 503, Enhanced: smtp.EnhancedCode{5, 5, 1}, Text: text}
}

// lookup finds a command by its verb, without regard to case.
func (s *Server) lookup(verb []byte) *command {
	var b [10]byte
	if len(verb) > len(b) {
		return nil
	}
	for i, ch := range verb {
		if 'a' <= ch && ch <= 'z' {
			ch -= 'a' - 'A'
		}
		b[i] = ch
	}
	return s.commands[string(b[:len(verb)])]
}

// reset ends the transaction, if there is one, and forgets what was said for it.
func (c *Conn) reset() {
	if c.state&(stTx|stChunk) != 0 {
		c.session.Reset(c.ctx)
		c.state = stReady
	}
	c.endTx()
	c.recipients = 0
	if c.proxied != nil {
		c.proxied.forward = nil
	}
}

// isConnErr reports whether an error that came out of reading a body means that
// nothing more can be read.
func isConnErr(err error) bool {
	return err != nil && err != io.EOF && !errors.Is(err, textproto.ErrBareCR) && !errors.Is(err, textproto.ErrBareLF)
}
