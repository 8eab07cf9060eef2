package pop3client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/posthorn-mail/posthorn/pop3"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/textproto"
)

// DefaultTimeout is how long a Client waits for the server to go on.
const DefaultTimeout = 2 * time.Minute

// maxLine bounds a line of a reply, octets; RFC 1939 §3 has 512.
const maxLine = 16 << 10

// Errors besides those of the server (*pop3.Error) and the network.
var (
	// ErrClosed: the connection is closed. It is wrapped with the reason.
	ErrClosed = errors.New("pop3client: connection is closed")

	// ErrBusy: another call runs, or a message has not been read to its end
	// and not been closed.
	ErrBusy = errors.New("pop3client: a command or a message is under way")

	// ErrProtocol: the server said something that POP3 does not have.
	ErrProtocol = errors.New("pop3client: protocol error")

	// ErrBodyClosed is returned for reads of a message that is closed.
	ErrBodyClosed = errors.New("pop3client: message is closed")

	// ErrNoUIDs: the server has no unique-ids.
	ErrNoUIDs = errors.New("pop3client: server has no UIDL")
)

// Options adjusts a Client. Nil and the zero value mean the defaults.
type Options struct {
	// Credentials log in, with the strongest way that the server offers and
	// they can serve. Without them, see Client.Login. Mechanisms restricts the
	// choice, unless nil: names of SASL mechanisms, "APOP", and "USER".
	Credentials *sasl.Credentials
	Mechanisms  []string

	// AllowInsecureAuth lets passwords and tokens cross a connection without
	// TLS.
	AllowInsecureAuth bool

	// TLSConfig is for TLS. ServerName is set where it is empty.
	TLSConfig *tls.Config

	// UTF8 turns on UTF-8 mode where the server has it (RFC 6856): messages
	// with UTF-8 in the header come as they are.
	UTF8 bool

	// Timeout bounds each wait for the server (default DefaultTimeout,
	// negative for none).
	Timeout time.Duration

	// NoPipelining sends one command at a time whatever the server announces.
	NoPipelining bool

	// Dialer makes connections, such as through a proxy; by default a
	// net.Dialer.
	Dialer interface {
		DialContext(ctx context.Context, network, addr string) (net.Conn, error)
	}

	// Trace is told what goes over the wire, without credentials and message
	// content. ID names the connection in it.
	Trace textproto.Tracer
	ID    string
}

// A Client is a connection to a POP3 server. See the package's comment about
// concurrent calls; only Close may be called at any time.
type Client struct {
	c    *textproto.Conn
	o    Options
	host string

	mu       sync.Mutex // held while a call runs or a message is open
	broken   error      // why the connection is closed
	greeting string
	stamp    string // for APOP
	caps     pop3.Capabilities
	loggedIn bool
}

// Dial connects to a TCP address and speaks without TLS.
func Dial(ctx context.Context, addr string, o *Options) (*Client, error) {
	return dial(ctx, addr, o, func(ctx context.Context, nc net.Conn, o *Options) (*Client, error) {
		return NewClient(ctx, nc, o)
	})
}

// DialTLS connects with TLS from the first octet (RFC 8314); 995 is the port.
func DialTLS(ctx context.Context, addr string, o *Options) (*Client, error) {
	return dial(ctx, addr, o, func(ctx context.Context, nc net.Conn, o *Options) (*Client, error) {
		tc := tls.Client(nc, o.TLSConfig)
		return NewClient(ctx, tc, o)
	})
}

// DialStartTLS connects and turns on TLS with STLS (RFC 2595), or fails; 110 is
// the port.
func DialStartTLS(ctx context.Context, addr string, o *Options) (*Client, error) {
	return dial(ctx, addr, o, NewClientStartTLS)
}

func dial(ctx context.Context, addr string, o *Options, make func(context.Context, net.Conn, *Options) (*Client, error)) (*Client, error) {
	opts := Options{}
	if o != nil {
		opts = *o
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	cfg := &tls.Config{}
	if opts.TLSConfig != nil {
		cfg = opts.TLSConfig.Clone()
	}
	if cfg.ServerName == "" {
		cfg.ServerName = host
	}
	opts.TLSConfig = cfg
	if opts.Dialer == nil {
		opts.Dialer = &net.Dialer{}
	}
	nc, err := opts.Dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return make(ctx, nc, &opts)
}

// NewClient takes over a connection to a server: it reads the greeting, asks
// for the capabilities, and logs in if there are credentials. A *tls.Conn is
// known as one, and shakes hands first. After an error nc is closed.
func NewClient(ctx context.Context, nc net.Conn, o *Options) (*Client, error) {
	return newClient(ctx, nc, o, false)
}

// NewClientStartTLS is NewClient, with STLS before anything else but the
// greeting. Options.TLSConfig must have a ServerName or skip verification.
func NewClientStartTLS(ctx context.Context, nc net.Conn, o *Options) (*Client, error) {
	return newClient(ctx, nc, o, true)
}

func newClient(ctx context.Context, nc net.Conn, o *Options, stls bool) (*Client, error) {
	c := &Client{}
	if o != nil {
		c.o = *o
	}
	timeout := c.o.Timeout
	switch {
	case timeout == 0:
		timeout = DefaultTimeout
	case timeout < 0:
		timeout = 0
	}
	c.c = textproto.NewConn(nc, &textproto.Options{
		MaxLine: maxLine, ReadTimeout: timeout, WriteTimeout: timeout,
		Trace: c.o.Trace, ID: c.o.ID, Redact: redact,
	})
	if c.o.TLSConfig != nil {
		c.host = c.o.TLSConfig.ServerName
	}
	if err := c.start(ctx, nc, stls); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func redact(dir textproto.Direction, line []byte) []byte {
	if dir == textproto.Send {
		return pop3.Redact(line)
	}
	return line
}

func (c *Client) start(ctx context.Context, nc net.Conn, stls bool) error {
	if tc, ok := nc.(*tls.Conn); ok {
		if err := tc.HandshakeContext(ctx); err != nil {
			return fmt.Errorf("pop3client: TLS handshake: %w", err)
		}
	}
	end, err := c.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	st, err := c.status("greeting")
	if err != nil {
		return err
	}
	c.greeting = st.Text
	if stls {
		if err := c.startTLS(ctx); err != nil {
			return err
		}
	} else {
		c.stamp = pop3.Stamp(st.Text)
	}
	if err := c.readCapabilities(); err != nil {
		return err
	}
	if c.o.UTF8 && c.caps.Has("UTF8") {
		if _, err := c.command("UTF8"); err != nil && !refused(err) {
			return err
		}
	}
	if c.o.Credentials != nil {
		return c.login(ctx, *c.o.Credentials)
	}
	return nil
}

// startTLS turns on TLS. What the server said before is forgotten (RFC 2595
// §4); what it sends behind its answer is fatal.
func (c *Client) startTLS(ctx context.Context) error {
	if _, err := c.command("STLS"); err != nil {
		return c.fail(err)
	}
	cfg := c.o.TLSConfig
	if cfg == nil {
		cfg = &tls.Config{}
	}
	if err := c.c.StartTLSClient(ctx, cfg); err != nil {
		return c.fail(err)
	}
	c.greeting = ""
	return nil
}

// Greeting returns the text of the server's greeting; with STLS it is empty.
func (c *Client) Greeting() string { return c.greeting }

// Capabilities returns what the server announces now: empty if it knows no
// CAPA.
func (c *Client) Capabilities() pop3.Capabilities { return c.caps }

// TLS returns the state of TLS, or nil without TLS.
func (c *Client) TLS() *tls.ConnectionState { return c.c.TLS() }

// Close closes the connection. Without Quit before it, nothing is deleted. It
// may be called at any time, and more than once.
func (c *Client) Close() error {
	if err := c.c.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
