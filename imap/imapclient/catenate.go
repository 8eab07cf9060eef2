package imapclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// A CatPart is a part of a message that Catenate puts together: what a URL refers
// to, if it is set, or else a body.
type CatPart struct {
	URL  string // of a message or a part of one on the same server (RFC 5092): see Mailbox.URL
	Body io.Reader
	Size int64 // of Body; mailbox.SizeUnknown: all until io.EOF
}

// Catenate stores a message that the server puts together of parts of other
// messages and of octets that are sent (RFC 4469): so an attachment is forwarded
// without being downloaded. It returns the UID, zero if the server does not tell. Of
// msg only the flags and the date count. The parts are put together as they are:
// boundaries and the headers of MIME parts must be among them.
//
// The error is an *UnsupportedError if the server has no CATENATE, and an
// *imap.Error with the code BADURL if it does not accept a URL. Bodies are as for
// Append.
func (c *Client) Catenate(ctx context.Context, name string, msg mailbox.Incoming, parts ...CatPart) (mailbox.UID, error) {
	if err := c.need(imap.CapCatenate, "a message made of parts of others"); err != nil {
		return 0, err
	}
	if len(parts) == 0 {
		return 0, errors.New("imapclient: a message of no parts")
	}
	bodies := make([]mailbox.Incoming, 0, len(parts))
	for _, p := range parts {
		if p.URL == "" {
			bodies = append(bodies, mailbox.Incoming{Body: p.Body, Size: p.Size})
		}
	}
	ups, release, err := c.uploads(ctx, name, bodies)
	defer release()
	if err != nil {
		return 0, err
	}
	cmd := &imap.Append{Mailbox: name, Message: imap.AppendMessage{Date: msg.InternalDate, Catenate: true}}
	for f := range msg.Flags.All() {
		cmd.Message.Flags = append(cmd.Message.Flags, f)
	}
	k := namedCall(cmd, name)
	k.write = func(w *writer) error {
		grammar.WriteCommand(&w.e, cmd)
		if err := w.writeParts(parts, ups, progressOf(ctx, k.name, totalSize(ups))); err != nil {
			return err
		}
		grammar.EndMessage(&w.e, &cmd.Message)
		return nil
	}
	if err := c.run(ctx, k); err != nil {
		return 0, err
	}
	out := &Appended{}
	out.take(k.status.Arg)
	return out.uid(), nil
}

// writeParts writes the parts of CATENATE.
func (w *writer) writeParts(parts []CatPart, ups []*upload, progress func(int64)) error {
	mode := w.e.Mode
	for i, p := range parts {
		part := imap.CatPart{URL: p.URL}
		w.e.Mode = mode
		if p.URL != "" {
			grammar.WritePart(&w.e, &part, i == 0)
			continue
		}
		u := ups[0]
		ups = ups[1:]
		if err := u.begin(w.ctx); err != nil {
			if w.sent {
				return w.giveUp(err)
			}
			return w.refuse(err)
		}
		if u.size >= askFirst {
			w.e.Mode = wire.LiteralSync
		}
		m := w.c.uploadMessage(&mailbox.Incoming{}, u)
		part.Literal, part.UTF8 = m.Literal, m.UTF8
		grammar.WritePart(&w.e, &part, i == 0)
		if err := w.send(); err != nil {
			return err
		}
		if err := w.upload(u, progress); err != nil {
			return err
		}
		u.free()
		w.e.Reset(w.c.conn.AvailableBuffer())
		grammar.EndPart(&w.e, &part)
	}
	return nil
}

// URL returns the URL of a message of the mailbox, or of a section of it, for
// Catenate and GenURLAuth (RFC 5092 §7). It is relative to the server, and has the
// UIDVALIDITY, so that it never means another message. A range needs a server with
// URL-PARTIAL (RFC 5550).
func (m *Mailbox) URL(uid mailbox.UID, s Section) string {
	var b strings.Builder
	b.WriteByte('/')
	urlEscape(&b, m.name)
	if v := m.Info().UIDValidity; v > 0 {
		fmt.Fprintf(&b, ";UIDVALIDITY=%d", v)
	}
	fmt.Fprintf(&b, "/;UID=%d", uid)
	if text := s.text(); text != "" {
		b.WriteString("/;SECTION=")
		urlEscape(&b, text)
	}
	switch {
	case s.count > 0:
		fmt.Fprintf(&b, "/;PARTIAL=%d.%d", s.offset, s.count)
	case s.offset > 0:
		fmt.Fprintf(&b, "/;PARTIAL=%d", s.offset)
	}
	return b.String()
}

// text returns the section as it stands between brackets (RFC 9051 §6.4.5.1).
func (s Section) text() string {
	var words []string
	for _, n := range s.path {
		words = append(words, fmt.Sprint(n))
	}
	switch s.spec {
	case imap.SectionHeader:
		words = append(words, "HEADER")
	case imap.SectionHeaderFields:
		words = append(words, "HEADER.FIELDS ("+strings.Join(s.fields, " ")+")")
	case imap.SectionText:
		words = append(words, "TEXT")
	case imap.SectionMIME:
		words = append(words, "MIME")
	}
	return strings.Join(words, ".")
}

// urlEscape writes s with all but the characters bchar of RFC 5092 §11 encoded.
func urlEscape(b *strings.Builder, s string) {
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._~!$'()*+,&=:@/", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(b, "%%%02X", c)
		}
	}
}
