package pop3server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/pop3"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/textproto"
)

// Defaults of Server.
const (
	// DefaultIdleTimeout is the autologout time of RFC 1939 §3, for which ten
	// minutes are the least.
	DefaultIdleTimeout = 10 * time.Minute

	// DefaultIOTimeout bounds a wait within a command or a reply.
	DefaultIOTimeout = 5 * time.Minute

	DefaultMaxAuthFailures = 10
	DefaultMaxErrors       = 20
)

// A Server serves POP3. Store and Authenticator must be set. The fields must
// not be changed once it serves.
type Server struct {
	// Server accepts connections. Its TLSConfig turns on STLS.
	textproto.Server

	// Store holds the maildrops: the mailbox named Mailbox, by default INBOX,
	// of the account that the Authenticator names.
	Store   mailbox.Store
	Mailbox string

	// Authenticator checks users, and with what it is able to decides which
	// mechanisms are offered. Mechanisms, unless nil, restricts them: names of
	// SASL mechanisms, "APOP", and "USER" for USER and PASS.
	Authenticator sasl.Authenticator
	Mechanisms    []string

	// ChannelBinding offers the -PLUS mechanisms under TLS. It is off by
	// default because of mutt, which picks them, can't do them, and then loses
	// step: it does not read the answer to its cancelling.
	ChannelBinding bool

	// AllowInsecureAuth permits logins that show the password to listeners,
	// where there is no TLS.
	AllowInsecureAuth bool

	// Hostname is the server's name, for greeting and SASL. Default
	// "localhost".
	Hostname string

	// Shared lets several sessions have a maildrop open at once. By default
	// the second is refused with [IN-USE] (RFC 1939 §4).
	Shared bool

	// Lock, unless nil, locks a maildrop in place of the server's own lock,
	// which knows of this Server's sessions only. An error refuses the login:
	// with [IN-USE] if it is ErrInUse, else with [SYS/TEMP].
	Lock func(ctx context.Context, identity string) (release func(), err error)

	// Policy is announced and enforced. UserPolicy, unless nil, is asked for
	// each user who logs in and may be more generous than Policy, not less
	// (RFC 2449 §6.5, §6.7).
	Policy     Policy
	UserPolicy func(ctx context.Context, identity string) (Policy, error)

	// UID, unless nil, makes the unique-ids. The default is the EmailID of a
	// message, which stays with it when it moves, or where the store has none
	// UIDVALIDITY and UID. One to 70 characters from "!" to "~"; what isn't is
	// hashed.
	UID func(mailbox.Info, mailbox.Entry) string

	// RefuseUTF8 refuses messages with UTF-8 in the header, with [UTF8], to
	// clients that have not said UTF8. By default they get a surrogate: a
	// conventional header made from it after RFC 6858. Sizes that are
	// announced are those of the message itself.
	RefuseUTF8 bool

	// MarkSeen sets \Seen at QUIT on the messages that were retrieved.
	MarkSeen bool

	// OnAuth, unless nil, is called after each attempt to log in, before the
	// client is answered; nil means sasl.SlowDown. MaxAuthFailures failures end
	// the connection (default DefaultMaxAuthFailures).
	OnAuth          func(ctx context.Context, a sasl.Attempt)
	MaxAuthFailures int

	// MaxErrors is how many commands in a row may be wrong (default
	// DefaultMaxErrors).
	MaxErrors int

	// Languages are those that LANG offers besides English. The first is what
	// "LANG *" selects.
	Languages []Language

	setup  sync.Once
	locks  locks
	logins logins
}

// Policy is what a server asks of its clients (RFC 2449).
type Policy struct {
	// Expire is how long messages stay on the server. Those that have been in
	// the mailbox for longer are deleted at QUIT. AtOnce deletes at QUIT what
	// has been retrieved. Zero keeps everything. Other values are rounded up
	// to days.
	Expire time.Duration

	// LoginDelay is the time from one login to the next. Zero: none.
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

// ErrInUse: another session has the maildrop.
var ErrInUse = errors.New("maildrop is in use")

// Serve serves connections from l until it fails or the server is closed, when
// it returns textproto.ErrServerClosed.
func (s *Server) Serve(l net.Listener) error { return s.base().Serve(l, handler{s}) }

// ServeTLS is Serve with TLS from the first octet (RFC 8314).
func (s *Server) ServeTLS(l net.Listener) error { return s.base().ServeTLS(l, handler{s}) }

// ListenAndServe listens on a TCP address and serves there; 110 is the port.
func (s *Server) ListenAndServe(addr string) error {
	return s.base().ListenAndServe(addr, handler{s})
}

// ListenAndServeTLS is ListenAndServe with TLS from the first octet; 995 is the
// port.
func (s *Server) ListenAndServeTLS(addr string) error {
	return s.base().ListenAndServeTLS(addr, handler{s})
}

// ServeConn serves one connection, on the caller's goroutine, until it ends. A
// limit on connections and Shutdown don't reach it.
func (s *Server) ServeConn(ctx context.Context, c *textproto.Conn) {
	s.base()
	handler{s}.ServeConn(ctx, c)
}

// base returns the accept loop, with what POP3 needs set where it is not set.
func (s *Server) base() *textproto.Server {
	s.setup.Do(func() {
		b := &s.Server
		if b.Redact == nil {
			b.Redact = redact
		}
		b.MaxLine = pop3.MaxCommand
		setDefault(&b.IdleTimeout, DefaultIdleTimeout)
		setDefault(&b.ReadTimeout, DefaultIOTimeout)
		setDefault(&b.WriteTimeout, DefaultIOTimeout)
	})
	return &s.Server
}

func setDefault(d *time.Duration, value time.Duration) {
	if *d == 0 {
		*d = value
	}
}

func redact(dir textproto.Direction, line []byte) []byte {
	if dir == textproto.Receive {
		return pop3.Redact(line)
	}
	return line
}

func (s *Server) logger() *slog.Logger {
	if s.Logger != nil {
		return s.Logger
	}
	return slog.Default()
}

func orDefault(n, value int) int {
	if n == 0 {
		return value
	}
	return n
}

// handler is what the accept loop calls.
type handler struct{ *Server }

// Refuse says in one line why the connection is not served.
func (h handler) Refuse(c *textproto.Conn, reason error) {
	text := textTooMany
	switch {
	case errors.Is(reason, textproto.ErrServerClosed):
		text = textClosing
	case errors.Is(reason, textproto.ErrPanic):
		text = textInternal
	}
	c.Write(append(pop3.AppendStatus(nil, pop3.Status{Code: pop3.CodeSysTemp, Text: text}), "\r\n"...))
}

// ServeConn serves one connection.
func (h handler) ServeConn(ctx context.Context, c *textproto.Conn) {
	s := &session{srv: h.Server, c: c, ctx: ctx}
	defer s.close()
	s.run()
}
