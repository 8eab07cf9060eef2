package imapserver

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/textproto"
)

// A Server serves IMAP from a mailbox.Store. Store and Authenticator must be
// set; everything else has a default. No field may be changed once the server
// serves.
type Server struct {
	// Server accepts connections. Its TLSConfig is what STARTTLS and
	// ServeTLS use, its Logger and Trace are the server's. IdleTimeout,
	// unless set, is 30 minutes once a client is logged in, the least that
	// RFC 9051 §5.4 allows.
	textproto.Server

	// Store holds the mail. The identity that Authenticator returns is the
	// name of an account in it.
	Store mailbox.Store

	// Authenticator checks who clients are. The SASL mechanisms that are
	// offered follow from its optional interfaces (see package sasl).
	Authenticator sasl.Authenticator

	// Hostname is the server's name, for the greeting and for SASL
	// challenges. Empty: "localhost".
	Hostname string

	// Mechanisms, unless nil, restricts the SASL mechanisms.
	Mechanisms []string

	// ChannelBinding offers the -PLUS forms of SCRAM under TLS. They are off by
	// default for clients that choose them wherever they are offered, and then
	// fail (mutt, with GNU SASL).
	ChannelBinding bool

	// AllowInsecureAuth permits mechanisms that show the password, and LOGIN,
	// on connections without TLS. It is meant for tests and for loopback.
	AllowInsecureAuth bool

	// LoginTimeout is how long a client may stay without logging in (one
	// minute if zero): what a stranger can hold a connection for.
	LoginTimeout time.Duration

	// MaxAuthFailures is how many attempts to log in may fail until the
	// connection is closed (DefaultMaxAuthFailures if zero).
	MaxAuthFailures int

	// MaxBadCommands is how many commands may be bad, one after the other,
	// until the connection is closed (DefaultMaxBadCommands if zero).
	MaxBadCommands int

	// MaxCommand is the size in octets of a command with its literals, the
	// message of an APPEND left out, after login (the default of the command
	// reader, if zero).
	MaxCommand int

	// ID is what the server says of itself (RFC 2971). Nil: its name only.
	ID imap.IDFields

	// OnConnect, unless nil, is called before the greeting. An error ends the
	// connection with BYE: the text of an *imap.Error is shown to the client,
	// that of others is not.
	OnConnect func(ctx context.Context, s *Session) error

	// Capabilities, unless nil, gets the capabilities about to be advertised
	// to a client and returns those that are, to turn extensions off for a
	// connection or an account. A command that belongs to an extension that is
	// turned off is refused, whether or not the client asked for
	// capabilities.
	Capabilities func(s *Session, caps imap.CapSet) imap.CapSet

	// OnID, unless nil, is called when a client has said what it is.
	OnID func(s *Session, id imap.IDFields)

	// OnAuth, unless nil, is called after each attempt to log in, before the
	// client is answered. Nil: sasl.SlowDown, which makes those wait who fail.
	OnAuth func(ctx context.Context, a sasl.Attempt)

	// QuotaAdmin, unless nil, tells who may use SETQUOTA. Nil: nobody.
	QuotaAdmin func(s *Session) bool

	hub   hub
	once  sync.Once
	proto *protocol
}

// Serve serves connections from l, without TLS from the start, until Shutdown
// or Close; then it returns textproto.ErrServerClosed.
func (s *Server) Serve(l net.Listener) error { return s.Server.Serve(l, s.handler()) }

// ServeTLS is like Serve with TLS from the start (RFC 8314 §3.2).
func (s *Server) ServeTLS(l net.Listener) error { return s.Server.ServeTLS(l, s.handler()) }

// ListenAndServe listens on a TCP address, ":imap" if it is empty, and serves.
func (s *Server) ListenAndServe(addr string) error {
	if addr == "" {
		addr = ":imap"
	}
	return s.Server.ListenAndServe(addr, s.handler())
}

// ListenAndServeTLS listens on a TCP address, ":imaps" if it is empty, and
// serves TLS.
func (s *Server) ListenAndServeTLS(addr string) error {
	if addr == "" {
		addr = ":imaps"
	}
	return s.Server.ListenAndServeTLS(addr, s.handler())
}

// Defaults of Server.
const (
	DefaultLoginTimeout = time.Minute
	DefaultIdleTimeout  = 30 * time.Minute
	DefaultReadTimeout  = 5 * time.Minute // within a command
	DefaultWriteTimeout = 5 * time.Minute

	DefaultMaxAuthFailures = 10
	DefaultMaxBadCommands  = 20
)

func (s *Server) hostname() string {
	if s.Hostname != "" {
		return s.Hostname
	}
	return "localhost"
}

// handler is what textproto.Server calls; it keeps the methods off Server.
type handler struct{ srv *Server }

func (s *Server) handler() handler {
	s.prepare()
	return handler{s}
}

// prepare makes the server ready, once.
func (s *Server) prepare() {
	s.once.Do(func() {
		s.proto = newProtocol()
		if s.Redact == nil {
			s.Redact = s.proto.redact
		}
	})
}

func (h handler) ServeConn(ctx context.Context, c *textproto.Conn) {
	s := newSession(ctx, h.srv, c)
	defer s.close()
	c.SetAutoFlush(true)
	c.SetReadTimeout(orDefault(h.srv.ReadTimeout, DefaultReadTimeout))
	c.SetWriteTimeout(orDefault(h.srv.WriteTimeout, DefaultWriteTimeout))
	c.SetIdleTimeout(orDefault(h.srv.IdleTimeout, DefaultIdleTimeout))
	limited, cancel := context.WithTimeoutCause(ctx, orDefault(h.srv.LoginTimeout, DefaultLoginTimeout), errLoginTimeout)
	release := c.Bind(limited)
	s.unbind = sync.OnceFunc(func() {
		release()
		cancel()
	})
	defer s.unbind()
	s.serve()
}

func orDefault[T int | time.Duration](v, def T) T {
	if v > 0 {
		return v
	}
	return def
}

// Refuse tells a client that there is no service.
func (h handler) Refuse(c *textproto.Conn, reason error) {
	c.WriteString(refusalLine(reason))
	c.Flush()
}

// A Session is one connection, as the hooks of Server see it.
type Session struct {
	srv  *Server
	conn *textproto.Conn
	ctx  context.Context
	r    *grammar.Reader
	enc  wire.Encoder // over conn's buffer; see begin and end

	state    state
	identity string
	clientID imap.IDFields
	hub      *accountHub
	account  mailbox.Account
	enabled  imap.CapSet

	sel *selected // in the selected state

	bad      int    // bad commands in succession
	failures int    // failed logins
	unbind   func() // ends the time limit for logging in

	// Of the command under way:
	holdExpunge bool // it must not get EXPUNGE responses
	force       bool // ask the store for changes even if none were announced
}

func newSession(ctx context.Context, srv *Server, c *textproto.Conn) *Session {
	return &Session{srv: srv, conn: c, ctx: ctx, state: notAuthenticated,
		r: grammar.NewReader(c, wire.LimitsBeforeLogin())}
}

// RemoteAddr returns the client's address.
func (s *Session) RemoteAddr() net.Addr { return s.conn.RemoteAddr() }

// LocalAddr returns the address that the client connected to.
func (s *Session) LocalAddr() net.Addr { return s.conn.LocalAddr() }

// TLS returns the state of TLS, nil without TLS.
func (s *Session) TLS() *tls.ConnectionState { return s.conn.TLS() }

// ConnID returns the connection's name in logs and traces.
func (s *Session) ConnID() string { return s.conn.ID() }

// Identity returns who has logged in, empty if nobody has.
func (s *Session) Identity() string { return s.identity }

// ClientID returns what the client has said of itself with ID, nil if nothing.
// RFC 2971 §3 forbids to behave differently for it.
func (s *Session) ClientID() imap.IDFields { return s.clientID }
