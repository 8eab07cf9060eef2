package pop3client

import (
	"context"
	"fmt"
	"io"
	"math"

	"github.com/posthorn-mail/posthorn/textproto"
)

// A Body is a message, or the top of one, on its way from the server: lines
// with CRLF, dots unstuffed. It is an io.Reader and io.WriterTo.
type Body struct {
	c      *Client
	r      *textproto.DotReader
	last   bool   // nothing is in flight behind it, and LF.LF may end it
	end    func() // nil within Messages
	to     faultyWriter
	eof    bool
	closed bool
}

// Retr fetches a message. The Client is busy until the Body has been closed.
func (c *Client) Retr(ctx context.Context, n int) (*Body, error) {
	return c.fetch(ctx, fmt.Sprintf("RETR %d", n))
}

// Top fetches the header of a message, the empty line and the given number of
// lines of the body. The Client is busy until the Body has been closed.
func (c *Client) Top(ctx context.Context, n, lines int) (*Body, error) {
	return c.fetch(ctx, fmt.Sprintf("TOP %d %d", n, lines))
}

func (c *Client) fetch(ctx context.Context, line string) (*Body, error) {
	end, err := c.begin(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := c.command(line); err != nil {
		end()
		return nil, err
	}
	b := c.body(true)
	b.end = end
	return &b, nil
}

// body returns the body that follows the status that was just read. alone says
// that no other reply is expected behind it.
func (c *Client) body(alone bool) Body {
	if c.bareLF {
		return Body{c: c, r: c.conn.DotReader(textproto.LineFeed), last: alone}
	}
	return Body{c: c, r: c.conn.DotReader(textproto.Relaxed)}
}

// Read reads the message. Bare CR and LF come as the server sent them, unless it
// ends all its lines with LF: then they come with CRLF.
func (b *Body) Read(p []byte) (int, error) {
	if b.closed {
		return 0, ErrBodyClosed
	}
	n, err := b.r.Read(p)
	return n, b.note(err)
}

// WriteTo writes all that is left to w, without copying it.
func (b *Body) WriteTo(w io.Writer) (int64, error) {
	if b.closed {
		return 0, ErrBodyClosed
	}
	b.to = faultyWriter{w: w}
	n, err := b.r.WriteTo(&b.to)
	if b.to.err != nil {
		return n, err // the connection is usable: Close reads the rest
	}
	if err == nil {
		err = b.ended()
	}
	return n, b.note(err)
}

// ended notes that the end of the message has been read. Where LF.LF ended it,
// and a server does not stuff dots, it may have been content: what follows then
// answers no command, and the message is not whole.
func (b *Body) ended() error {
	if b.last && b.c.conn.Buffered() > 0 {
		return fmt.Errorf("%w: the server goes on after the end of a message", ErrProtocol)
	}
	b.eof = true
	return nil
}

// faultyWriter remembers whether the writer has failed.
type faultyWriter struct {
	w   io.Writer
	err error
}

func (f *faultyWriter) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	f.err = err
	return n, err
}

func (b *Body) note(err error) error {
	switch {
	case err == nil:
	case err == io.EOF:
		if err := b.ended(); err != nil {
			return b.c.fail(err)
		}
	default:
		b.c.fail(err)
	}
	return err
}

// Close makes the Client available again. What has not been read is read and
// discarded, since POP3 cannot abort a message. To avoid that for a large one,
// cancel the context or close the Client.
func (b *Body) Close() error {
	if b.closed {
		return nil
	}
	b.closed = true
	var err error
	if !b.eof && b.c.broken == nil {
		err = b.rest()
	}
	if b.end != nil {
		b.end()
	}
	return err
}

// rest reads what is left, to learn whether the message is complete.
func (b *Body) rest() error {
	if b.eof {
		return nil
	}
	err := b.r.Drain(math.MaxInt64)
	if err == nil {
		err = b.ended()
	}
	return b.note(err)
}
