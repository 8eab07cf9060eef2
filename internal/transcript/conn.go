package transcript

import (
	"bufio"
	"compress/flate"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

// maxLine bounds what is read as one line.
const maxLine = 1 << 20

// conn is one connection, as the player's end sees it.
type conn struct {
	raw    net.Conn      // the network's
	nc     net.Conn      // raw, or TLS over it
	src    *bufio.Reader // of nc
	r      *bufio.Reader // src, or what it holds decompressed
	zw     *flate.Writer // nil without compression
	unread *string       // a line that was read too far
	closed bool          // by the player, or by the other side as the script says
}

func newConn(nc net.Conn) *conn {
	r := bufio.NewReader(nc)
	return &conn{raw: nc, nc: nc, src: r, r: r}
}

func (c *conn) write(s string) error {
	if c.zw == nil {
		_, err := io.WriteString(c.nc, s)
		return err
	}
	if _, err := io.WriteString(c.zw, s); err != nil {
		return err
	}
	return c.zw.Flush()
}

func (c *conn) readLine() (string, error) {
	if c.unread != nil {
		line := *c.unread
		c.unread = nil
		return line, nil
	}
	var line []byte
	for {
		frag, err := c.r.ReadSlice('\n')
		line = append(line, frag...)
		if err == nil {
			break
		}
		// DEFLATE and TLS miss their own ends, which few send.
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			if err = io.EOF; len(line) > 0 {
				err = io.ErrUnexpectedEOF
			}
		}
		if err != bufio.ErrBufferFull {
			return "", fmt.Errorf("%q and %w", line, err)
		}
		if len(line) > maxLine {
			return "", errors.New("an endless line")
		}
	}
	text, ok := strings.CutSuffix(string(line), "\r\n")
	if !ok {
		return "", fmt.Errorf("a line that ends in a bare LF: %q", line)
	}
	return text, nil
}

func (c *conn) expectRaw(want string) error {
	if c.unread != nil {
		return fmt.Errorf("want %q, got the line %q", want, *c.unread)
	}
	got := make([]byte, len(want))
	n, err := io.ReadFull(c.r, got)
	if string(got[:n]) != want {
		i := 0
		for i < n && got[i] == want[i] {
			i++
		}
		from := max(0, i-20)
		return fmt.Errorf("\nwant %s\ngot  %s (%v), different from octet %d on", quote(want[from:]), quote(string(got[from:n])), err, i)
	}
	return nil
}

// startTLS makes the handshake, as the server if config has certificates.
func (c *conn) startTLS(config *tls.Config) error {
	if c.unread != nil || c.r.Buffered() > 0 {
		line, _ := c.readLine()
		return fmt.Errorf("%s was sent between the answer to STARTTLS and TLS", quote(line))
	}
	tc := tls.Client(c.nc, &tls.Config{InsecureSkipVerify: true})
	if config != nil {
		tc = tls.Server(c.nc, config)
	}
	if err := tc.Handshake(); err != nil {
		return err
	}
	r := bufio.NewReader(tc)
	c.nc, c.src, c.r = tc, r, r
	return nil
}

// deflate compresses both directions (RFC 4978).
func (c *conn) deflate() error {
	if c.unread != nil || c.r != c.src {
		return errors.New("compression begins after a line that is read, and once")
	}
	var err error
	c.zw, err = flate.NewWriter(c.nc, flate.DefaultCompression)
	c.r = bufio.NewReader(flate.NewReader(c.src))
	return err
}

// expectSilence expects nothing to come for a time.
func (c *conn) expectSilence(d time.Duration) error {
	if c.unread == nil && c.r.Buffered() == 0 {
		c.nc.SetReadDeadline(time.Now().Add(d))
		_, err := c.src.Peek(1) // the decompressor does not survive a timeout
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("want silence, got %w", err)
		}
		c.nc.SetReadDeadline(time.Now().Add(time.Second)) // for the rest of it
	}
	line, err := c.readLine()
	if err != nil {
		return fmt.Errorf("want silence, got %w", err)
	}
	return fmt.Errorf("want silence, got %s", quote(line))
}

// expectEOF expects the other side to close the connection, or its direction. A
// reset counts, since it need not have read all that was sent.
func (c *conn) expectEOF() error {
	if c.unread != nil {
		return fmt.Errorf("want the end, got %q", *c.unread)
	}
	b, err := c.r.ReadByte()
	if err == nil {
		c.r.UnreadByte()
		line, _ := c.readLine()
		return fmt.Errorf("want the end, got %q (%q)", line, b)
	}
	var ne net.Error
	if errors.As(err, &ne) && ne.Timeout() {
		return errors.New("the other side does not close the connection")
	}
	return nil
}

// closeWrite ends the player's direction.
func (c *conn) closeWrite() error {
	if tc, ok := c.nc.(*tls.Conn); ok {
		if err := tc.CloseWrite(); err != nil {
			return err
		}
	}
	hc, ok := c.raw.(interface{ CloseWrite() error })
	if !ok {
		return fmt.Errorf("%T can't be half closed", c.raw)
	}
	return hc.CloseWrite()
}

// finish closes the connection so that the other side gets all that was sent:
// TCP forgets it when octets are unread.
func (c *conn) finish() {
	if c.closeWrite() == nil {
		c.raw.SetReadDeadline(time.Now().Add(time.Second))
		io.Copy(io.Discard, c.raw)
	}
	c.raw.Close()
}

// reset closes the connection without a farewell, neither of TLS nor of TCP.
func (c *conn) reset() error {
	if l, ok := c.raw.(interface{ SetLinger(int) error }); ok {
		if err := l.SetLinger(0); err != nil {
			return err
		}
	}
	return c.raw.Close()
}

// quote quotes the beginning of what is to be shown.
func quote(s string) string {
	if len(s) > 200 {
		return fmt.Sprintf("%q… of %d octets", s[:200], len(s))
	}
	return fmt.Sprintf("%q", s)
}
