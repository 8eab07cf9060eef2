package smtpserver

import (
	"errors"
	"io"

	"github.com/posthorn-mail/posthorn/smtp"
)

// burl is BURL (RFC 4468), for authenticated clients whose Session can fetch a
// URL.
func burl() extension {
	parse := (*smtp.Parser).Burl
	return extension{
		keyword: true, ext: smtp.ExtBURL,
		offered: func(c *Conn) bool {
			_, ok := c.session.(URLFetcher)
			return ok && c.identity != "" && !c.disabled.Has(smtp.ExtChunking)
		},
		params: func(c *Conn, dst []byte) []byte { return append(dst, " imap"...) },
		commands: []command{{verb: "BURL", states: stRcpt, chunk: burlChunk, run: with(parse, func(c *Conn, cmd smtp.BurlCommand) {
			u := c.fetch(cmd.URL)
			if u == nil {
				return
			}
			defer u.Close()
			if c.beginData() {
				c.receive(&chunks{c: c, cur: u, last: cmd.Last})
			}
		})}},
	}
}

// burlChunk is a BURL that continues a message. After a failure the client may
// only RSET (RFC 4468 §3.3), which the message's end amounts to.
func burlChunk(c *Conn, ch *chunks, arg string) error {
	cmd, err := c.parser.Burl(arg)
	if err != nil {
		c.wrong(err)
		ch.aborted = true
		return errAborted
	}
	u := c.fetch(cmd.URL)
	if u == nil {
		ch.aborted = true
		return errAborted
	}
	ch.cur, ch.size, ch.last = u, 0, cmd.Last
	return nil
}

// fetch opens what a URL names; nil: it can't, and the client has been told.
func (c *Conn) fetch(url string) *urlChunk {
	r, err := c.session.(URLFetcher).FetchURL(c.ctx, url)
	if err != nil {
		c.refuse(burlError(err))
		return nil
	}
	return &urlChunk{r: r}
}

func burlError(err error) error {
	var e *smtp.Error
	if errors.As(err, &e) {
		return e
	}
	return &smtp.Error{Code: 554, Enhanced: smtp.EnhancedCode{5, 6, 6}, Text: "URL resolution failed"} // RFC 4468 §5
}

// urlChunk is the content of a URL. An error of it refuses the message, and
// leaves the connection as it is.
type urlChunk struct {
	r      io.ReadCloser
	closed bool
}

func (u *urlChunk) Read(p []byte) (int, error) {
	if u.closed {
		return 0, io.EOF
	}
	n, err := u.r.Read(p)
	if err == io.EOF && n == 0 {
		u.Close()
		return 0, io.EOF
	}
	if err != nil && err != io.EOF {
		u.Close()
		return 0, burlError(err)
	}
	return n, nil
}

// WriteTo implements io.WriterTo.
func (u *urlChunk) WriteTo(w io.Writer) (int64, error) {
	if u.closed {
		return 0, nil
	}
	return io.Copy(w, struct{ io.Reader }{u})
}

// Drain implements chunk: nothing of it is on the wire.
func (u *urlChunk) Drain(int64) error {
	u.Close()
	return nil
}

func (u *urlChunk) Close() {
	if !u.closed {
		u.closed = true
		u.r.Close()
	}
}
