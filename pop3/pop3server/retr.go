package pop3server

import (
	"errors"
	"io"
	"log/slog"
	"strconv"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/pop3"
)

// retr sends a message (RFC 1939 §5).
func (s *session) retr(c pop3.Command) {
	m, content := s.fetch(c.Msg)
	if content == nil {
		return
	}
	m.retrieved = true
	b := append(s.c.AvailableBuffer(), "+OK "...)
	b = strconv.AppendInt(b, content.Size(), 10)
	b = append(append(append(b, ' '), s.text(textOctets)...), '\r', '\n')
	s.c.Write(b)
	s.send(content, -1)
}

// top sends the header of a message and some lines of its body (RFC 1939 §7).
func (s *session) top(c pop3.Command) {
	if _, content := s.fetch(c.Msg); content != nil {
		s.say(textTop)
		s.send(content, c.Lines)
	}
}

// fetch returns a message with its content. The content is nil after an answer
// of -ERR.
func (s *session) fetch(n int) (*msg, mailbox.Content) {
	m := s.find(n)
	if m == nil {
		return nil, nil
	}
	got, err := s.content(m.uid)
	switch {
	case err != nil:
		s.storeError("reading a message", err)
		return nil, nil
	case got == nil || got.Content == nil:
		s.err("", textGone)
		return nil, nil
	}
	if s.srv.RefuseUTF8 && !s.utf8 {
		switch needs, err := needsUTF8(got.Content); {
		case err != nil:
			s.storeError("reading a message", err)
			return nil, nil
		case needs:
			s.err(pop3.CodeUTF8, textNeedsUTF8)
			return nil, nil
		}
	}
	return m, got.Content
}

// send streams a message, all of it if lines is negative. An error ends the
// session without ending the body, so that the client does not mistake a part
// for the whole.
func (s *session) send(content mailbox.Content, lines int) {
	dot := s.c.DotWriter()
	var w io.Writer = dot
	var limit *topWriter
	if lines >= 0 {
		limit = &topWriter{w: w, lines: lines, bol: true}
		w = limit
	}
	var header *headerWriter
	if !s.utf8 {
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
		s.ended = true
		level := slog.LevelError // the store failed
		if s.c.Flush() != nil {
			level = slog.LevelInfo // the client is gone
		}
		s.log().Log(s.ctx, level, "pop3: sending a message", "error", err)
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
