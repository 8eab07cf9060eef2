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
		commands: []command{{verb: "BDAT", states: stAny, octets: true, chunk: bdatChunk, run: func(c *Conn, arg string) {
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
	chunk := c.tp.CountedReader(cmd.Size)
	switch {
	case c.disabled.Has(smtp.ExtChunking):
		c.refuseChunk(chunk, errNotImplemented)
		return
	case c.state == stMail:
		c.refuseChunk(chunk, &smtp.Error{Code: 554, Enhanced: smtp.EnhancedCode{5, 5, 1}, Text: "no valid recipients"})
		return
	case c.state != stRcpt:
		c.refuseChunk(chunk, c.sequence(nil))
		return
	}
	if !c.dataMayBegin(chunk) {
		return
	}
	c.receive(&chunks{c: c, cur: chunk, size: cmd.Size, last: cmd.Last})
}

// receive runs the Session's Data over the chunks and answers the last of them.
func (c *Conn) receive(ch *chunks) {
	c.state = stChunk
	b := c.newBody(ch)
	results := c.deliver(b)
	if b.err == nil && results[0] == nil || c.srv.LMTP && b.err == nil {
		// What the Session did not care to read has to come nevertheless.
		io.Copy(io.Discard, struct{ io.Reader }{b})
	}
	switch {
	case ch.aborted: // the command that did it is pending; nothing is owed
		c.reset()
		return
	case ch.lost != nil:
		c.lost(ch.lost)
		return
	}
	if !c.drain(ch.cur) {
		return
	}
	if !ch.last {
		results = results[:1] // LMTP answers for each recipient only after LAST
	}
	c.finish(b, results)
}

// dataMayBegin is beginData for BDAT, whose octets come whatever the answer.
func (c *Conn) dataMayBegin(chunk chunk) bool {
	s, ok := c.session.(DataSession)
	if !ok {
		return true
	}
	err := s.BeginData(c.ctx)
	if err == nil {
		return true
	}
	if c.drain(chunk) {
		c.refuse(err)
	}
	c.reset()
	return false
}

// refuseChunk reads a chunk that can't be used and says why.
func (c *Conn) refuseChunk(chunk chunk, why *smtp.Error) {
	if c.drain(chunk) {
		c.wrong(why)
	}
}

// drain reads a chunk to its end; false: the connection is lost. One that is too
// long is left, and the connection closed after the reply.
func (c *Conn) drain(chunk chunk) bool {
	switch err := chunk.Drain(c.discard()); {
	case errors.Is(err, textproto.ErrBodyTooLong):
		c.goodbye = true
	case err != nil:
		c.lost(err)
		return false
	}
	return true
}

// A chunk is a piece of a message: the octets behind BDAT, or what BURL names.
type chunk interface {
	io.Reader
	io.WriterTo
	Drain(max int64) error
}

// chunks is a message that comes in chunks. Reading it answers each chunk that
// has been read to its end and takes the command for the next.
type chunks struct {
	c       *Conn
	cur     chunk
	size    int64 // of cur
	last    bool  // cur is the last
	aborted bool  // another command came
	lost    error // the connection is lost
}

// Read implements io.Reader.
func (ch *chunks) Read(p []byte) (int, error) {
	for {
		n, err := ch.cur.Read(p)
		switch {
		case n > 0:
			return n, nil
		case err != nil && err != io.EOF:
			return 0, ch.failed(err)
		case err == nil:
			continue
		}
		if err := ch.next(); err != nil {
			return 0, err
		}
	}
}

// WriteTo implements io.WriterTo.
func (ch *chunks) WriteTo(w io.Writer) (n int64, err error) {
	tw := teller{w: w}
	for {
		m, err := ch.cur.WriteTo(&tw)
		n += m
		switch {
		case tw.err != nil:
			return n, tw.err
		case err != nil:
			return n, ch.failed(err)
		}
		if err := ch.next(); err != nil {
			if err == io.EOF {
				err = nil
			}
			return n, err
		}
	}
}

// teller remembers that an error was the writer's.
type teller struct {
	w   io.Writer
	err error
}

func (t *teller) Write(p []byte) (n int, err error) {
	n, t.err = t.w.Write(p)
	return n, t.err
}

func (ch *chunks) failed(err error) error {
	var e *smtp.Error
	if !errors.As(err, &e) {
		ch.lost = err
	}
	return err
}

// next answers the present chunk, which has been read, and waits for another.
// io.EOF: it was the last, and is not answered.
func (ch *chunks) next() error {
	c := ch.c
	switch {
	case ch.lost != nil:
		return ch.lost
	case ch.aborted:
		return errAborted
	case ch.last:
		return io.EOF
	}
	c.idle = 0
	c.ok(250, smtp.EnhancedCode{2, 0, 0}, strconv.FormatInt(ch.size, 10)+" octets received")
	for !c.goodbye {
		line, err := c.next()
		if err != nil {
			ch.lost = err
			return err
		}
		verb, arg := smtp.CutCommand(line)
		cmd := c.srv.lookup(verb)
		switch {
		case cmd != nil && cmd.chunk != nil && c.has(cmd.extension):
			if err := cmd.chunk(c, ch, string(arg)); err != nil {
				return err
			}
			if ch.cur != nil {
				return nil
			}
		case cmd != nil && cmd.breaks && c.has(cmd.extension):
			c.pending = append([]byte(nil), line...)
			ch.aborted = true
			return errAborted
		default:
			c.dispatch(line)
		}
	}
	ch.aborted = true
	return errAborted
}

// bdatChunk is a BDAT that continues a message.
func bdatChunk(c *Conn, ch *chunks, arg string) error {
	cmd, err := c.parser.Bdat(arg)
	if err != nil {
		c.wrong(err)
		c.goodbye, ch.aborted = true, true
		return errAborted
	}
	ch.cur, ch.size, ch.last = c.tp.CountedReader(cmd.Size), cmd.Size, cmd.Last
	return nil
}
