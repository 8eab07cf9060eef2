package pop3client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/posthorn-mail/posthorn/pop3"
	"github.com/posthorn-mail/posthorn/textproto"
)

// begin reserves the Client for the caller and binds the context, until end is
// called.
func (c *Client) begin(ctx context.Context) (end func(), err error) {
	if !c.mu.TryLock() {
		return nil, ErrBusy
	}
	if c.broken != nil {
		defer c.mu.Unlock()
		return nil, c.broken
	}
	release := c.conn.Bind(ctx)
	return func() {
		release()
		c.mu.Unlock()
	}, nil
}

// fail closes the connection because of an error after which replies may no longer
// match commands.
func (c *Client) fail(err error) error {
	if c.broken == nil {
		c.broken = fmt.Errorf("%w: %w", ErrClosed, err)
		c.conn.Close()
	}
	return err
}

// refused reports whether the error is a -ERR, after which the connection is still
// usable.
func refused(err error) bool {
	var e *pop3.Error
	return errors.As(err, &e)
}

// command sends a line and reads the status of the reply.
func (c *Client) command(line string) (pop3.Status, error) {
	if err := c.send(line); err != nil {
		return pop3.Status{}, err
	}
	return c.status(line)
}

// send sends a line. It sends nothing if the text can't be a line.
func (c *Client) send(line string) error {
	if err := c.conn.WriteLine(line); err != nil {
		if errors.Is(err, textproto.ErrInvalidLine) {
			return err
		}
		return c.fail(err)
	}
	if err := c.conn.Flush(); err != nil {
		return c.fail(err)
	}
	return nil
}

// maxEmpty is how many empty lines may come instead of a status; Office 365
// sometimes sends one.
const maxEmpty = 3

// line reads a line. Its end may be malformed.
func (c *Client) line() ([]byte, error) {
	line, cut, err := c.readLine()
	if cut {
		err = c.fail(fmt.Errorf("pop3client: %w", textproto.ErrLineTooLong))
	}
	return line, err
}

// readLine is line, but takes one that is too long: cut says that only its
// beginning is returned.
func (c *Client) readLine() (line []byte, cut bool, err error) {
	line, err = c.conn.ReadLine()
	c.bareLF = errors.Is(err, textproto.ErrBareLF)
	c.bareLFs = c.bareLFs || c.bareLF
	switch {
	case c.bareLF && c.o.StrictLineEnds:
		return nil, false, c.fail(fmt.Errorf("%w: a line that ends with LF alone: %.64q", ErrProtocol, line))
	case err == nil, c.bareLF, errors.Is(err, textproto.ErrBareCR):
		return line, false, nil
	case errors.Is(err, textproto.ErrLineTooLong):
		return line, true, nil
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	return nil, false, c.fail(fmt.Errorf("pop3client: %w", err))
}

// status reads the status that answers a command. -ERR is a *pop3.Error with
// the first word of the command.
func (c *Client) status(cmd string) (pop3.Status, error) {
	line, err := c.statusLine()
	if err != nil {
		return pop3.Status{}, err
	}
	return c.parse(cmd, line)
}

// accepted is status for a reply whose text does not matter.
func (c *Client) accepted(cmd string) error {
	line, err := c.statusLine()
	if err != nil || string(line) == "+OK" || bytes.HasPrefix(line, []byte("+OK ")) {
		return err
	}
	_, err = c.parse(cmd, line)
	return err
}

func (c *Client) statusLine() ([]byte, error) {
	line, err := c.line()
	for i := 0; err == nil && len(line) == 0 && i < maxEmpty; i++ {
		line, err = c.line()
	}
	return line, err
}

func (c *Client) parse(cmd string, line []byte) (pop3.Status, error) {
	st, ok := pop3.ParseStatus(line)
	if ok && st.OK {
		return st, nil
	}
	verb, _, _ := strings.Cut(cmd, " ")
	if !ok {
		return st, c.fail(fmt.Errorf("%w: %s is answered by %.64q", ErrProtocol, verb, line))
	}
	return st, &pop3.Error{Command: verb, Code: st.Code, Text: st.Text}
}

// maxLines bounds a reply of several lines.
const maxLines = 8 << 20

// lines reads the lines of a reply up to the one with the dot, but for empty ones.
// cut is passed with the beginning of a line that is too long.
func (c *Client) lines(each func(line []byte, cut bool)) error {
	for range maxLines {
		line, cut, err := c.readLine()
		if err != nil {
			return err
		}
		if len(line) > 0 && line[0] == '.' {
			if len(line) == 1 {
				return nil
			}
			line = line[1:]
		}
		if len(line) > 0 {
			each(line, cut)
		}
	}
	return c.fail(fmt.Errorf("%w: an endless reply", ErrProtocol))
}

// readCapabilities asks for the capabilities. A server that knows no CAPA has
// none.
func (c *Client) readCapabilities() error {
	c.caps = nil
	if _, err := c.command("CAPA"); err != nil {
		if refused(err) {
			return nil
		}
		return err
	}
	return c.lines(func(line []byte, _ bool) {
		if p, ok := pop3.ParseCapability(line); ok {
			c.caps = append(c.caps, p)
		}
	})
}

// pipelining reports whether several commands may be sent at once. They may not
// where a message could end early: then nothing may follow it; see Body.ended.
func (c *Client) pipelining() bool {
	return !c.o.NoPipelining && !c.bareLFs && c.caps.Has("PIPELINING")
}
