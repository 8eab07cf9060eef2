package pop3client

import (
	"context"
	"fmt"

	"github.com/posthorn-mail/posthorn/pop3"
)

// Stat returns how many messages there are, and their octets.
func (c *Client) Stat(ctx context.Context) (count int, size int64, err error) {
	end, err := c.begin(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer end()
	st, err := c.command("STAT")
	if err != nil {
		return 0, 0, err
	}
	count, size, ok := pop3.ParseListing([]byte(st.Text))
	if !ok {
		return 0, 0, fmt.Errorf("%w: STAT is answered by %.64q", ErrProtocol, st.Text)
	}
	return count, size, nil
}

// Delete marks messages as deleted. They are deleted by Quit.
func (c *Client) Delete(ctx context.Context, nums ...int) error {
	end, err := c.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	f := flight{c: c}
	for _, n := range nums {
		f.delete(Entry{Num: n})
	}
	var first error
	for f.more() {
		_, err := f.next()
		if err != nil && first == nil {
			first = err
		}
		if err != nil && !refused(err) {
			return err
		}
	}
	return first
}

// Reset unmarks all messages (RSET).
func (c *Client) Reset(ctx context.Context) error { return c.simple(ctx, "RSET") }

// Noop does nothing. It shows whether the connection is alive.
func (c *Client) Noop(ctx context.Context) error { return c.simple(ctx, "NOOP") }

// Language asks for replies in a language (RFC 6856 §3): a basic language range,
// or "*".
func (c *Client) Language(ctx context.Context, tag string) error {
	return c.simple(ctx, "LANG "+tag)
}

func (c *Client) simple(ctx context.Context, line string) error {
	end, err := c.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	_, err = c.command(line)
	return err
}

// Quit ends the session: the server deletes the marked messages. Only if Quit
// returns nil is that certain to have happened. The connection is closed in any
// case.
func (c *Client) Quit(ctx context.Context) error {
	end, err := c.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	_, err = c.command("QUIT")
	if c.broken == nil {
		c.broken = fmt.Errorf("%w: QUIT", ErrClosed)
	}
	c.conn.Close()
	return err
}
