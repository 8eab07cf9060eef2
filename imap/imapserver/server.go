package imapserver

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/textproto"
)

// Defaults of Server.
const (
	DefaultIdleTimeout  = 30 * time.Minute // the least that RFC 9051 §5.4 allows
	DefaultReadTimeout  = 5 * time.Minute  // within a command
	DefaultWriteTimeout = 5 * time.Minute
	DefaultLoginTimeout = time.Minute

	DefaultMaxBadCommands  = 20
	DefaultMaxListPatterns = 100
)

// A Server serves IMAP from a mailbox.Store. Store and Authenticator must be
// set; everything else has a default. The fields must not be changed once it
// serves.
type Server struct {
	// Server accepts connections. Its TLSConfig is what STARTTLS and ServeTLS
	// use, its Logger and Trace are the server's. Its IdleTimeout, ReadTimeout,
	// WriteTimeout and LoginTimeout have the defaults above; a negative one is no
	// limit. Its Rates bound commands and failures.
	textproto.Server

	// Store holds the mail. The identity that Authenticator returns is the
	// name of an account in it.
	Store mailbox.Store

	// Authenticator authenticates clients. Its optional interfaces determine
	// the SASL mechanisms that are offered (see package sasl).
	Authenticator sasl.Authenticator

	// Hostname is the server's name, for the greeting and for SASL; by default
	// the host's.
	Hostname string

	// Mechanisms, unless nil, restricts the mechanisms: names of SASL.
	Mechanisms []string

	// ChannelBinding offers the -PLUS forms of SCRAM under TLS. They are off by
	// default because some clients choose them whenever they are offered, and
	// then fail (mutt, with GNU SASL).
	ChannelBinding bool

	// AllowInsecureAuth permits mechanisms that reveal the password, and LOGIN,
	// on connections without TLS. It is meant for tests and for loopback.
	AllowInsecureAuth bool

	// MaxAuthFailures is how many attempts to log in may fail until the
	// connection is closed; see sasl.Attempts for what counts. Zero:
	// sasl.DefaultMaxFailures; negative: no limit.
	MaxAuthFailures int

	// MaxBadCommands is how many commands may be bad, one after the other,
	// until the connection is closed. Zero: DefaultMaxBadCommands; negative: no
	// limit.
	MaxBadCommands int

	// MaxListPatterns is how many patterns a LIST may have (RFC 5258 §3.4); one with
	// more is refused with NO [LIMIT]. Zero: DefaultMaxListPatterns; negative: no
	// limit.
	MaxListPatterns int

	// MaxCommand is how many octets a command may have after login, with its
	// literals but without the messages of an APPEND. Zero: 256 KiB. (Before
	// login it is 64 KiB.)
	MaxCommand int

	// SearchTimeout is how long a SEARCH may take, with the time that it waits for
	// others; one that takes longer is refused with NO [LIMIT]. Zero:
	// search.DefaultMaxTime; negative: no limit.
	SearchTimeout time.Duration

	// ID is the response to ID (RFC 2971). Nil: the name of the server only.
	ID imap.IDFields

	// OnConnect, unless nil, is called before the greeting. An error ends the
	// connection with BYE: the text of an *imap.Error is shown to the client,
	// that of others is not.
	OnConnect func(ctx context.Context, c *Conn) error

	// Capabilities, unless nil, gets the capabilities about to be advertised
	// to a client and returns those that are, to turn extensions off for a
	// connection or an account. All syntax of a disabled extension is refused,
	// whether or not the client requested capabilities. It is
	// called again for each command that needs an extension.
	Capabilities func(c *Conn, caps imap.CapSet) imap.CapSet

	// OnID, unless nil, is called when a client has sent ID.
	OnID func(c *Conn, id imap.IDFields)

	// OnAuth is called after each attempt to log in, before the client is
	// answered. Nil: sasl.SlowDown, which delays clients that fail.
	OnAuth func(ctx context.Context, a sasl.Attempt)

	// QuotaAdmin reports who may use SETQUOTA. Nil: no user.
	QuotaAdmin func(c *Conn) bool

	hub   hub
	once  sync.Once
	host  string // Hostname, or its default
	proto *protocol
}

// Serve serves the connections of l until Shutdown or Close, and then returns
// textproto.ErrServerClosed. It closes l.
func (s *Server) Serve(l net.Listener) error { return s.Server.Serve(l, handler{s}) }

// ServeTLS is Serve with TLS from the first octet (RFC 8314 §3.2).
func (s *Server) ServeTLS(l net.Listener) error { return s.Server.ServeTLS(l, handler{s}) }

// ListenAndServe listens on a TCP address, ":143" if it is empty, and serves.
func (s *Server) ListenAndServe(addr string) error {
	return s.Server.ListenAndServe(cmp.Or(addr, ":143"), handler{s})
}

// ListenAndServeTLS listens on a TCP address, ":993" if it is empty, and serves
// with TLS from the first octet.
func (s *Server) ListenAndServeTLS(addr string) error {
	return s.Server.ListenAndServeTLS(cmp.Or(addr, ":993"), handler{s})
}

// errNotSet is the error of a Server without its required fields.
var errNotSet = errors.New("imapserver: Server needs a Store and an Authenticator")

// setup prepares the server, once.
func (s *Server) setup() error {
	if s.Store == nil || s.Authenticator == nil {
		return errNotSet
	}
	s.once.Do(func() {
		s.host = s.Hostname
		if s.host == "" {
			s.host, _ = os.Hostname()
		}
		s.host = cmp.Or(s.host, "localhost")
		s.proto = newProtocol()
		if s.Redact == nil {
			s.Redact = s.proto.redact
		}
		s.IdleTimeout = cmp.Or(s.IdleTimeout, DefaultIdleTimeout)
		s.ReadTimeout = cmp.Or(s.ReadTimeout, DefaultReadTimeout)
		s.WriteTimeout = cmp.Or(s.WriteTimeout, DefaultWriteTimeout)
		s.LoginTimeout = cmp.Or(s.LoginTimeout, DefaultLoginTimeout)
	})
	return nil
}

// handler is the interface of a Server to the accept loop.
type handler struct{ srv *Server }

// Prepare is called before the first connection.
func (h handler) Prepare() error { return h.srv.setup() }

func (h handler) ServeConn(ctx context.Context, tp *textproto.Conn) {
	c := newConn(ctx, h.srv, tp)
	defer c.close()
	tp.SetAutoFlush(true)
	c.serve()
}

// reached reports whether n is at a limit: zero means def, negative none.
func reached(n, limit, def int) bool {
	limit = cmp.Or(limit, def)
	return limit > 0 && n >= limit
}

// Refuse tells a client that there is no service.
func (h handler) Refuse(c *textproto.Conn, reason error) {
	c.WriteString(refusalLine(reason))
	c.Flush()
}

// A Conn is a connection of a client, as passed to the hooks of Server.
type Conn struct {
	srv *Server
	tp  *textproto.Conn
	ctx context.Context
	r   *grammar.Reader
	enc wire.Encoder // over tp's buffer; see begin and end

	state    state
	identity string
	clientID imap.IDFields
	hub      *accountHub
	account  mailbox.Account
	enabled  imap.CapSet
	on       []extension // whose capabilities are in enabled

	sel *selected // in the selected state

	bad      int           // bad commands in succession
	attempts sasl.Attempts // to log in

	// Of the command in progress:
	holdExpunge bool        // it must not get EXPUNGE responses
	units       int         // of work that have not been counted yet
	force       bool        // ask the store for changes even if none were announced
	offer       imap.CapSet // what offers looks in, if offerKnown
	offerKnown  bool
}

func newConn(ctx context.Context, srv *Server, tp *textproto.Conn) *Conn {
	c := &Conn{
		srv: srv, tp: tp, ctx: ctx, state: notAuthenticated,
		attempts: sasl.Attempts{OnAuth: srv.OnAuth, MaxFailures: srv.MaxAuthFailures},
		r:        grammar.NewReader(tp, wire.LimitsBeforeLogin()),
	}
	c.r.SetOffered(c.offers)
	c.r.SetHold(c.hold)
	return c
}

// RemoteAddr returns the client's address.
func (c *Conn) RemoteAddr() net.Addr { return c.tp.RemoteAddr() }

// LocalAddr returns the address that the client connected to.
func (c *Conn) LocalAddr() net.Addr { return c.tp.LocalAddr() }

// TLS returns the state of TLS, nil without TLS.
func (c *Conn) TLS() *tls.ConnectionState { return c.tp.TLS() }

// ID returns the connection's name in traces and logs.
func (c *Conn) ID() string { return c.tp.ID() }

// Identity returns the identity that has logged in, or "".
func (c *Conn) Identity() string { return c.identity }

// ClientID returns the fields that the client has sent with ID, or nil. RFC 2971 §3
// forbids to behave differently depending on them.
func (c *Conn) ClientID() imap.IDFields { return c.clientID }
