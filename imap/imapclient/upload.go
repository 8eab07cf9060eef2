package imapclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// Sizes of what is sent.
const (
	spoolMemory = 1 << 20   // of a body that is kept before it is sent, in memory; more is in a file
	headsAhead  = 16        // bodies of one command whose beginnings are read before anything is sent
	askedLimit  = 256 << 10 // octets of a message from which on it is worth a STATUS to know the limit of its mailbox
	askFirst    = 4 << 20   // octets of a literal that the server is asked for, so that it can refuse it before they are sent
)

// A BodyError says that the body of a message that was to be stored could not be
// read, or is shorter or longer than was said (mailbox.ErrSize). Nothing was stored.
// If a part of the message had been sent, the connection is closed, since the server
// waits for the rest: Client.Err tells.
type BodyError struct{ Err error }

func (e *BodyError) Error() string { return "imapclient: message to be stored: " + e.Err.Error() }

// Unwrap returns Err.
func (e *BodyError) Unwrap() error { return e.Err }

// An upload is octets that are sent as a literal. Their beginning is read before
// anything is sent: what fits into it can fail without harm, and needs nothing of
// the connection while it is written.
type upload struct {
	body io.Reader
	size int64

	begun  bool
	head   []byte // the beginning, in a piece from chunks; empty once it is sent
	eof    bool   // there is nothing behind head
	utf8   bool   // a header with UTF-8 (RFC 6532)
	binary bool   // there are octets that are zero, or are likely to be
}

// uploads makes messages ready: their sizes are known, and do not exceed what the
// mailbox takes. release gives back files and memory.
func (c *Client) uploads(ctx context.Context, name string, msgs []mailbox.Incoming) (out []*upload, release func(), err error) {
	var files []*os.File
	release = func() {
		for _, u := range out {
			u.free()
		}
		for _, f := range files {
			f.Close()
			os.Remove(f.Name())
		}
	}
	for i := range msgs {
		u := &upload{body: msgs[i].Body, size: msgs[i].Size}
		if u.body == nil {
			u.body = bytes.NewReader(nil)
		}
		out = append(out, u)
		limit, err := c.appendLimit(ctx, name, u.size)
		if err != nil {
			return out, release, err
		}
		if limit < 0 || u.size <= limit {
			f, err := u.settle(ctx, limit)
			if f != nil {
				files = append(files, f)
			}
			if err != nil {
				return out, release, err
			}
			if limit < 0 {
				limit, err = c.appendLimit(ctx, name, u.size)
				if err != nil {
					return out, release, err
				}
			}
		}
		if limit >= 0 && u.size > limit {
			return out, release, fmt.Errorf("imapclient: %d octets, the server takes %d: %w", u.size, limit, mailbox.ErrTooLarge)
		}
		if i < headsAhead {
			if err := u.begin(ctx); err != nil {
				return out, release, err
			}
		}
	}
	return out, release, nil
}

// appendLimit returns how large a message in a mailbox may be, negative if that is
// not known (RFC 7889). The limit of the mailbox itself is asked for once, and only
// for the sake of a message that is large.
func (c *Client) appendLimit(ctx context.Context, name string, size int64) (int64, error) {
	caps := c.Capabilities()
	if v, ok := caps.Value(string(imap.CapAppendLimit)); ok {
		if n, err := strconv.ParseInt(v, 10, 64); err == nil && n > 0 {
			return n, nil
		}
		return -1, nil
	}
	if !caps.Has(imap.CapAppendLimit) || size < askedLimit {
		return -1, nil
	}
	c.mu.Lock()
	n, ok := c.appendLimits[name]
	c.mu.Unlock()
	if ok {
		return n, nil
	}
	n = -1
	st, err := c.Status(ctx, name, imap.StatusAppendLimit)
	switch {
	case err == nil && st.AppendLimit != nil:
		n = *st.AppendLimit
	case err != nil && !isRefusal(err) && !errors.Is(err, ErrItemMissing):
		return -1, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.appendLimits == nil || len(c.appendLimits) >= maxRawNames {
		c.appendLimits = map[string]int64{}
	}
	c.appendLimits[name] = n
	return n, nil
}

// isRefusal reports whether err is a NO or BAD, after which the connection can be
// used.
func isRefusal(err error) bool {
	var e *imap.Error
	return errors.As(err, &e) && !errors.Is(err, ErrClosed)
}

// settle finds out the size of a body. One that can't be sought in is copied,
// and so is one whose octets are still to be fetched: while it was sent, the
// connection that it comes from would have to wait for this one, which may be
// itself, or may be waiting for that one in turn.
func (u *upload) settle(ctx context.Context, limit int64) (*os.File, error) {
	b, fetched := u.body.(*Body)
	if fetched = fetched && b.more; !fetched && u.size >= 0 {
		return nil, nil
	}
	if s, ok := u.body.(io.Seeker); ok {
		here, err := s.Seek(0, io.SeekCurrent)
		if err == nil {
			var end int64
			if end, err = s.Seek(0, io.SeekEnd); err == nil {
				if _, err = s.Seek(here, io.SeekStart); err != nil {
					return nil, &BodyError{err}
				}
				u.size = max(end-here, 0)
				return nil, nil
			}
		}
	}
	most := int64(maxCounted)
	if u.size >= 0 {
		most = u.size + 1
	} else if limit >= 0 {
		most = limit + 1
	}
	n, file, err := u.spool(ctx, most)
	switch {
	case err != nil:
		return file, err
	case u.size >= 0 && n != u.size:
		return file, u.otherSize(n)
	}
	u.size = n
	return file, nil
}

// spool copies the body, at most most octets of it.
func (u *upload) spool(ctx context.Context, most int64) (int64, *os.File, error) {
	in := io.LimitReader(&contextReader{ctx, u.body}, most)
	var buf bytes.Buffer
	n, err := io.CopyN(&buf, in, spoolMemory)
	switch {
	case err == io.EOF:
		u.body = &buf
		return n, nil, nil
	case err != nil:
		return n, nil, err
	}
	f, err := os.CreateTemp("", "imapclient")
	if err != nil {
		return n, nil, fmt.Errorf("imapclient: keeping the message: %w", err)
	}
	piece := chunks.Get().(*[]byte)
	defer chunks.Put(piece)
	n, err = io.CopyBuffer(struct{ io.Writer }{f}, io.MultiReader(&buf, in), *piece)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	u.body = f
	if err != nil {
		err = fmt.Errorf("imapclient: keeping the message: %w", err)
	}
	return n, f, err
}

func (u *upload) otherSize(n int64) error {
	return &BodyError{fmt.Errorf("%w: %d octets were announced, there are %d", mailbox.ErrSize, u.size, n)}
}

// A contextReader reads until its context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (r *contextReader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, &InterruptedError{Command: "APPEND", Err: context.Cause(r.ctx)}
	}
	n, err := r.r.Read(p)
	if err != nil && err != io.EOF {
		err = &BodyError{err}
	}
	return n, err
}

// begin reads the beginning.
func (u *upload) begin(ctx context.Context) error {
	if u.begun {
		return nil
	}
	u.begun = true
	piece := (*chunks.Get().(*[]byte))[:chunkSize]
	n, err := u.fill(ctx, piece)
	u.head = piece[:n]
	if err == nil {
		err = u.check(ctx, int64(n), u.size)
	}
	u.sniff()
	return err
}

// fill reads until p is full or the body ends.
func (u *upload) fill(ctx context.Context, p []byte) (int, error) {
	in := contextReader{ctx, u.body}
	n := 0
	for idle := 0; n < len(p) && !u.eof; {
		m, err := in.Read(p[n:])
		n += m
		if err == io.EOF {
			u.eof = true
		} else if err != nil {
			return n, err
		}
		if idle++; m > 0 {
			idle = 0
		} else if idle == 100 {
			return n, &BodyError{io.ErrNoProgress}
		}
	}
	return n, nil
}

// check finds out whether the n octets that were read last fit into the left ones
// that were announced. It is called before they are sent, so that no message is
// ever complete that should have been longer.
func (u *upload) check(ctx context.Context, n, left int64) error {
	if n == left && !u.eof {
		var more [1]byte
		m, err := u.fill(ctx, more[:])
		if err != nil {
			return err
		}
		n += int64(m)
	}
	if n > left {
		return &BodyError{fmt.Errorf("%w: there are more than the %d octets that were announced", mailbox.ErrSize, u.size)}
	}
	if n < left && u.eof {
		return u.otherSize(u.size - left + n)
	}
	return nil
}

func (u *upload) free() {
	if cap(u.head) == chunkSize {
		p := u.head[:chunkSize]
		chunks.Put(&p)
	}
	u.head = nil
}

// sniff finds out how the octets must be sent. A header that has octets above 127
// and is not UTF-8 is sent like any other. That a body has octets that are zero is
// seen in its beginning, or from its transfer encoding: if a part is binary, so
// must be the whole (RFC 2045 §6.4).
func (u *upload) sniff() {
	header := u.head
	if bytes.HasPrefix(header, []byte("\r\n")) || bytes.HasPrefix(header, []byte("\n")) {
		header = nil
	}
	for _, end := range []string{"\r\n\r\n", "\n\n"} {
		if i := bytes.Index(header, []byte(end)); i >= 0 {
			header = header[:i+1]
		}
	}
	u.binary = bytes.IndexByte(u.head, 0) >= 0
	for line := range bytes.Lines(header) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(bytes.TrimRight(name, " \t"), []byte("Content-Transfer-Encoding")) && encodingName(string(value)) == "binary" {
			u.binary = true
		}
	}
	if len(header) == len(u.head) && !u.eof { // it may end within a character
		for i := 1; i < utf8.UTFMax && i <= len(header); i++ {
			if utf8.RuneStart(header[len(header)-i]) {
				header = header[:len(header)-i]
				break
			}
		}
	}
	for i, c := range header {
		if c >= 0x80 {
			u.utf8 = utf8.Valid(header[i:])
			break
		}
	}
}

// uploadMessage returns what precedes the octets in APPEND and REPLACE.
func (c *Client) uploadMessage(msg *mailbox.Incoming, u *upload) imap.AppendMessage {
	m := imap.AppendMessage{Date: msg.InternalDate, Literal: imap.Literal{Size: u.size}}
	for f := range msg.Flags.All() {
		m.Flags = append(m.Flags, f)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	// RFC 6855 §4: it must be said if UTF-8 is in a header.
	m.UTF8 = u.utf8 && c.enabled.Has(imap.CapUTF8Accept)
	m.Literal.Binary = u.binary && c.caps.Has(imap.CapBinary)
	return m
}

// writeMessages writes messages. begin writes the command with the first of them,
// up to its octets.
func (w *writer) writeMessages(msgs []mailbox.Incoming, ups []*upload, progress func(int64), begin func(*imap.AppendMessage)) error {
	mode := w.e.Mode
	for i, u := range ups {
		if err := u.begin(w.ctx); err != nil {
			return w.cancelAppend(err)
		}
		w.e.Mode = mode
		if u.size >= askFirst {
			w.e.Mode = wire.LiteralSync
		}
		m := w.c.uploadMessage(&msgs[i], u)
		if i == 0 {
			begin(&m)
		} else {
			grammar.WriteMessage(&w.e, &m)
		}
		if err := w.send(); err != nil {
			return err
		}
		if err := w.upload(u, progress); err != nil {
			return err
		}
		u.free()
		w.e.Reset(w.c.conn.AvailableBuffer())
		grammar.EndMessage(&w.e, &m)
	}
	return nil
}

// cancelAppend ends a command in front of a message that can't be read: a message
// without octets makes the server store none of them (RFC 3502 §6.3.11).
func (w *writer) cancelAppend(err error) error {
	w.c.mu.Lock()
	w.k.err = err
	w.c.mu.Unlock()
	w.e.SP().LiteralHeader(0, false)
	return w.send()
}

// giveUp closes the connection, since a command can't be ended.
func (w *writer) giveUp(err error) error {
	if cause := context.Cause(w.ctx); cause != nil {
		err := &InterruptedError{Command: w.k.name, Sent: true, Err: cause}
		w.c.fail(err)
		return err
	}
	w.c.fail(err)
	return &closedError{err}
}

// upload writes the octets of a literal that was announced. If the body fails, or
// ctx ends, the connection is closed.
func (w *writer) upload(u *upload, progress func(int64)) error {
	c := w.c
	out := c.conn.CountedWriter(u.size)
	c.unflushed.Store(true)
	piece := u.head
	if piece == nil {
		piece = []byte{}
	}
	for left := u.size; ; {
		if len(piece) > 0 {
			if _, err := out.Write(piece); err != nil {
				return w.lastWord(err)
			}
			c.lastSent.Store(time.Now().UnixNano())
			left -= int64(len(piece))
			if progress != nil {
				progress(int64(len(piece)))
			}
		}
		if left == 0 {
			break
		}
		piece = piece[:cap(piece)]
		c.uploading.Store(time.Now().UnixNano())
		n, err := u.fill(w.ctx, piece)
		if err == nil {
			err = u.check(w.ctx, int64(n), left)
		}
		c.uploading.Store(0)
		if err != nil {
			return w.giveUp(err)
		}
		piece = piece[:n]
	}
	return out.Close()
}

// lastWord gives the server a moment to say why it takes no more: it may have
// answered the command, or said BYE.
func (w *writer) lastWord(err error) error {
	if w.ctx.Err() != nil {
		return w.giveUp(err)
	}
	t := time.NewTimer(writeGrace)
	defer t.Stop()
	select {
	case <-w.k.done:
	case <-w.c.closed:
	case <-t.C:
	}
	w.c.fail(err)
	if w.k.isDone() {
		return errEnded
	}
	return w.c.Err()
}
