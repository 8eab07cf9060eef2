package pop3client

import (
	"cmp"
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

	// Timeout bounds each wait for the server, connecting and the TLS handshake
	// included. Zero: DefaultTimeout; negative: no limit.
	Timeout time.Duration

	// NoPipelining sends one command at a time whatever the server announces.
	NoPipelining bool

	// Dialer makes connections, such as through a proxy: see
	// [textproto.ThroughProxy]. By default it is a net.Dialer.
	Dialer textproto.Dialer

	// Trace is told what goes over the wire, without credentials and message
	// content. ID names the connection in it.
	Trace textproto.Tracer
	ID    string
}

// A Client is a connection to a POP3 server. See the package's comment about
// concurrent calls; only Close may be called at any time.
type Client struct {
	conn *textproto.Conn
	o    Options
	host string

	mu       sync.Mutex // held while a call runs or a message is open
	broken   error      // why the connection is closed
	greeting string
	stamp    string // for APOP
	caps     pop3.Capabilities
	loggedIn bool
}

// Dial connects to a server and speaks to it in the clear: nobody is kept from
// reading or changing what is sent. Credentials are used only as far as that is
// safe. addr is a host with or without a port, as [textproto.Dial] takes it; the
// port is 110 where none is given.
func Dial(ctx context.Context, addr string, o *Options) (*Client, error) {
	return dial(ctx, addr, "110", o, false, false)
}

// DialTLS connects with TLS from the first octet (RFC 8314). The port is 995
// where none is given.
func DialTLS(ctx context.Context, addr string, o *Options) (*Client, error) {
	return dial(ctx, addr, "995", o, true, false)
}

// DialStartTLS connects and upgrades to TLS with STLS, or fails (RFC 2595). The
// port is 110 where none is given.
func DialStartTLS(ctx context.Context, addr string, o *Options) (*Client, error) {
	return dial(ctx, addr, "110", o, false, true)
}

func dial(ctx context.Context, addr, port string, o *Options, implicit, stls bool) (*Client, error) {
	if o == nil {
		o = &Options{}
	}
	nc, host, err := textproto.Dial(ctx, o.Dialer, addr, port, o.timeout())
	if err != nil {
		return nil, fmt.Errorf("pop3client: %w", err)
	}
	return open(ctx, nc, host, o, implicit, stls)
}

// NewClient makes a client of a connection: it reads the greeting, asks for the
// capabilities, and logs in if there are credentials. If it is a *tls.Conn, the
// client knows that it is secure. The connection is closed if NewClient fails.
func NewClient(ctx context.Context, nc net.Conn, o *Options) (*Client, error) {
	return open(ctx, nc, "", o, false, false)
}

// NewClientStartTLS makes a client of a connection that it upgrades to TLS.
// o.TLSConfig must have a ServerName or skip verification. The connection is
// closed if it fails.
func NewClientStartTLS(ctx context.Context, nc net.Conn, o *Options) (*Client, error) {
	return open(ctx, nc, "", o, false, true)
}

// open does all that comes before the first call.
func open(ctx context.Context, nc net.Conn, host string, o *Options, implicit, stls bool) (*Client, error) {
	c := &Client{host: host}
	if o != nil {
		c.o = *o
	}
	if c.host == "" && c.o.TLSConfig != nil {
		c.host = c.o.TLSConfig.ServerName
	}
	timeout := c.o.timeout()
	c.conn = textproto.NewConn(nc, &textproto.Options{
		MaxLine: maxLine, ReadTimeout: timeout, WriteTimeout: timeout, HandshakeTimeout: timeout,
		Trace: c.o.Trace, ID: c.o.ID, Redact: redact,
	})
	if err := c.start(ctx, implicit, stls); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (o *Options) timeout() time.Duration { return cmp.Or(o.Timeout, DefaultTimeout) }

func redact(dir textproto.Direction, line []byte) []byte {
	if dir == textproto.Send {
		return pop3.Redact(line)
	}
	return line
}

func (c *Client) start(ctx context.Context, implicit, stls bool) error {
	end, err := c.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	if implicit {
		err = c.conn.StartTLSClient(ctx, textproto.ClientTLS(c.o.TLSConfig, c.host))
	} else {
		err = c.conn.Handshake(ctx)
	}
	if err != nil {
		return fmt.Errorf("pop3client: %w", err)
	}
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
	if err := c.conn.StartTLSClient(ctx, textproto.ClientTLS(c.o.TLSConfig, c.host)); err != nil {
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
func (c *Client) TLS() *tls.ConnectionState { return c.conn.TLS() }

// Close closes the connection. Without Quit before it, nothing is deleted. It
// may be called at any time, and more than once.
func (c *Client) Close() error {
	if err := c.conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
