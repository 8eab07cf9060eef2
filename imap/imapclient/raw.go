package imapclient

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
)

// A RawCommand is a command that this package has no method for.
type RawCommand struct {
	Name string // one atom, or "UID" and an atom
	Args []imap.Value

	// Responses are the names of the untagged responses that are part of the
	// answer, such as "XFOO", or "FETCH".
	Responses []string
}

// A RawReply is the answer to a RawCommand.
type RawReply struct {
	Responses []RawResponse // in the order in which they came

	// Of the tagged response: the code and what followed it, and the text.
	Code     imap.Code
	CodeArgs string
	Text     string
}

// A RawResponse is an untagged response as values.
type RawResponse struct {
	Name   string // in capitals
	Number uint32 // the number before the name; zero: there was none
	Values []imap.Value
	Raw    []byte // as sent, without the CRLF at its end
	Err    error  // why Raw can't be read as values; nil: it can
}

// Raw sends a command, with nothing else in flight, and returns the responses that
// it names (RFC 9051 §6.5). Everything else that the server sends arrives as always,
// and so does what changes the state of the mailbox: EXISTS, EXPUNGE, FETCH and the
// like.
//
// No argument can become another one, or another command: a Value that can't be
// written is an error before anything is sent. A string is sent as it is: the name of a
// mailbox is an imap.MailboxName. Commands that change the state of the
// connection, such as SELECT, LOGIN or STARTTLS, are refused with an
// UnsupportedError: the Client would not know of it.
//
// If the server refuses the command, the reply comes beside the error. It may hold
// Limits.Result octets.
func (c *Client) Raw(ctx context.Context, cmd RawCommand) (*RawReply, error) {
	return c.raw(ctx, cmd, nil)
}

// Raw is Client.Raw for a command that is about the selected mailbox: if another one
// is selected, nothing is sent and the error is ErrNotSelected. The Set of messages
// that such commands have is an atom, such as imap.Atom("1:5,7").
func (m *Mailbox) Raw(ctx context.Context, cmd RawCommand) (*RawReply, error) {
	if err := m.ready(ctx); err != nil {
		return nil, err
	}
	return m.c.raw(ctx, cmd, m)
}

// notRaw are the commands that change what the Client must know.
var notRaw = []string{
	"SELECT", "EXAMINE", "CLOSE", "UNSELECT", "LOGIN", "AUTHENTICATE", "UNAUTHENTICATE", "STARTTLS", "COMPRESS", "ENABLE", "IDLE", "LOGOUT",
}

// A rawAnswer collects the answer to a RawCommand. The Client's mu guards it.
type rawAnswer struct {
	names []string
	reply RawReply
}

func (c *Client) raw(ctx context.Context, cmd RawCommand, m *Mailbox) (*RawReply, error) {
	k := newCall(&imap.Raw{Command: cmd.Name, Args: cmd.Args})
	k.name = strings.ToUpper(cmd.Name)
	if slices.Contains(notRaw, k.name) {
		return nil, &UnsupportedError{What: k.name + " as a raw command"}
	}
	if m != nil {
		k.mb, k.box = m, m.name
	}
	k.rule = ruleExclusive // whose answer it is can't be told otherwise
	k.raw = &rawAnswer{names: cmd.Responses}
	k.ended = func(*call) { c.raws.Add(-1) }
	c.raws.Add(1)
	if err := c.start(ctx, k); err != nil {
		c.raws.Add(-1)
		return nil, err
	}
	err := c.wait(ctx, k)
	if !k.isDone() {
		return nil, err // the reader still has it
	}
	reply := &k.raw.reply
	if s := k.status; s != nil {
		reply.Code, reply.CodeArgs, reply.Text = s.Code, s.Args, s.Text
	}
	return reply, err
}

// wants reports whether the answer has responses of that name.
func (a *rawAnswer) wants(name string) bool {
	return slices.ContainsFunc(a.names, func(n string) bool { return strings.EqualFold(n, name) })
}

// takeRaw gives the response in the frame to the raw command that has named it. It
// reports whether there is one.
func (c *Client) takeRaw() bool {
	name := responseName(c.fr.text)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.inflight {
		if k.raw == nil || !k.raw.wants(name) {
			continue
		}
		k.octets += c.fr.size
		switch {
		case c.fr.err != nil:
			k.err = errors.Join(k.err, c.fr.err)
		case k.abandoned || k.err != nil:
		case k.octets > c.o.Limits.Result:
			k.err = &LimitError{"result too long", c.o.Limits.Result}
		default:
			text := c.fr.whole()
			u, err := grammar.ReadRaw(text, c.utf8.Load())
			k.raw.reply.Responses = append(k.raw.reply.Responses, RawResponse{u.Name, u.N, u.Values, text, err})
		}
		return true
	}
	return false
}

// responseName returns the name of an untagged response.
func responseName(text []byte) string {
	rest, ok := bytes.CutPrefix(text, []byte("* "))
	if !ok {
		return ""
	}
	word := func() string {
		end := bytes.IndexAny(rest, " \r(")
		if end < 0 {
			end = len(rest)
		}
		w := string(rest[:end])
		rest = bytes.TrimLeft(rest[end:], " ")
		return w
	}
	w := word()
	if w != "" && strings.Trim(w, "0123456789") == "" {
		w = word()
	}
	return w
}

// isState reports whether a response changes what the Client knows, whoever has
// asked for it.
func isState(resp grammar.Response) bool {
	switch resp.(type) {
	case *grammar.StatusLine, *grammar.Fetch, *grammar.Count, *imap.VanishedData, grammar.Flags, imap.CapSet, grammar.Enabled:
		return true
	}
	return false
}
