package pop3server

import (
	"errors"
	"io"
	"log/slog"
	"strconv"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/pop3"
)

// retrExt is RETR (RFC 1939 §5).
func retrExt() extension {
	return extension{commands: []command{{"RETR", transaction, (*conn).retr}}}
}

// topExt is TOP (RFC 1939 §7).
func topExt() extension {
	x := announce("TOP")
	x.commands = []command{{"TOP", transaction, (*conn).top}}
	return x
}

// retr sends a message (RFC 1939 §5).
func (c *conn) retr(cmd pop3.Command) {
	m, content := c.fetch(cmd.Msg)
	if content == nil {
		return
	}
	m.retrieved = true
	b := append(c.tp.AvailableBuffer(), "+OK "...)
	b = strconv.AppendInt(b, content.Size(), 10)
	b = append(append(append(b, ' '), c.text(textOctets)...), '\r', '\n')
	c.tp.Write(b)
	c.send(content, -1)
}

// top sends the header of a message and some lines of its body (RFC 1939 §7).
func (c *conn) top(cmd pop3.Command) {
	if _, content := c.fetch(cmd.Msg); content != nil {
		c.say(textTop)
		c.send(content, cmd.Lines)
	}
}

// contentMemory is about how much a store reads of a content at a time.
const contentMemory = 256 << 10

// fetch returns a message with its content. The content is nil after an answer
// of -ERR.
func (c *conn) fetch(n int) (*msg, mailbox.Content) {
	m := c.find(n)
	if m == nil {
		return nil, nil
	}
	err := c.tp.Hold(c.ctx, int(min(m.size, contentMemory)))
	if err != nil {
		c.storeError("reading a message", err)
		return nil, nil
	}
	got, err := c.content(m.uid)
	switch {
	case err != nil:
		c.storeError("reading a message", err)
		return nil, nil
	case got == nil || got.Content == nil:
		c.err("", textGone)
		return nil, nil
	}
	if c.srv.RefuseUTF8 && !c.utf8 {
		switch needs, err := needsUTF8(got.Content); {
		case err != nil:
			c.storeError("reading a message", err)
			return nil, nil
		case needs:
			c.err(pop3.CodeUTF8, textNeedsUTF8)
			return nil, nil
		}
	}
	return m, got.Content
}

// send streams a message, all of it if lines is negative. An error ends the
// session without ending the body, so that the client does not mistake a part
// for the whole.
func (c *conn) send(content mailbox.Content, lines int) {
	dot := c.tp.DotWriter()
	var w io.Writer = &workWriter{dot, c.worker(1 << 10)}
	var limit *topWriter
	if lines >= 0 {
		limit = &topWriter{w: w, lines: lines, bol: true}
		w = limit
	}
	var header *headerWriter
	if !c.utf8 {
		header = &headerWriter{w: w}
		w = header
	}
	err := copyContent(w, content)
	if header != nil && err == nil {
		err = header.close()
	}
	if errors.Is(err, errTop) {
		err = nil
	}
	if err == nil {
		err = dot.Close()
	}
	if err != nil {
		c.ended = true
		level := slog.LevelError // the store failed
		if c.tp.Flush() != nil {
			level = slog.LevelInfo // the client is gone
		}
		c.log().Log(c.ctx, level, "pop3: sending a message", "error", err)
	}
}

// copyContent writes all octets of a message.
func copyContent(w io.Writer, content mailbox.Content) error {
	if wt, ok := content.(io.WriterTo); ok {
		_, err := wt.WriteTo(w)
		return err
	}
	n, err := io.Copy(w, io.NewSectionReader(content, 0, content.Size()))
	if err == nil && n < content.Size() {
		err = io.ErrUnexpectedEOF
	}
	return err
}
