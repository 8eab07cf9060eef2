package smtpserver

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/textproto"
)

// Defaults of Server.
const (
	DefaultIdleTimeout  = 5 * time.Minute // RFC 5321 §4.5.3.2.7
	DefaultReadTimeout  = 3 * time.Minute // within a message, §4.5.3.2.5
	DefaultWriteTimeout = 5 * time.Minute
	DefaultLoginTimeout = 5 * time.Minute

	DefaultMaxBadCommands = 10
	DefaultIdle           = 1000
)

// A Server serves SMTP or LMTP. Backend must be set; everything else has a
// default. The fields must not be changed once it serves.
type Server struct {
	// Server accepts connections. Its TLSConfig is what STARTTLS and ServeTLS
	// use, its Logger and Trace are the server's. Its IdleTimeout, ReadTimeout,
	// WriteTimeout and LoginTimeout have the defaults above; a negative one is no
	// limit. LoginTimeout is that of the first MAIL or AUTH that is accepted. Its
	// Rates bound commands, failures and the speed of messages.
	textproto.Server

	// Backend decides what becomes of mail.
	Backend Backend

	// Hostname is the server's name, for the greeting, for SASL and for trace
	// fields: a domain or an address literal; by default the host's.
	Hostname string

	// Authenticator checks who clients are: with it the server offers AUTH. The
	// SASL mechanisms follow from its optional interfaces (see package sasl).
	Authenticator sasl.Authenticator

	// Mechanisms, unless nil, restricts the mechanisms: names of SASL.
	Mechanisms []string

	// ChannelBinding offers the -PLUS forms of SCRAM under TLS. They are off by
	// default for clients that choose them wherever they are offered, and then
	// fail (mutt, with GNU SASL).
	ChannelBinding bool

	// AllowInsecureAuth permits mechanisms that show the password on
	// connections without TLS. It is meant for tests and for loopback.
	AllowInsecureAuth bool

	// RequireAuth refuses MAIL before AUTH (RFC 4954 §6), RequireTLS refuses
	// MAIL and AUTH before STARTTLS (RFC 3207 §4).
	RequireAuth, RequireTLS bool

	// LMTP makes it an LMTP server.
	LMTP bool

	// NormaliseLineEnds takes bare CR and LF in messages for line ends and
	// writes them as CRLF. By default such messages are refused. Either way
	// nothing but CRLF.CRLF ends DATA. Of a message with BODY=BINARYMIME this
	// concerns the header only: its body may have any octets (RFC 3030 §3).
	NormaliseLineEnds bool

	// Allow holds departures from the grammar that are let pass.
	Allow smtp.Leniency

	// Disable holds extensions that are not to be offered.
	Disable smtp.ExtensionSet

	// DisableFor returns more of them for a connection. It is asked at EHLO.
	DisableFor func(c *Conn) smtp.ExtensionSet

	// MaxAuthFailures is how many attempts to log in may fail until the
	// connection is closed; see sasl.Attempts for what counts. Zero:
	// sasl.DefaultMaxFailures; negative: no limit.
	MaxAuthFailures int

	// MaxBadCommands is how many commands may be wrong, one after the other,
	// until the connection is closed. Zero: DefaultMaxBadCommands; negative: no
	// limit.
	MaxBadCommands int

	// Limits bound what a client can ask for.
	Limits Limits

	// OnAuth is called after each attempt to log in, before the client is
	// answered. Nil: sasl.SlowDown, which makes clients wait that fail.
	OnAuth func(ctx context.Context, a sasl.Attempt)

	// XClientFrom are the networks whose hosts may use XCLIENT and XFORWARD.
	XClientFrom []netip.Prefix

	once        sync.Once
	host        string // Hostname, or its default
	commandLine int    // Limits.CommandLine, or its default
	epoch       string // when the server began, to tell its transactions from those of others
	commands    map[string]*command
	extensions  []extension
	extender    smtp.ExtensionSet
}

// Limits of a Server. Zero means the default, a negative number no limit.
type Limits struct {
	// CommandLine is the length of a command line in octets, CRLF included
	// (default 2048; RFC 5321 §4.5.3.1.4 wants 512, and parameters add to it).
	// AUTH may have 12,290 in any case (RFC 4954 §4).
	CommandLine int

	// Path is the length of a path in octets, angle brackets included (default
	// 256, §4.5.3.1.3).
	Path int

	// Recipients of a message (default 100, §4.5.3.1.8; RFC 9422 RCPTMAX).
	Recipients int

	// Message is the size of a message in octets (default 128 MiB;
	// §4.5.3.1.7 wants 64 KiB at least).
	Message int64

	// TextLine is the length of a line of a message in octets, CRLF included
	// (default none: real senders exceed the 1000 octets of §4.5.3.1.6, and
	// lines are not held in memory). With BODY=BINARYMIME there is no limit.
	TextLine int

	// Discard is how much of a body that is refused is read in order to stay
	// in step (default 64 MiB). If it is longer, the connection is closed.
	Discard int64

	// Idle is how many commands that carry no message, such as NOOP, RSET and VRFY,
	// there may be until a MAIL is accepted (default DefaultIdle). More close the
	// connection.
	Idle int

	// Refusals is how many commands in a row a Session may refuse (default
	// 100); the last is answered 421. A message is one of them, however many
	// recipients in LMTP have a reply of their own, and those replies are always
	// sent.
	Refusals int

	// Transactions in a connection (default none; RFC 9422 MAILMAX).
	Transactions int

	// Hold is how long a message may be held before it is released, in whole
	// seconds (RFC 4865). FUTURERELEASE is offered only with it, or if the Backend
	// has the parameters itself (see [ExtensionParams]). No default.
	Hold time.Duration

	// RecipientDomains is how many different domains recipients may have in a
	// connection, all its messages taken together (default none; RFC 9422
	// RCPTDOMAINMAX).
	RecipientDomains int
}

func limit[T int | int64](n, def T) T {
	switch {
	case n < 0:
		return 1<<31 - 1
	case n == 0:
		return def
	}
	return n
}

func (s *Server) maxMessage() int64 {
	if s.Limits.Message < 0 {
		return 1<<63 - 1
	}
	return limit(s.Limits.Message, 128<<20)
}

// errNotSet is what serving without the field that must be set comes to.
var errNotSet = errors.New("smtpserver: Server needs a Backend")

// setup makes the server ready, once.
func (s *Server) setup() error {
	if s.Backend == nil {
		return errNotSet
	}
	s.once.Do(func() {
		s.host = s.Hostname
		if s.host == "" {
			s.host, _ = os.Hostname()
		}
		if !smtp.ValidDomain(s.host) {
			s.host = "localhost"
		}
		s.IdleTimeout = cmp.Or(s.IdleTimeout, DefaultIdleTimeout)
		s.ReadTimeout = cmp.Or(s.ReadTimeout, DefaultReadTimeout)
		s.WriteTimeout = cmp.Or(s.WriteTimeout, DefaultWriteTimeout)
		s.LoginTimeout = cmp.Or(s.LoginTimeout, DefaultLoginTimeout)
		s.epoch = strconv.FormatInt(time.Now().UnixMilli(), 36)
		if s.Redact == nil {
			s.Redact = s.redact
		}
		s.commandLine = limit(s.Limits.CommandLine, 2048)
		s.MaxLine = s.commandLine
		if s.Authenticator != nil {
			s.MaxLine = max(s.MaxLine, maxAuthLine)
		}
		if x, ok := s.Backend.(Extender); ok {
			s.extender = x.Extensions()
		}
		s.extensions = extensions()
		s.commands = make(map[string]*command)
		for i := range s.extensions {
			for j := range s.extensions[i].commands {
				cmd := &s.extensions[i].commands[j]
				cmd.extension = &s.extensions[i]
				s.commands[cmd.verb] = cmd
			}
		}
	})
	return nil
}

// Serve serves the connections of l until Shutdown or Close, and then returns
// textproto.ErrServerClosed. It closes l.
func (s *Server) Serve(l net.Listener) error { return s.Server.Serve(l, handler{s}) }

// ServeTLS is Serve with TLS from the first octet (RFC 8314 §3.3).
func (s *Server) ServeTLS(l net.Listener) error { return s.Server.ServeTLS(l, handler{s}) }

// ListenAndServe listens on a TCP address and serves. If the address is empty
// it is ":25"; with LMTP, which must not be served there (RFC 2033 §5), ":24".
func (s *Server) ListenAndServe(addr string) error {
	port := ":25"
	if s.LMTP {
		port = ":24"
	}
	return s.Server.ListenAndServe(cmp.Or(addr, port), handler{s})
}

// ListenAndServeTLS listens on a TCP address, ":465" if it is empty, and serves
// with TLS from the first octet.
func (s *Server) ListenAndServeTLS(addr string) error {
	return s.Server.ListenAndServeTLS(cmp.Or(addr, ":465"), handler{s})
}

// handler is what the accept loop sees of a Server.
type handler struct{ s *Server }

// Prepare is called before the first connection.
func (h handler) Prepare() error { return h.s.setup() }

func (h handler) ServeConn(ctx context.Context, tp *textproto.Conn) {
	c := newConn(ctx, h.s, tp)
	defer c.close()
	c.serve()
}

// Refuse tells the client why it isn't served (RFC 5321 §3.8).
func (h handler) Refuse(tp *textproto.Conn, reason error) {
	r := smtp.Reply{Code: 421, Enhanced: smtp.EnhancedCode{4, 7, 0}, Text: h.s.host + " no service for this client, try again later"}
	switch {
	case errors.Is(reason, textproto.ErrPanic):
		r.Enhanced, r.Text = smtp.EnhancedCode{4, 3, 0}, h.s.host+" internal error, closing connection"
	case errors.Is(reason, textproto.ErrTooManyConns), errors.Is(reason, textproto.ErrTooMany):
		r.Text = h.s.host + " " + errText(reason)
	case errors.Is(reason, textproto.ErrServerClosed):
		r.Enhanced, r.Text = smtp.EnhancedCode{4, 3, 2}, h.s.host+" shutting down"
	}
	tp.Write(r.Append(tp.AvailableBuffer()))
	tp.Flush()
}
