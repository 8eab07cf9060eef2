package smtpserver

import (
	"errors"
	"io"

	"github.com/posthorn-mail/posthorn/smtp"
)

// burl is BURL (RFC 4468), for authenticated clients where the Backend can fetch
// a URL.
func burl() extension {
	parse := (*smtp.Parser).Burl
	return extension{
		keyword: true, ext: smtp.ExtBURL,
		offered: func(c *Conn) bool {
			_, ok := c.srv.urlFetcher()
			return ok && c.identity != "" && !c.disabled.Has(smtp.ExtChunking)
		},
		params: func(c *Conn, dst []byte) []byte { return append(dst, " imap"...) },
		commands: []command{{verb: "BURL", states: stRcpt, message: true, chunk: burlChunk, run: with(parse, func(c *Conn, cmd smtp.BurlCommand) {
			ch := &chunks{c: c}
			err := c.mayBegin()
			if err == nil {
				err = ch.fetch(cmd)
			}
			if err != nil {
				ch.refuse(err)
				return
			}
			ch.receive()
		})}},
	}
}

// urlFetcher returns the Backend, or the one that Wrap was given, as a URLFetcher.
func (s *Server) urlFetcher() (URLFetcher, bool) {
	b := s.Backend
	for {
		h, ok := b.(*hookedBackend)
		if !ok {
			break
		}
		b = h.Backend
	}
	f, ok := b.(URLFetcher)
	return f, ok
}

// burlChunk is a BURL that continues a message.
func burlChunk(ch *chunks, arg string) error {
	cmd, err := ch.c.parser.Burl(arg)
	if err != nil {
		ch.c.wrong(err)
		ch.replied = true
		return errAborted
	}
	return ch.fetch(cmd)
}

// fetch makes what a URL names the present chunk. If it fails, the message does
// (RFC 4468 §3.2).
func (ch *chunks) fetch(cmd smtp.BurlCommand) error {
	ch.cur, ch.last = nil, cmd.Last
	f, ok := ch.c.srv.urlFetcher()
	if !ok {
		return errNotImplemented
	}
	r, err := f.FetchURL(ch.c.ctx, ch.c, cmd.URL)
	if err != nil {
		return ch.c.burlError(err)
	}
	ch.cur = &urlChunk{c: ch.c, r: r}
	return nil
}

// burlError is the reply to a URL that can't be fetched (RFC 4468 §6).
func (c *Conn) burlError(err error) error {
	var e *smtp.Error
	if errors.As(err, &e) {
		return e
	}
	c.log.Error("smtp: fetching a URL", "conn", c.ID(), "remote", c.RemoteAddr(), "error", err)
	return &smtp.Error{Code: 554, Enhanced: smtp.EnhancedCode{5, 6, 6}, Text: "URL resolution failed"}
}

// urlChunk is the content of a URL. An error of it refuses the message, and
// leaves the connection as it is.
type urlChunk struct {
	c   *Conn
	r   io.ReadCloser
	err error // why r is closed
}

// Read implements io.Reader.
func (u *urlChunk) Read(p []byte) (int, error) {
	if u.err != nil {
		return 0, u.err
	}
	n, err := u.r.Read(p)
	if err != nil {
		if err != io.EOF {
			err = u.c.burlError(err)
		}
		u.close(err)
	}
	if n > 0 {
		return n, nil
	}
	return 0, err
}

// Drain implements chunk: nothing of it is on the wire.
func (u *urlChunk) Drain(int64) error {
	u.close(io.EOF)
	return nil
}

func (u *urlChunk) close(err error) {
	if u.err == nil {
		u.err = err
		u.r.Close()
	}
}
