package smtpclient

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/textproto"
)

// Options adjusts a Client. Nil and the zero value mean the defaults.
type Options struct {
	// LocalName is the name to give in EHLO: a domain or an address literal.
	// By default it is the host's name if that is a full one, else the
	// address literal of the connection's local end (RFC 5321 §4.1.4).
	LocalName string

	// Credentials log in, with the strongest mechanism that the server offers
	// and they can serve. Mechanisms restricts the choice, unless nil.
	Credentials *sasl.Credentials
	Mechanisms  []string

	// AllowInsecureAuth lets passwords and tokens cross a connection without
	// TLS.
	AllowInsecureAuth bool

	// TLSConfig is for TLS. ServerName is set where it is empty.
	TLSConfig *tls.Config

	// LMTP speaks LMTP in place of SMTP.
	LMTP bool

	// Chunking sends with BDAT where the server offers CHUNKING. DATA is the
	// default, since it works with more servers.
	Chunking bool

	// Disable holds extensions that are not to be used though offered.
	Disable smtp.ExtensionSet

	// Timeouts bound the waits for the server.
	Timeouts Timeouts

	// Dialer makes connections, such as through a proxy: see
	// [textproto.ThroughProxy]. By default it is a net.Dialer.
	Dialer textproto.Dialer

	// Trace is told what goes over the wire, without credentials and message
	// content. ID names the connection in it.
	Trace textproto.Tracer
	ID    string
}

// Timeouts are how long the client waits for the server. Zero means the default,
// which is that of RFC 5321 §4.5.3.2 where it names one; a negative number means
// no limit. Each starts again when data arrives.
type Timeouts struct {
	Dial      time.Duration // connecting, default 1 minute
	Handshake time.Duration // TLS, default 30 seconds
	Greeting  time.Duration // default 5 minutes
	Command   time.Duration // MAIL, RCPT and all others, default 5 minutes
	DataBegin time.Duration // DATA, default 2 minutes
	DataBlock time.Duration // for the server to take more of the message, default 3 minutes
	DataEnd   time.Duration // the reply to the message, default 10 minutes
	Quit      time.Duration // default 10 seconds
}

func orDefault(d, def time.Duration) time.Duration {
	switch {
	case d < 0:
		return 0
	case d == 0:
		return def
	}
	return d
}

func (t Timeouts) withDefaults() Timeouts {
	t.Dial = orDefault(t.Dial, time.Minute)
	if t.Handshake == 0 {
		t.Handshake = 30 * time.Second
	}
	t.Greeting = orDefault(t.Greeting, 5*time.Minute)
	t.Command = orDefault(t.Command, 5*time.Minute)
	t.DataBegin = orDefault(t.DataBegin, 2*time.Minute)
	t.DataBlock = orDefault(t.DataBlock, 3*time.Minute)
	t.DataEnd = orDefault(t.DataEnd, 10*time.Minute)
	t.Quit = orDefault(t.Quit, 10*time.Second)
	return t
}

// Errors that callers may want to tell apart.
var (
	// ErrClosed is returned by calls on a client whose connection is closed
	// or was lost.
	ErrClosed = errors.New("smtpclient: connection closed")

	// ErrNoStartTLS: the server does not offer STARTTLS, which was asked for.
	ErrNoStartTLS = errors.New("smtpclient: server does not offer STARTTLS")

	// ErrNoAuth: the server does not offer AUTH. A caller that can do without
	// may dial again without Credentials.
	ErrNoAuth = errors.New("smtpclient: server does not offer AUTH")
)

// A Client is a connection to a server. It may be used by several goroutines;
// their calls wait for each other.
type Client struct {
	opts Options
	tp   *textproto.Conn
	host string // to verify the server's certificate, and for SASL

	sem chan struct{} // held during a call; guards what follows

	features smtp.Features
	mails    int                 // transactions begun
	domains  map[string]struct{} // of all recipients named, in ASCII, where they are limited
	limits   smtp.Limits
	text     []byte // of the reply being read
	line     []byte // for commands being encoded
	err      error  // why the connection can't be used, sticky
}

// Dial connects to a server without TLS: others can read and change what is sent.
// Credentials are used only as far as that is safe. addr is a host with or without
// a port, as [textproto.Dial] takes it; the port is 25 where none is given.
func Dial(ctx context.Context, addr string, o *Options) (*Client, error) {
	return dial(ctx, addr, "25", o, false, false)
}

// DialTLS connects with TLS from the first octet (RFC 8314). The port is 465
// where none is given.
func DialTLS(ctx context.Context, addr string, o *Options) (*Client, error) {
	return dial(ctx, addr, "465", o, true, false)
}

// DialStartTLS connects and upgrades to TLS, or fails (RFC 3207). The port is
// 587 where none is given.
func DialStartTLS(ctx context.Context, addr string, o *Options) (*Client, error) {
	return dial(ctx, addr, "587", o, false, true)
}

func dial(ctx context.Context, addr, port string, o *Options, implicit, starttls bool) (*Client, error) {
	if o == nil {
		o = &Options{}
	}
	nc, host, err := textproto.Dial(ctx, o.Dialer, addr, port, o.Timeouts.withDefaults().Dial)
	if err != nil {
		return nil, fmt.Errorf("smtpclient: %w", err)
	}
	return open(ctx, nc, host, o, implicit, starttls)
}

// NewClient makes a client of a connection. If it is a *tls.Conn, the client
// knows that it is secure. The connection is closed if NewClient fails.
func NewClient(ctx context.Context, nc net.Conn, o *Options) (*Client, error) {
	if o == nil {
		o = &Options{}
	}
	host := ""
	if o.TLSConfig != nil {
		host = o.TLSConfig.ServerName
	}
	return open(ctx, nc, host, o, false, false)
}

// NewClientStartTLS makes a client of a connection that it upgrades to TLS.
// o.TLSConfig must have a ServerName. The connection is closed if it fails.
func NewClientStartTLS(ctx context.Context, nc net.Conn, o *Options) (*Client, error) {
	host := ""
	if o != nil && o.TLSConfig != nil {
		host = o.TLSConfig.ServerName
	} else if o == nil {
		o = &Options{}
	}
	return open(ctx, nc, host, o, false, true)
}

// open does all that comes before mail.
func open(ctx context.Context, nc net.Conn, host string, o *Options, implicit, starttls bool) (*Client, error) {
	c := &Client{opts: *o, host: host, sem: make(chan struct{}, 1)}
	c.opts.Timeouts = o.Timeouts.withDefaults()
	c.tp = textproto.NewConn(nc, &textproto.Options{
		HandshakeTimeout: c.opts.Timeouts.Handshake, WriteTimeout: c.opts.Timeouts.DataBlock,
		Trace: o.Trace, ID: o.ID, Redact: redact,
	})
	release := c.tp.Bind(ctx)
	defer release()
	err := c.setup(ctx, implicit, starttls)
	if err != nil {
		c.fail(err)
		return nil, err
	}
	return c, nil
}

func (c *Client) setup(ctx context.Context, implicit, starttls bool) error {
	var err error
	if implicit {
		err = c.tp.StartTLSClient(ctx, textproto.ClientTLS(c.opts.TLSConfig, c.host))
	} else {
		err = c.tp.Handshake(ctx)
	}
	if err != nil {
		return fmt.Errorf("smtpclient: %w", err)
	}
	c.tp.SetReadTimeout(c.opts.Timeouts.Greeting)
	r, err := c.readReply()
	if err != nil {
		return fmt.Errorf("smtpclient: waiting for the greeting: %w", err)
	}
	if err := c.want(2, "greeting", r); err != nil {
		return err
	}
	if err := c.hello(); err != nil {
		return err
	}
	if starttls {
		if err := c.startTLS(ctx); err != nil {
			return err
		}
	}
	if c.opts.Credentials != nil {
		return c.login(ctx, *c.opts.Credentials)
	}
	return nil
}

// Features returns what the server announced in its last reply to EHLO or LHLO.
func (c *Client) Features() smtp.Features {
	c.sem <- struct{}{}
	defer c.unlock()
	return c.features
}

// TLS returns the state of TLS, nil without it.
func (c *Client) TLS() *tls.ConnectionState { return c.tp.TLS() }

// Err returns why the client can no longer be used, nil if it can.
func (c *Client) Err() error {
	c.sem <- struct{}{}
	defer c.unlock()
	return c.err
}

// Close closes the connection at once. See [Client.Quit] for a polite end. It
// may be called at any time, and more than once.
func (c *Client) Close() error {
	return c.tp.Close()
}

// begin starts a call: it waits for those before, and binds the connection to
// ctx.
func (c *Client) begin(ctx context.Context) (end func(), err error) {
	select {
	case c.sem <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("smtpclient: %w", context.Cause(ctx))
	}
	if c.err != nil {
		err := c.err
		c.unlock()
		if !errors.Is(err, ErrClosed) {
			err = fmt.Errorf("%w: %w", ErrClosed, err)
		}
		return nil, err
	}
	release := c.tp.Bind(ctx)
	return func() { release(); c.unlock() }, nil
}

func (c *Client) unlock() { <-c.sem }

// fail gives the connection up.
func (c *Client) fail(err error) error {
	if c.err == nil {
		c.err = err
		c.tp.Close()
	}
	return err
}

// Quit says QUIT and closes the connection. The error, if any, says nothing
// about the messages sent before.
func (c *Client) Quit(ctx context.Context) error {
	end, err := c.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	c.tp.SetReadTimeout(c.opts.Timeouts.Quit)
	_, err = c.roundTrip([]byte("QUIT\r\n"))
	c.fail(ErrClosed)
	return err
}

// Noop asks the server whether it is still there.
func (c *Client) Noop(ctx context.Context) error {
	_, err := c.simple(ctx, "NOOP", []byte("NOOP\r\n"))
	return err
}

// Help asks the server for help (HELP, RFC 5321 §4.1.1.8), about a command or what
// else it may know, or in general with an empty topic. The text is for people.
func (c *Client) Help(ctx context.Context, topic string) (smtp.Reply, error) {
	if topic == "" {
		return c.simple(ctx, "HELP", []byte("HELP\r\n"))
	}
	return c.withArgument(ctx, "HELP", topic)
}

// StartQueue asks the server to send what it holds for a host (ETRN, RFC 1985).
func (c *Client) StartQueue(ctx context.Context, host string) (smtp.Reply, error) {
	return c.withArgument(ctx, "ETRN", host)
}

func (c *Client) withArgument(ctx context.Context, verb, arg string) (smtp.Reply, error) {
	line := append([]byte(verb), ' ')
	for i := range len(arg) {
		if arg[i] < ' ' || arg[i] > '~' {
			return smtp.Reply{}, fmt.Errorf("smtpclient: %s: argument must be printable ASCII", verb)
		}
	}
	return c.simple(ctx, verb, append(append(line, arg...), "\r\n"...))
}

// simple runs a command of its own.
func (c *Client) simple(ctx context.Context, verb string, line []byte) (smtp.Reply, error) {
	end, err := c.begin(ctx)
	if err != nil {
		return smtp.Reply{}, err
	}
	defer end()
	r, err := c.command(line)
	if err == nil {
		err = c.want(2, verb, r)
	}
	return r, err
}
