package smtpserver

import (
	"errors"
	"io"
	"strconv"

	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/textproto"
)

// chunking is BDAT (RFC 3030 §2). BDAT is valid in every state as far as the
// table goes, since its octets must be read in any case.
func chunking() extension {
	return extension{
		keyword: true, ext: smtp.ExtChunking,
		commands: []command{{verb: "BDAT", states: stAny, octets: true, message: true, chunk: bdatChunk, run: func(c *Conn, arg string) {
			cmd, err := c.parser.Bdat(arg)
			if err != nil {
				// How much follows is not known, so nothing after it can be trusted.
				c.wrong(err)
				c.goodbye = true
				return
			}
			c.cmdBdat(cmd)
		}}},
	}
}

// errAborted is what a Session reads when the client gave the message up.
var errAborted = errors.New("smtpserver: message abandoned by the client")

// cmdBdat takes the first chunk of a message. The chunks that follow are read
// from within the Session's Data, by chunks.Read, so that the message is one
// stream and all runs on one goroutine.
func (c *Conn) cmdBdat(cmd smtp.BdatCommand) {
	ch := &chunks{c: c, cur: c.tp.CountedReader(cmd.Size), last: cmd.Last}
	var why *smtp.Error
	switch {
	case c.disabled.Has(smtp.ExtChunking):
		why = errNotImplemented
	case c.state == stMail:
		why = &smtp.Error{Code: 554, Enhanced: smtp.EnhancedCode{5, 5, 1}, Text: "no valid recipients"}
	case c.state != stRcpt:
		why = c.sequence(nil)
	}
	if why != nil {
		if ch.drain() {
			c.wrong(why)
		}
		return
	}
	err := ch.fits(cmd.Size)
	if err == nil {
		err = c.mayBegin()
	}
	if err != nil {
		ch.refuse(err)
		return
	}
	ch.receive()
}

// A chunk is a piece of a message: the octets behind BDAT, or what BURL names.
type chunk interface {
	io.Reader

	// Drain makes an end of the chunk, as textproto.CountedReader.Drain.
	Drain(max int64) error
}

// chunks is a message that comes in chunks. Reading it answers each chunk that
// has been read to its end and takes the command for the next.
type chunks struct {
	c     *Conn
	cur   chunk // nil: it could not be had
	size  int64 // octets read of cur
	total int64 // octets of the chunks before it
	last  bool  // cur is the last

	err     error // sticky, io.EOF included
	replied bool  // no reply is owed: the client has had it, or gave the message up
	lost    bool  // err is the connection's
}

// chunkMemory is what a message in chunks takes beside the buffer of the connection:
// that of its LineEndReader.
const chunkMemory = 64 << 10

// receive runs the Session's Data over the chunks and answers the last of them.
func (ch *chunks) receive() {
	c := ch.c
	if err := c.tp.Keep(c.ctx, chunkMemory); err != nil {
		ch.refuse(err)
		return
	}
	defer c.tp.Keep(c.ctx, -chunkMemory)
	c.state = stChunk
	b := c.newBody(nil)
	b.text = textproto.LineEndReader{R: ch, Mode: c.lineEnds(), Binary: c.tx.mail.Options.Body == smtp.BodyBinaryMIME}
	b.src = &b.text
	if b.text.Binary {
		b.maxLine = 0
	}
	results := c.results(c.session.Data(c.ctx, b))
	if b.err == nil && (results[0] == nil || c.srv.LMTP) {
		// What the Session did not care to read has to come nevertheless.
		io.Copy(io.Discard, struct{ io.Reader }{b})
	}
	b.text.Close()
	switch {
	case ch.replied:
		c.reset()
	case ch.lost:
		c.lost(ch.err)
	case b.err != nil:
		ch.refuse(b.refusal())
	case ch.drain():
		ch.finish(results)
	}
}

// refuse ends the message with a reply to the present chunk.
func (ch *chunks) refuse(err error) {
	if ch.drain() {
		ch.finish(ch.c.results(err))
	}
}

func (ch *chunks) finish(results []error) {
	if !ch.last {
		results = results[:1] // RFC 2033 §4.2: a reply for each recipient after LAST only
	}
	ch.c.finish(results)
}

// drain reads the present chunk to its end; false: the connection is lost. One
// that is too long is left, and the connection closed after the reply.
func (ch *chunks) drain() bool {
	if ch.cur == nil {
		return true
	}
	switch err := ch.cur.Drain(ch.c.discard()); {
	case errors.Is(err, textproto.ErrBodyTooLong):
		ch.c.goodbye = true
	case err != nil:
		ch.c.lost(err)
		return false
	}
	return true
}

// fits checks the announced size of the present chunk, before any of it is read
// (RFC 1870 §6.3).
func (ch *chunks) fits(size int64) error {
	if size > ch.c.srv.maxMessage()-ch.total {
		return errTooLarge
	}
	return nil
}

// Read implements io.Reader.
func (ch *chunks) Read(p []byte) (int, error) {
	for ch.err == nil {
		n, err := ch.cur.Read(p)
		ch.size += int64(n)
		switch {
		case n > 0 || err == nil:
			return n, nil
		case err == io.EOF:
			ch.err = ch.next()
		default:
			var e *smtp.Error // of a URL: the connection is well
			ch.err, ch.lost = err, !errors.As(err, &e)
		}
	}
	return 0, ch.err
}

// next answers the present chunk, which has been read, and waits for another.
// io.EOF: it was the last, and is not answered.
func (ch *chunks) next() error {
	c := ch.c
	if ch.last {
		return io.EOF
	}
	c.ok(250, smtp.EnhancedCode{2, 0, 0}, strconv.FormatInt(ch.size, 10)+" octets received")
	ch.total += ch.size
	ch.size = 0
	for !c.goodbye {
		line, err := c.next()
		if err != nil {
			ch.replied = true
			if err == io.EOF {
				err = io.ErrUnexpectedEOF // without LAST it is no whole message
			}
			return err
		}
		verb, arg := smtp.CutCommand(line)
		cmd := c.srv.lookup(verb)
		switch {
		case cmd != nil && cmd.chunk != nil && c.has(cmd.extension):
			if !c.allow(true) {
				break
			}
			return cmd.chunk(ch, string(arg))
		case cmd != nil && cmd.breaks && c.has(cmd.extension):
			c.pending = append([]byte(nil), line...)
			ch.replied = true
			return errAborted
		}
		c.dispatch(line)
	}
	ch.replied = true
	return errAborted
}

// bdatChunk is a BDAT that continues a message.
func bdatChunk(ch *chunks, arg string) error {
	cmd, err := ch.c.parser.Bdat(arg)
	if err != nil {
		ch.c.wrong(err)
		ch.c.goodbye, ch.replied = true, true
		return errAborted
	}
	ch.cur, ch.last = ch.c.tp.CountedReader(cmd.Size), cmd.Last
	return ch.fits(cmd.Size)
}
