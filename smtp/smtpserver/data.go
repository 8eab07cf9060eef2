package smtpserver

import (
	"bytes"
	"errors"
	"io"

	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/textproto"
)

// cmdData is DATA (RFC 5321 §4.1.1.4).
func (c *Conn) cmdData() {
	switch {
	case c.state == stMail: // RFC 5321 §3.3
		c.wrong(&smtp.Error{Code: 554, Enhanced: smtp.EnhancedCode{5, 5, 1}, Text: "no valid recipients"})
		return
	case c.tx.mail.Options.Body == smtp.BodyBinaryMIME: // RFC 3030 §3
		c.wrong(&smtp.Error{Code: 503, Enhanced: smtp.EnhancedCode{5, 5, 1}, Text: "BINARYMIME needs BDAT"})
		return
	}
	if err := c.mayBegin(); err != nil {
		c.refuse(err)
		c.reset()
		return
	}
	c.send(354, smtp.EnhancedCode{}, "start mail input; end with <CRLF>.<CRLF>")
	if err := c.tp.Flush(); err != nil {
		c.goodbye = true
		return
	}
	dot := c.tp.DotReader(c.lineEnds())
	b := c.newBody(dot)
	results := c.results(c.session.Data(c.ctx, b))
	if refusal := (*smtp.Error)(nil); isConnErr(b.err) && !errors.As(b.err, &refusal) {
		c.lost(b.err)
		return
	}
	switch err := dot.Drain(c.discard()); {
	case errors.Is(err, textproto.ErrBodyTooLong):
		c.goodbye = true
	case err != nil:
		c.lost(err)
		return
	}
	if b.err != nil {
		results = c.results(b.refusal())
	}
	c.finish(results)
}

// lineEnds says what is done with bare CR and LF.
func (c *Conn) lineEnds() textproto.DotMode {
	if c.srv.NormaliseLineEnds {
		return textproto.Normalise
	}
	return textproto.Strict
}

// discard is how much of a body is read only to be thrown away.
func (c *Conn) discard() int64 { return limit(c.srv.Limits.Discard, 64<<20) }

// mayBegin asks the Session whether the message may come.
func (c *Conn) mayBegin() error {
	if s, ok := optional[DataSession](c.session); ok {
		return s.BeginData(c.ctx)
	}
	return nil
}

// finish answers the end of a message and ends the transaction. However many
// replies there are, it is one command, which was refused if all of them say so.
func (c *Conn) finish(results []error) {
	id := c.TransactionID()
	taken := false
	for _, err := range results {
		if err == nil {
			taken = true
			c.send(250, smtp.EnhancedCode{2, 0, 0}, "accepted as "+id)
			continue
		}
		e := c.asReply(err)
		c.send(e.Code, e.Enhanced, e.Text)
		c.goodbye = c.goodbye || e.Code == 421
	}
	if taken {
		c.errors, c.refusals = 0, 0
	} else {
		c.refusals++
		if c.tp.Spend(c.ctx, textproto.FailureRate, 1) != nil {
			c.overdone("too many errors")
		}
	}
	c.reset()
}

// body is a message as a Session reads it. It remembers what was wrong with it,
// so that a Session can't accept what must be refused.
type body struct {
	c    *Conn
	src  io.Reader // a DotReader, or text
	left int64     // octets that it may still have
	err  error     // why it is refused
	lw   limitWriter
	text textproto.LineEndReader // of chunks

	maxLine int // 0: any
	line    int // octets of the current line
	undone  int // octets whose work is not counted yet
}

// work counts n octets that the Session reads: a unit for a kilobyte.
func (b *body) work(n int) error {
	if b.undone += n; b.undone < 64<<10 {
		return nil
	}
	units := b.undone >> 10
	b.undone &= 1<<10 - 1
	return b.note(b.c.tooMuch(b.c.tp.Work(b.c.ctx, units)))
}

var errTextLine = &smtp.Error{Code: 554, Enhanced: smtp.EnhancedCode{5, 6, 0}, Text: "message has a line that is too long"}

// checkLines watches the length of lines.
func (b *body) checkLines(p []byte) error {
	if b.maxLine == 0 {
		return nil
	}
	for {
		n := bytes.IndexByte(p, '\n')
		if n < 0 {
			b.line += len(p)
		} else {
			b.line += n + 1
		}
		if b.line > b.maxLine {
			return b.note(errTextLine)
		}
		if n < 0 {
			return nil
		}
		b.line, p = 0, p[n+1:]
	}
}

// newBody begins a message. There is one at a time.
func (c *Conn) newBody(src io.Reader) *body {
	b := &c.tx.body
	*b = body{c: c, src: src, left: c.srv.maxMessage(), maxLine: max(c.srv.Limits.TextLine, 0)}
	b.lw.b = b
	return b
}

// refusal is the reply to a message that can't be accepted.
func (b *body) refusal() error {
	switch {
	case errors.Is(b.err, textproto.ErrBareLF), errors.Is(b.err, textproto.ErrBareCR):
		return &smtp.Error{Code: 554, Enhanced: smtp.EnhancedCode{5, 6, 0}, Text: "message has a bare CR or LF in it"}
	}
	return b.err
}

func (b *body) note(err error) error {
	if err != nil && err != io.EOF && b.err == nil {
		b.err = err
	}
	return err
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.refusal()
	}
	if len(p) == 0 {
		return 0, nil
	}
	if b.left < int64(len(p)) {
		p = p[:b.left+1] // one more than may be there tells whether it is
	}
	n, err := b.src.Read(p)
	if int64(n) > b.left {
		b.note(errTooLarge)
		return int(b.left), errTooLarge
	}
	b.left -= int64(n)
	if err := b.checkLines(p[:n]); err != nil {
		return 0, err
	}
	if err := b.work(n); err != nil {
		return 0, err
	}
	if b.note(err) != nil && err != io.EOF {
		err = b.refusal()
	}
	return n, err
}

// WriteTo implements io.WriterTo, which spares a copy where the source does.
func (b *body) WriteTo(w io.Writer) (int64, error) {
	if b.err != nil {
		return 0, b.refusal()
	}
	wt, ok := b.src.(io.WriterTo)
	if !ok {
		return io.Copy(w, struct{ io.Reader }{b})
	}
	b.lw.w, b.lw.failed = w, false
	n, err := wt.WriteTo(&b.lw)
	b.lw.w = nil
	if err != nil && !b.lw.failed {
		b.note(err)
		err = b.refusal()
	}
	return n, err
}

// limitWriter counts what a body writes.
type limitWriter struct {
	b      *body
	w      io.Writer
	failed bool // the error is the writer's, not the source's
}

func (l *limitWriter) Write(p []byte) (int, error) {
	if int64(len(p)) > l.b.left {
		l.failed = true
		return 0, l.b.note(errTooLarge)
	}
	l.b.left -= int64(len(p))
	if err := l.b.checkLines(p); err != nil {
		l.failed = true
		return 0, err
	}
	n, err := l.w.Write(p)
	if err == nil {
		err = l.b.work(n)
	}
	l.failed = err != nil
	return n, err
}
