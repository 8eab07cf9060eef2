package pop3server

import (
	"cmp"
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/pop3"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/textproto"
)

// Defaults of Server.
const (
	DefaultIdleTimeout  = 10 * time.Minute // the minimum of RFC 1939 §3
	DefaultReadTimeout  = 5 * time.Minute  // within a command
	DefaultWriteTimeout = 5 * time.Minute
	DefaultLoginTimeout = time.Minute

	DefaultMaxBadCommands = 20
)

// A Server serves POP3 from a mailbox.Store. Store and Authenticator must be
// set; everything else has a default. The fields must not be changed while it
// serves.
type Server struct {
	// Server accepts connections. Its TLSConfig is what STLS and ServeTLS use,
	// its Logger and Trace are the server's. Its IdleTimeout, ReadTimeout,
	// WriteTimeout and LoginTimeout have the defaults above; a negative one is no
	// limit. Its Rates bound commands and failures.
	textproto.Server

	// Store holds the maildrops: the mailbox named Mailbox, by default INBOX,
	// of the account that the Authenticator names.
	Store   mailbox.Store
	Mailbox string

	// Authenticator checks who clients are. The SASL mechanisms that are
	// offered, and APOP, follow from its optional interfaces (see package sasl).
	Authenticator sasl.Authenticator

	// Hostname is the server's name, for the greeting and for SASL; by default
	// the host's.
	Hostname string

	// Mechanisms, unless nil, restricts the mechanisms: names of SASL, "APOP",
	// and "USER" for USER and PASS.
	Mechanisms []string

	// ChannelBinding offers the -PLUS forms of SCRAM under TLS. They are off by
	// default because some clients choose them whenever they are offered, and
	// then fail (mutt with GNU SASL).
	ChannelBinding bool

	// AllowInsecureAuth permits mechanisms that show the password, and USER, on
	// connections without TLS. It is meant for tests and for loopback.
	AllowInsecureAuth bool

	// Shared allows several sessions to have a maildrop open at the same time.
	// By default the second is refused with [IN-USE] (RFC 1939 §4).
	Shared bool

	// Lock, unless nil, locks a maildrop instead of the server's own lock,
	// which covers only the sessions of this Server. An error refuses the
	// login: with [IN-USE] if it is ErrInUse, else with [SYS/TEMP].
	Lock func(ctx context.Context, identity string) (release func(), err error)

	// Policy is announced and enforced. UserPolicy, unless nil, returns the
	// policy for each user who logs in. It may be more generous than Policy,
	// but not less (RFC 2449 §6.5, §6.7).
	Policy     Policy
	UserPolicy func(ctx context.Context, identity string) (Policy, error)

	// UID, unless nil, makes the unique-ids. The default is the EmailID of a
	// message, which it keeps when it is moved, or UIDVALIDITY and UID if the
	// store has none. A unique-id has 1 to 70 characters from "!" to "~"; other
	// results are hashed.
	UID func(mailbox.Info, mailbox.Entry) string

	// RefuseUTF8 refuses messages with UTF-8 in the header, with [UTF8], to
	// clients that have not said UTF8. By default they get a surrogate: a
	// conventional header made from it as described in RFC 6858. Announced
	// sizes are those of the original message.
	RefuseUTF8 bool

	// MarkSeen sets \Seen at QUIT on the messages that were retrieved.
	MarkSeen bool

	// OnAuth is called after each attempt to log in, before the client is
	// answered. Nil: sasl.SlowDown, which makes clients wait that fail.
	OnAuth func(ctx context.Context, a sasl.Attempt)

	// MaxAuthFailures is how many attempts to log in may fail before the
	// connection is closed; see sasl.Attempts for what counts. Zero:
	// sasl.DefaultMaxFailures; negative: no limit.
	MaxAuthFailures int

	// MaxBadCommands is how many invalid commands may follow each other before
	// the connection is closed. Zero: DefaultMaxBadCommands; negative: no
	// limit.
	MaxBadCommands int

	// Languages are those that LANG offers besides English. The first is what
	// "LANG *" selects.
	Languages []Language

	once   sync.Once
	host   string // Hostname, or its default
	locks  locks
	logins logins

	extensions []extension
	commands   map[string]command // of extensions, by verb
}

// Policy is what a server requires of its clients (RFC 2449).
type Policy struct {
	// Expire is how long messages stay on the server. Those that have been in
	// the mailbox for longer are deleted at QUIT. AtOnce deletes at QUIT the
	// messages that have been retrieved. Zero keeps everything, as does a
	// mailbox that the user may not expunge. Other values are rounded up to days.
	Expire time.Duration

	// LoginDelay is the minimum time between logins. Zero: none.
	LoginDelay time.Duration
}

// AtOnce as Policy.Expire announces EXPIRE 0: mail must not be left on the
// server.
const AtOnce time.Duration = -1

// days returns the argument of EXPIRE, -1 for NEVER.
func (p Policy) days() int {
	const day = 24 * time.Hour
	switch {
	case p.Expire == 0:
		return -1
	case p.Expire < 0:
		return 0
	}
	return int((p.Expire + day - 1) / day)
}

// ErrInUse is what Lock returns when another session has the maildrop.
var ErrInUse = errors.New("pop3server: maildrop is in use")

// Serve serves the connections of l until Shutdown or Close, and then returns
// textproto.ErrServerClosed. It closes l.
func (s *Server) Serve(l net.Listener) error { return s.Server.Serve(l, handler{s}) }

// ServeTLS is Serve with TLS from the first octet (RFC 8314 §3.1).
func (s *Server) ServeTLS(l net.Listener) error { return s.Server.ServeTLS(l, handler{s}) }

// ListenAndServe listens on a TCP address, ":110" if it is empty, and serves.
func (s *Server) ListenAndServe(addr string) error {
	return s.Server.ListenAndServe(cmp.Or(addr, ":110"), handler{s})
}

// ListenAndServeTLS listens on a TCP address, ":995" if it is empty, and serves
// with TLS from the first octet.
func (s *Server) ListenAndServeTLS(addr string) error {
	return s.Server.ListenAndServeTLS(cmp.Or(addr, ":995"), handler{s})
}

// errNotSet is returned when a required field is not set.
var errNotSet = errors.New("pop3server: Server needs a Store and an Authenticator")

// setup prepares the Server, once.
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
		if s.Redact == nil {
			s.Redact = redact
		}
		s.extensions, s.commands = extensions(), make(map[string]command)
		for _, x := range s.extensions {
			for _, cmd := range x.commands {
				s.commands[cmd.verb] = cmd
			}
		}
		s.MaxLine = pop3.MaxCommand
		s.IdleTimeout = cmp.Or(s.IdleTimeout, DefaultIdleTimeout)
		s.ReadTimeout = cmp.Or(s.ReadTimeout, DefaultReadTimeout)
		s.WriteTimeout = cmp.Or(s.WriteTimeout, DefaultWriteTimeout)
		s.LoginTimeout = cmp.Or(s.LoginTimeout, DefaultLoginTimeout)
	})
	return nil
}

func redact(dir textproto.Direction, line []byte) []byte {
	if dir == textproto.Receive {
		return pop3.Redact(line)
	}
	return line
}

// reached reports whether n is at a limit: zero means def, negative none.
func reached(n, limit, def int) bool {
	limit = cmp.Or(limit, def)
	return limit > 0 && n >= limit
}

// handler is a Server as a textproto.Handler.
type handler struct{ *Server }

// Prepare is called before the first connection.
func (h handler) Prepare() error { return h.setup() }

// Refuse says in one line why the connection is not served.
func (h handler) Refuse(c *textproto.Conn, reason error) {
	text := textTooMany
	switch {
	case errors.Is(reason, textproto.ErrServerClosed):
		text = textClosing
	case errors.Is(reason, textproto.ErrPanic):
		text = textInternal
	case errors.Is(reason, textproto.ErrTooManyConns):
	default:
		text = textTooManyErr
	}
	c.Write(append(pop3.AppendStatus(nil, pop3.Status{Code: pop3.CodeSysTemp, Text: text}), "\r\n"...))
}

// ServeConn serves one connection.
func (h handler) ServeConn(ctx context.Context, tp *textproto.Conn) {
	c := &conn{srv: h.Server, tp: tp, ctx: ctx}
	c.attempts = sasl.Attempts{OnAuth: h.OnAuth, MaxFailures: h.MaxAuthFailures}
	defer c.close()
	c.run()
}
