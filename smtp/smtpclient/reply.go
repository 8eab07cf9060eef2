package smtpclient

import (
	"errors"
	"fmt"

	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/textproto"
)

// maxReply is how much text a reply may have.
const maxReply = 64 << 10

// readReply reads a reply (RFC 5321 §4.2). An error means that the connection
// can't be used any more.
func (c *Client) readReply() (smtp.Reply, error) {
	if c.err != nil {
		return smtp.Reply{}, c.err // such as a 421 before the replies still expected
	}
	c.text = c.text[:0]
	for first := true; ; first = false {
		line, err := c.tp.ReadLine()
		if err != nil && !errors.Is(err, textproto.ErrBareLF) && !errors.Is(err, textproto.ErrBareCR) {
			return smtp.Reply{}, c.fail(err)
		}
		code, last, text, err := smtp.CutReplyLine(line)
		if err != nil {
			return smtp.Reply{}, c.fail(fmt.Errorf("%w: %.100q", err, line))
		}
		if !first {
			c.text = append(c.text, '\n')
		}
		if len(c.text)+len(text) > maxReply {
			return smtp.Reply{}, c.fail(fmt.Errorf("%w: too long", smtp.ErrBadReply))
		}
		// The enhanced code stands on each line (RFC 2034 §4).
		if code/100 != 3 {
			text = c.cutEnhanced(code, first, text)
		}
		c.text = append(c.text, text...)
		if last {
			return c.finishReply(code), nil
		}
	}
}

// cutEnhanced takes the enhanced code off all lines but the first, whose code
// finishReply takes.
func (c *Client) cutEnhanced(code int, first bool, text []byte) []byte {
	if first || len(text) < 6 || text[0] != byte('0'+code/100) || text[1] != '.' {
		return text
	}
	e, rest := smtp.CutEnhancedCode(string(text))
	if e.IsZero() {
		return text
	}
	return text[len(text)-len(rest):]
}

func (c *Client) finishReply(code int) smtp.Reply {
	r := smtp.Reply{Code: code}
	text := string(c.text)
	// A code of another class than the reply's is part of the text.
	if e, rest := smtp.CutEnhancedCode(text); int(e[0]) == code/100 {
		r.Enhanced, text = e, rest
	}
	r.Text = text
	if code == 421 { // the server closes the connection (RFC 5321 §3.8)
		c.fail(r.Err())
	}
	return r
}

// command sends a command line and returns the reply.
func (c *Client) command(line []byte) (smtp.Reply, error) {
	c.tp.SetReadTimeout(c.opts.Timeouts.Command)
	return c.roundTrip(line)
}

func (c *Client) roundTrip(line []byte) (smtp.Reply, error) {
	c.tp.Write(line)
	if err := c.tp.Flush(); err != nil {
		return smtp.Reply{}, c.fail(err)
	}
	return c.readReply()
}

// A replyError says that a reply is of a class that does not answer the command.
type replyError struct {
	what string
	r    smtp.Reply
}

func (e *replyError) Error() string {
	return fmt.Sprintf("smtpclient: %s: unexpected reply %s", e.what, e.r)
}

// Is makes it a smtp.ErrBadReply: the two sides don't speak the same protocol.
func (e *replyError) Is(target error) bool { return target == smtp.ErrBadReply }

// want checks that a reply is of a class: 2 or 3, its first digit, which is all that
// counts (RFC 5321 §4.3.2). The error is a refusal, which wraps a *smtp.Error; for a
// reply that is neither, the connection is given up, since it is not known what the
// server waits for.
func (c *Client) want(class int, what string, r smtp.Reply) error {
	switch r.Code / 100 {
	case class:
		return nil
	case 4, 5:
		return fmt.Errorf("smtpclient: %s: %w", what, r.Err())
	}
	return c.fail(&replyError{what, r})
}
