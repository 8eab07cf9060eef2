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

// DefaultTimeout is how long a Client waits for the server.
const DefaultTimeout = 2 * time.Minute

// maxLine bounds a line of a reply, octets; RFC 1939 §3 has 512.
const maxLine = 16 << 10

// Errors besides those of the server (*pop3.Error) and the network.
var (
	// ErrClosed: the connection is closed. It is wrapped with the reason.
	ErrClosed = errors.New("pop3client: connection is closed")

	// ErrBusy: another call is in progress, or a message is neither read to
	// its end nor closed.
	ErrBusy = errors.New("pop3client: a command or a message is in progress")

	// ErrProtocol: the server sent a reply that violates the protocol.
	ErrProtocol = errors.New("pop3client: protocol error")

	// ErrBodyClosed: the message that is read has been closed.
	ErrBodyClosed = errors.New("pop3client: message is closed")

	// ErrNoUIDs: the server has no unique-ids.
	ErrNoUIDs = errors.New("pop3client: server has no UIDL")
)

// Options adjusts a Client. Nil and the zero value mean the defaults.
type Options struct {
	// Credentials log in, by the strongest method that both the server and
	// they support. Without them, see Client.Login. Mechanisms, unless nil,
	// restricts the methods: names of SASL mechanisms, "APOP", and "USER".
	Credentials *sasl.Credentials
	Mechanisms  []string

	// AllowInsecureAuth permits to send passwords and tokens over a connection
	// without TLS.
	AllowInsecureAuth bool

	// TLSConfig is for TLS. An empty ServerName is set to the host.
	TLSConfig *tls.Config

	// UTF8 turns on UTF-8 mode if the server supports it (RFC 6856): the server
	// then sends messages with UTF-8 in the header unchanged.
	UTF8 bool

	// Timeout bounds each wait for the server, connecting and the TLS handshake
	// included. Zero: DefaultTimeout; negative: no limit.
	Timeout time.Duration

	// NoPipelining sends one command at a time even if the server supports
	// pipelining.
	NoPipelining bool

	// StrictLineEnds ends the connection at a line of a reply that ends with LF
	// alone. By default it is taken, since some servers end all lines so, and
	// pipelining ends. A message whose reply begins with such a line then ends
	// with LF.LF if its own first line ends with LF; see [textproto.LineFeed].
	// One whose reply begins with CRLF ends with CRLF.CRLF and nothing else.
	StrictLineEnds bool

	// Dialer makes connections, such as through a proxy: see
	// [textproto.ThroughProxy]. By default it is a net.Dialer.
	Dialer textproto.Dialer

	// Trace receives the lines sent and received, without credentials and
	// message content. ID names the connection in it.
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

	bareLF  bool // the last line ended with LF alone
	bareLFs bool // one has
}

// Dial connects to a server without TLS: others can read and change the data. It
// uses credentials only with mechanisms that are safe without TLS, unless
// Options.AllowInsecureAuth. addr is a host with or without a port, as for
// [textproto.Dial]; the default port is 110.
func Dial(ctx context.Context, addr string, o *Options) (*Client, error) {
	return dial(ctx, addr, "110", o, false, false)
}

// DialTLS connects with TLS from the first octet (RFC 8314). The default port is
// 995.
func DialTLS(ctx context.Context, addr string, o *Options) (*Client, error) {
	return dial(ctx, addr, "995", o, true, false)
}

// DialStartTLS connects and upgrades to TLS with STLS, or fails (RFC 2595). The
// default port is 110.
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

// NewClient returns a client on a connection: it reads the greeting, requests the
// capabilities, and logs in if there are credentials. A *tls.Conn counts as a
// connection with TLS. The connection is closed if NewClient fails.
func NewClient(ctx context.Context, nc net.Conn, o *Options) (*Client, error) {
	return open(ctx, nc, "", o, false, false)
}

// NewClientStartTLS returns a client on a connection that it upgrades to TLS.
// o.TLSConfig must have a ServerName or skip verification. The connection is
// closed if it fails.
func NewClientStartTLS(ctx context.Context, nc net.Conn, o *Options) (*Client, error) {
	return open(ctx, nc, "", o, false, true)
}

// open greets, upgrades and logs in, before the first call.
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

// startTLS turns on TLS. All that the server sent before is discarded (RFC
// 2595 §4); data that follows its answer is fatal.
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

// Capabilities returns the capabilities that the server announces now, none if it
// has no CAPA.
func (c *Client) Capabilities() pop3.Capabilities { return c.caps }

// TLS returns the state of TLS, or nil if TLS is not in use.
func (c *Client) TLS() *tls.ConnectionState { return c.conn.TLS() }

// Close closes the connection. Without Quit before it, nothing is deleted. It
// may be called at any time, and more than once.
func (c *Client) Close() error {
	if err := c.conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
