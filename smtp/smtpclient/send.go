package smtpclient

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/posthorn-mail/posthorn/smtp"
)

// window is how many recipients are named before their replies are read. It
// keeps both sides from waiting for each other with full buffers (RFC 2920
// §3.1).
const window = 100

// ErrTooLarge says that the message exceeds the size that the server announced.
var ErrTooLarge = errors.New("smtpclient: message larger than the server takes")

// ErrHold says that the server does not hold messages for as long as MailOptions want
// (RFC 4865); see [smtp.Features.FutureRelease].
var ErrHold = errors.New("smtpclient: message to be held longer than the server does")

// Send sends a message and returns a result for each recipient. The body is a message
// with its header; LF alone and CR alone become CRLF, unless it is declared
// BINARYMIME. If the body is an io.Seeker, it is read twice, to learn its size
// and whether it has 8-bit octets; otherwise its header is read in advance, to learn
// whether it needs SMTPUTF8: if that is longer than 256 KiB and not in ASCII behind
// them, the message is given up on its way, unless env.Mail.UTF8 is set. A body that
// can be sought in is sent several times where the server limits the recipients of a
// message to fewer than there are. Those for whom the connection has no room left
// have the error ErrLimit.
//
// The error is nil if the message was accepted for all recipients. It wraps
// ErrPartial if for some; and it wraps the *smtp.Error of a refusal, or a
// *smtp.UnsupportedError if the server lacks an extension that the message
// needs. The Result is never nil.
//
// After a refusal the connection is ready for another message. When it is lost,
// or ctx ends, it is closed.
func (c *Client) Send(ctx context.Context, env *Envelope, body io.Reader) (*Result, error) {
	return c.send(ctx, env, body, "")
}

// send is Send, or with a url SendURL.
func (c *Client) send(ctx context.Context, env *Envelope, body io.Reader, url string) (*Result, error) {
	res := &Result{Recipients: make([]Recipient, len(env.To))}
	for i, to := range env.To {
		res.Recipients[i].Address = to
	}
	if len(env.To) == 0 {
		return res, errors.New("smtpclient: no recipients")
	}
	end, err := c.begin(ctx)
	if err != nil {
		res.set(NotAttempted, NotAttempted, err)
		return res, err
	}
	defer end()
	seeker, _ := body.(io.Seeker)
	var start int64
	if seeker != nil {
		if start, err = seeker.Seek(0, io.SeekCurrent); err != nil {
			seeker = nil
		}
	}
	// A server that limits the recipients of a message gets it several times, if it
	// can be read so often.
	t := &transaction{}
	var todo []int
	if max := c.limits.RcptMax; max > 0 && len(env.To) > max || c.limits.RcptDomainMax > 0 {
		for i := range env.To {
			todo = append(todo, i)
		}
	}
	for again := false; ; again = true {
		now, later, never := c.batch(env.To, todo)
		if err := c.oneBatch(env, now, never); err != nil && todo != nil {
			res.set(NotAttempted, NotAttempted, err)
			break
		}
		for _, i := range never {
			res.Recipients[i].Err = ErrLimit
		}
		if todo != nil && len(now) == 0 {
			break
		}
		if again {
			if _, err := seeker.Seek(start, io.SeekStart); err != nil {
				res.set(NotAttempted, NotAttempted, fmt.Errorf("smtpclient: reading the message: %w", err))
				break
			}
		}
		*t = transaction{c: c, all: env, url: url}
		t.env, t.res = env, res
		if todo != nil {
			t.env, t.res = part(env, res, now)
		}
		err := t.prepare(body)
		if err == nil {
			t.run()
		}
		t.msg.free()
		t.res.set(NotAttempted, NotAttempted, err)
		res.join(t.res, now)
		if err == nil && len(later) == 0 {
			break
		}
		stop := err
		if stop == nil {
			stop = c.err
		}
		if stop == nil {
			stop = t.refusal
		}
		if stop == nil && seeker == nil {
			stop = errTooMany
		}
		if stop != nil {
			res.set(NotAttempted, NotAttempted, stop)
			break
		}
		todo = later
	}
	return res, res.Err()
}

// errTooMany is why a recipient was not named to the server.
var errTooMany = &smtp.Error{Code: 452, Enhanced: smtp.EnhancedCode{4, 5, 3}, Text: "more recipients than the server takes at once"}

// A transaction is one message on its way.
type transaction struct {
	c       *Client
	all     *Envelope // with the recipients of all transactions
	env     *Envelope // with those of this one
	res     *Result
	mail    smtp.MailOptions
	msg     content
	url     string // what the server is to fetch, in place of msg
	exts    smtp.ExtensionSet
	bdat    bool
	pending []byte // commands, encoded
	chunks  int    // sent, and not answered yet
	refusal error  // of the whole message

	// ended: the end of the message was sent, or may have been. From then on the
	// server may have taken it, whatever becomes of the connection.
	ended bool
}

// prepare decides how to send, and encodes the commands, so that what can't be
// sent fails before anything is.
func (t *transaction) prepare(body io.Reader) error {
	c, env := t.c, t.env
	if c.full() {
		return ErrLimit
	}
	t.exts, t.mail = c.features.Extensions, env.Mail
	if err := t.msg.examine(body); err != nil {
		return err
	}
	if err := t.needs(); err != nil {
		return err
	}
	t.bdat = t.url == "" && t.exts.Has(smtp.ExtChunking) && (c.opts.Chunking || t.mail.Body == smtp.BodyBinaryMIME)
	if t.mail.Body == smtp.BodyBinaryMIME && !t.bdat && t.url == "" {
		return &smtp.UnsupportedError{Extension: smtp.ExtChunking}
	}
	var err error
	t.pending, err = smtp.AppendMail(c.line[:0], env.From, &t.mail, t.exts)
	if err != nil {
		return fmt.Errorf("smtpclient: %w", err)
	}
	// All recipients are encoded once now, to see that they can be.
	n := len(t.pending)
	for i := range t.all.To {
		if t.pending, err = t.appendRcpt(t.pending[:n], t.all, i); err != nil {
			return fmt.Errorf("smtpclient: %w", err)
		}
	}
	c.line = t.pending
	t.pending = t.pending[:n]
	return nil
}

// needs sets the parameters that the message calls for, and refuses one that
// the server can't take.
func (t *transaction) needs() error {
	o := &t.mail
	if t.msg.header.utf8() || t.env.From.NeedsUTF8() {
		o.UTF8 = true
	}
	for _, to := range t.all.To {
		if to.NeedsUTF8() {
			o.UTF8 = true
		}
	}
	if o.UTF8 && !t.exts.Has(smtp.ExtSMTPUTF8) {
		return &smtp.UnsupportedError{Extension: smtp.ExtSMTPUTF8}
	}
	switch has := t.exts.Has(smtp.Ext8BitMIME); {
	case o.Body != "":
	case has && (t.msg.eightBit || !t.msg.whole):
		o.Body = smtp.Body8BitMIME
	case t.msg.eightBit && !has:
		return &smtp.UnsupportedError{Extension: smtp.Ext8BitMIME}
	}
	if !t.msg.whole {
		t.guard()
	}
	if r, ok := t.c.features.FutureRelease(); ok && t.exts.Has(smtp.ExtFutureRelease) && !r.Allows(o) {
		return ErrHold
	}
	if t.exts.Has(smtp.ExtSize) {
		if o.Size == 0 && t.msg.size > 0 {
			o.Size = t.msg.size
		}
		if max := t.c.features.MaxSize(); max > 0 && o.Size > max {
			return fmt.Errorf("%w: %d octets, of %d", ErrTooLarge, o.Size, max)
		}
	} else {
		o.Size = 0
	}
	return nil
}

// guard has the message watched for what is not declared.
func (t *transaction) guard() {
	g := &guard{bits: t.mail.Body == ""}
	if !t.mail.UTF8 && !t.msg.header.done && !t.msg.header.bad {
		g.header, g.seen, g.err = &t.msg.header, t.msg.mem.Len(), errLateUTF8
		if !t.exts.Has(smtp.ExtSMTPUTF8) {
			g.err = &smtp.UnsupportedError{Extension: smtp.ExtSMTPUTF8}
		}
	}
	if g.bits || g.header != nil {
		g.r, t.msg.Reader = t.msg.Reader, g
	}
}

func (t *transaction) appendRcpt(dst []byte, env *Envelope, i int) ([]byte, error) {
	var o *smtp.RcptOptions
	if i < len(env.Rcpt) {
		o = &env.Rcpt[i]
	}
	return smtp.AppendRcpt(dst, env.To[i], o, t.mail.UTF8, t.exts)
}

// run sends the commands and the message. It leaves the outcome in res.
func (t *transaction) run() {
	c := t.c
	c.mails++
	pipelining := t.exts.Has(smtp.ExtPipelining)
	// Where all must be accepted, DATA has to wait for the replies: a 354
	// can't be answered by anything but a message.
	early := pipelining && !t.env.AllOrNothing && !t.bdat && t.url == ""
	batch := 1
	if pipelining {
		batch = window
	}
	c.tp.SetReadTimeout(c.opts.Timeouts.Command)
	c.tp.Write(t.pending)
	mailOK := false
	if !pipelining {
		if mailOK = t.readMail(); !mailOK {
			return
		}
	}
	dataSent := false
	accepted := 0
	for from := 0; from < len(t.env.To); from += batch {
		to := min(from+batch, len(t.env.To))
		for i := from; i < to; i++ {
			c.name(t.env.To[i])
			line, _ := t.appendRcpt(c.tp.AvailableBuffer(), t.env, i) // prepare has seen that it can be
			c.tp.Write(line)
		}
		if dataSent = early && to == len(t.env.To); dataSent {
			c.tp.WriteString("DATA\r\n")
		}
		if pipelining && from == 0 {
			mailOK = t.readMail()
		} else if err := c.tp.Flush(); err != nil {
			t.lost(err)
			return
		}
		for i := from; i < to; i++ {
			if !t.readRcpt(i, mailOK) {
				return
			}
			if t.res.Recipients[i].Status == Accepted {
				accepted++
			}
		}
		if !mailOK && !dataSent {
			return // the transaction never began
		}
	}
	if !dataSent && (accepted == 0 || t.env.AllOrNothing && accepted < len(t.env.To)) {
		t.res.set(Accepted, NotAttempted, errors.New("smtpclient: another recipient was refused"))
		t.reset()
		return
	}
	switch {
	case t.url != "":
		t.sendURL()
		return
	case t.bdat:
		t.sendChunks()
		return
	}
	t.sendData(dataSent, accepted)
}

// readMail sends what is buffered and reads the reply to MAIL.
func (t *transaction) readMail() bool {
	if err := t.c.tp.Flush(); err != nil {
		t.lost(err)
		return false
	}
	r, err := t.c.readReply()
	if err != nil {
		t.lost(err)
		return false
	}
	if t.refusal = t.c.want(2, "MAIL", r); t.refusal != nil {
		t.res.set(NotAttempted, NotAttempted, t.refusal)
		return false
	}
	return true
}

// readRcpt reads the reply to RCPT. false: the connection is lost.
func (t *transaction) readRcpt(i int, mailOK bool) bool {
	if t.c.err != nil {
		t.lost(t.c.err)
		return false
	}
	r, err := t.c.readReply()
	if err != nil {
		t.lost(err)
		return false
	}
	p := &t.res.Recipients[i]
	err = t.c.want(2, "RCPT", r)
	switch {
	case err != nil && r.Err() == nil:
		t.lost(err)
		return false
	case !mailOK: // told already
	case err != nil:
		p.Status, p.Err = Rejected, err
	default:
		p.Status = Accepted // so far
	}
	return true
}

// sendData sends DATA, unless that was done, and the message.
func (t *transaction) sendData(sent bool, accepted int) {
	c := t.c
	c.tp.SetReadTimeout(c.opts.Timeouts.DataBegin)
	if !sent {
		c.tp.WriteString("DATA\r\n")
		if err := c.tp.Flush(); err != nil {
			t.lost(err)
			return
		}
	}
	r, err := c.readReply()
	if err != nil {
		t.lost(err)
		return
	}
	if err := c.want(3, "DATA", r); err != nil {
		t.answered(r, err)
		t.reset()
		return
	}
	if accepted == 0 {
		// RFC 2920 §3.1: the server has refused every recipient and wants a
		// message nevertheless; it gets none.
		c.tp.SetReadTimeout(c.opts.Timeouts.DataEnd)
		if _, err := c.roundTrip([]byte(".\r\n")); err == nil {
			t.reset()
		}
		return
	}
	w := c.tp.DotWriter()
	src := reading{r: t.msg.Reader}
	_, err = w.ReadFrom(&src)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.broken(&src, err)
		return
	}
	_, before := c.tp.Octets()
	if err := t.flushEnd(before); err != nil {
		t.broken(&src, err)
		return
	}
	t.finish()
}

// flushEnd sends what is buffered up to the end of the message. before is how many
// octets had gone out when the last part was begun: where writing it fails, the end
// did not go out only if nothing of the part did.
func (t *transaction) flushEnd(before int64) error {
	err := t.c.tp.Flush()
	_, after := t.c.tp.Octets()
	t.ended = err == nil || after > before
	return err
}

// finish reads the answer to the message, in LMTP one for each recipient that
// was accepted.
func (t *transaction) finish() {
	c := t.c
	c.tp.SetReadTimeout(c.opts.Timeouts.DataEnd)
	if !c.opts.LMTP {
		r, err := c.readReply()
		if err != nil {
			t.lost(err)
			return
		}
		t.answered(r, c.want(2, "message", r))
		return
	}
	for i := range t.res.Recipients {
		p := &t.res.Recipients[i]
		if p.Status != Accepted {
			continue
		}
		r, err := c.readReply()
		if err == nil {
			t.res.Reply = r
			err = c.want(2, "message", r)
		}
		switch {
		case err == nil:
		case r.Err() != nil:
			p.Status, p.Err = Rejected, err
		default:
			p.Status, p.Err = Unknown, err
		}
	}
}

// answered records the answer to the message as a whole, for those recipients that
// had been accepted. err is what [Client.want] makes of it.
func (t *transaction) answered(r smtp.Reply, err error) {
	if t.res.Reply = r; err == nil {
		return
	}
	if r.Err() == nil {
		t.lost(err)
		return
	}
	t.refusal = err
	t.res.set(Accepted, Rejected, err)
}

// broken deals with a message that could not be written to its end, or whose end
// failed to be written.
func (t *transaction) broken(src *reading, err error) {
	c := t.c
	if src.err != nil {
		err = fmt.Errorf("smtpclient: reading the message: %w", src.err)
		t.lost(err)
		return
	}
	if !t.ended || !c.opts.LMTP { // in LMTP it would be the answer for one recipient only
		// A server that closes the connection during the data often says why first.
		c.tp.SetReadTimeout(c.opts.Timeouts.Quit)
		for range t.chunks + 1 {
			r, rerr := c.readReply()
			if rerr == nil && r.Code < 400 {
				continue // of a chunk before
			}
			if rerr == nil {
				t.answered(r, c.want(2, "message", r))
			}
			break
		}
	}
	t.lost(err)
}

// lost records that the connection went away before the server's answer: whatever
// it has accepted so far is not sent, or, after the end of the message, unknown.
func (t *transaction) lost(err error) {
	t.c.fail(err)
	t.res.set(NotAttempted, NotAttempted, err)
	if t.ended {
		t.res.set(Accepted, Unknown, err)
	} else {
		t.res.set(Accepted, NotAttempted, err)
	}
}

// reset ends a transaction that the server may have begun.
func (t *transaction) reset() {
	if t.c.err != nil {
		return
	}
	if r, err := t.c.command([]byte("RSET\r\n")); err == nil {
		if err = t.c.want(2, "RSET", r); err != nil {
			t.c.fail(err)
		}
	}
}

// reading remembers that an error was the source's.
type reading struct {
	r   io.Reader
	err error
}

func (s *reading) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}
