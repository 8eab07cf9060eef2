package imapserver

import (
	"errors"
	"io"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// appendExt is APPEND (RFC 9051 §6.3.12).
func appendExt() extension {
	return extension{commands: []command{{"APPEND", loggedIn, on((*Conn).append)}}}
}

// append streams the message into the store. It refuses what it can before the
// client is asked for the octets. Messages are stored unchanged, whatever they
// contain; only NUL is refused, unless it comes in a literal8.
func (c *Conn) append(cmd *imap.Append) (reply, error) {
	mb, err := c.appendable(cmd)
	if err != nil {
		if e := c.r.RefuseLiteral(); e != nil {
			return reply{}, link(e)
		}
		return reply{}, err
	}
	lit, err := c.r.OpenLiteral()
	if err != nil {
		return reply{}, link(err)
	}
	body := &appendBody{r: c.r, lit: lit}
	res, err := mb.Append(c.ctx, mailbox.Incoming{
		Body: body, Size: cmd.Message.Literal.Size,
		Flags: appendFlags(cmd.Message.Flags), InternalDate: cmd.Message.Date,
	})
	// Skip the octets that the store has not read, to find the next
	// command.
	if end := body.finish(); end != nil {
		return reply{}, link(end)
	}
	if err != nil {
		return reply{}, c.transferFailed(err)
	}
	c.transferred(&res, mailbox.UIDSet{})
	rep := reply{code: imap.CodeAppendUID, arg: imap.AppendUID{UIDValidity: res.DestUIDValidity, UIDs: res.DestUIDs()}}
	return rep, c.workOn(100 + int(cmd.Message.Literal.Size>>9)) // as a message that comes by SMTP
}

// appendable opens the mailbox and checks what can be checked before the
// message has been sent.
func (c *Conn) appendable(cmd *imap.Append) (mailbox.Mailbox, error) {
	mb, err := c.account.Mailbox(c.ctx, cmd.Mailbox)
	if err != nil {
		return nil, c.transferFailed(err)
	}
	if !mb.Info().Access.Rights.Has(mailbox.RightInsert) {
		return nil, mailbox.ErrPermission
	}
	size := cmd.Message.Literal.Size
	if limit := c.account.Limits().MaxMessageSize; limit > 0 && size > limit {
		return nil, mailbox.ErrTooLarge
	}
	if size == 0 {
		return nil, no(imap.CodeCannot, "a message of no octets cannot be stored")
	}
	return mb, c.withinQuota(mb.Info().Name, size)
}

// appendFlags returns the flags that can be stored. It drops \Recent and unknown
// system flags, which come with messages copied from other servers, instead of
// refusing the message.
func appendFlags(flags []mailbox.Flag) mailbox.FlagSet {
	var kept []mailbox.Flag
	for _, f := range flags {
		if f != "" && (f[0] != '\\' || systemFlags().Has(f)) {
			kept = append(kept, f)
		}
	}
	return mailbox.NewFlagSet(kept...)
}

// An appendBody is the literal of an APPEND. Before it reports its end it reads
// the end of the command: if the client has sent something else there, the
// store gets an error and stores nothing.
type appendBody struct {
	r    *grammar.Reader
	lit  io.Reader
	done bool
	err  error // of the connection, or of the end of the command
}

var _ io.WriterTo = (*appendBody)(nil)

func (b *appendBody) Read(p []byte) (int, error) {
	if b.done {
		return 0, b.ended()
	}
	n, err := b.lit.Read(p)
	if err == io.EOF {
		if err = b.finish(); err == nil {
			err = io.EOF
		}
	} else if err != nil {
		err = b.failed(err)
	}
	return n, err
}

// failed remembers why the literal can't be read. Where that is what is in it, the
// rest of the command is read.
func (b *appendBody) failed(err error) error {
	if e := (*imap.Error)(nil); errors.As(err, &e) {
		return b.finish()
	}
	b.done, b.err = true, err
	return err
}

func (b *appendBody) WriteTo(w io.Writer) (int64, error) {
	if b.done {
		return 0, b.err
	}
	tw := &taggedWriter{w: w}
	n, err := io.Copy(tw, b.lit)
	if err != nil {
		if tw.err == nil {
			err = b.failed(err)
		}
		return n, err
	}
	return n, b.finish()
}

// taggedWriter marks errors of the writer, to tell them from those of the reader.
type taggedWriter struct {
	w   io.Writer
	err error
}

func (t *taggedWriter) Write(p []byte) (n int, err error) {
	n, t.err = t.w.Write(p)
	return n, t.err
}

func (b *appendBody) ended() error {
	if b.err != nil {
		return b.err
	}
	return io.EOF
}

// finish reads the rest of the command, once.
func (b *appendBody) finish() error {
	if b.done {
		return b.err
	}
	b.done = true
	next, err := b.r.NextMessage()
	if err == nil && next != nil {
		if err = b.r.RefuseLiteral(); err == nil {
			err = bad("APPEND takes one message")
		}
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF // the end of the connection, not of the message
	}
	b.err = err
	return err
}
