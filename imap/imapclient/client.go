package imapclient

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/textproto"
)

// Dial connects to a server without TLS: others can read and change the data. It
// uses credentials only with mechanisms that are safe without TLS, unless
// Options.AllowInsecureAuth. addr is a host with or without a port, as for
// [textproto.Dial]; the default port is 143.
//
// All Dial functions return a Client that is ready to use: logged in, if there
// are Credentials, and introduced by ID. ctx bounds the call, not the Client.
func Dial(ctx context.Context, addr string, o *Options) (*Client, error) {
	return dial(ctx, addr, "143", o, false, false)
}

// DialTLS connects with TLS from the first octet (RFC 8314). The default port is
// 993.
func DialTLS(ctx context.Context, addr string, o *Options) (*Client, error) {
	return dial(ctx, addr, "993", o, true, false)
}

// DialStartTLS connects and upgrades to TLS with STARTTLS, or fails: the error is
// ErrNoStartTLS if the server does not offer it, and ErrPreAuth if its greeting
// is PREAUTH. The default port is 143.
func DialStartTLS(ctx context.Context, addr string, o *Options) (*Client, error) {
	return dial(ctx, addr, "143", o, false, true)
}

func dial(ctx context.Context, addr, port string, o *Options, implicit, upgrade bool) (*Client, error) {
	opts := o.withDefaults()
	nc, host, err := textproto.Dial(ctx, opts.Dialer, addr, port, opts.Timeouts.Dial)
	if err != nil {
		return nil, fmt.Errorf("imapclient: %w", err)
	}
	return open(ctx, nc, host, opts, implicit, upgrade)
}

// NewClient returns a Client on a connection. A *tls.Conn counts as a connection
// with TLS, all else as one without. The connection is closed if NewClient fails.
func NewClient(ctx context.Context, nc net.Conn, o *Options) (*Client, error) {
	return open(ctx, nc, "", o.withDefaults(), false, false)
}

// NewClientStartTLS returns a Client on a connection that it upgrades to TLS.
// Options.TLSConfig must have a ServerName or skip verification. The connection
// is closed if it fails.
func NewClientStartTLS(ctx context.Context, nc net.Conn, o *Options) (*Client, error) {
	return open(ctx, nc, "", o.withDefaults(), false, true)
}

func (o *Options) withDefaults() Options {
	var out Options
	if o != nil {
		out = *o
	}
	out.Timeouts, out.Limits = out.Timeouts.withDefaults(), out.Limits.withDefaults()
	return out
}

func open(ctx context.Context, nc net.Conn, host string, o Options, implicit, upgrade bool) (*Client, error) {
	if host == "" && o.TLSConfig != nil {
		host = o.TLSConfig.ServerName
	}
	handshake := o.Timeouts.Handshake
	if handshake == 0 {
		handshake = -1
	}
	conn := textproto.NewConn(nc, &textproto.Options{
		MaxLine: int(o.Limits.Response) + 2, ReadTimeout: o.Timeouts.Command, WriteTimeout: o.Timeouts.Write,
		HandshakeTimeout: handshake, Trace: o.Trace, ID: o.ConnID,
	})
	c := newClient(conn, host, o)
	var err error
	if implicit {
		err = conn.StartTLSClient(ctx, textproto.ClientTLS(o.TLSConfig, host))
	} else {
		err = conn.Handshake(ctx)
	}
	greeting := c.greeting
	c.lastSent.Store(time.Now().UnixNano())
	if err != nil {
		close(c.readerEnded)
		c.fail(err)
		return nil, fmt.Errorf("imapclient: %w", err)
	}
	go c.read()
	if err := c.begin(ctx, greeting, upgrade); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// begin does what precedes the first call: the greeting, STARTTLS, the login.
func (c *Client) begin(ctx context.Context, greeting <-chan *grammar.StatusLine, upgrade bool) error {
	if err := c.greeted(ctx, greeting); err != nil {
		return err
	}
	if upgrade {
		if err := c.startTLS(ctx); err != nil {
			return err
		}
	}
	switch {
	case c.preAuth:
	case c.o.Credentials == nil:
		return c.askCaps(ctx)
	default:
		if err := c.Login(ctx, *c.o.Credentials); err != nil {
			return err
		}
		return nil
	}
	return c.loggedIn(ctx)
}

func (c *Client) greeted(ctx context.Context, greeting <-chan *grammar.StatusLine) error {
	if d := c.o.Timeouts.Greeting; d > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, d, &textproto.TimeoutError{Op: "waiting for the greeting"})
		defer cancel()
	}
	var g *grammar.StatusLine
	select {
	case g = <-greeting:
	case <-c.closed:
		select {
		case g = <-greeting: // and then it has closed the connection
		default:
			return c.Err()
		}
	case <-ctx.Done():
		return fmt.Errorf("imapclient: %w", context.Cause(ctx))
	}
	if g.Cond != imap.OK && g.Cond != imap.PREAUTH {
		return fmt.Errorf("imapclient: server refuses the connection: %w", g.Err())
	}
	return nil
}

// startTLS upgrades the connection (RFC 9051 §6.2.1). What the server said before
// is forgotten.
func (c *Client) startTLS(ctx context.Context) error {
	if c.preAuth {
		return ErrPreAuth
	}
	if err := c.askCaps(ctx); err != nil {
		return err
	}
	if !c.Capabilities().Has(imap.CapStartTLS) {
		return ErrNoStartTLS
	}
	k := newCall(&imap.StartTLS{})
	k.rule = ruleExclusive
	k.onOK = func() error {
		err := c.conn.StartTLSClient(ctx, textproto.ClientTLS(c.o.TLSConfig, c.host))
		c.mu.Lock()
		c.caps, c.capsKnown = imap.CapSet{}, false
		c.events.clear()
		c.mu.Unlock()
		return err
	}
	return c.run(ctx, k)
}

// TLS returns the state of TLS, or nil without TLS.
func (c *Client) TLS() *tls.ConnectionState { return c.conn.TLS() }

// Octets returns how many octets have been received and sent on the network.
func (c *Client) Octets() (in, out int64) { return c.conn.Octets() }

// Noop sends NOOP. What the server then reports arrives as for any command; see
// Mailbox.Poll.
func (c *Client) Noop(ctx context.Context) error { return c.run(ctx, newCall(&imap.Noop{})) }

// Logout ends the session and closes the connection.
func (c *Client) Logout(ctx context.Context) error {
	k := newCall(&imap.Logout{})
	k.rule = ruleExclusive
	err := c.run(ctx, k)
	if errors.Is(err, ErrClosed) && c.saidBye() {
		err = nil // some servers close the connection at once after BYE
	}
	c.Close()
	return err
}

func (c *Client) saidBye() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bye != nil
}
