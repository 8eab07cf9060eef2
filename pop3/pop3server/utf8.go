package pop3server

import (
	"bytes"
	"io"
	"unicode/utf8"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
	"github.com/posthorn-mail/posthorn/pop3"
)

// utf8Ext is UTF8 (RFC 6856 §2), with user names in UTF-8 (§2.2).
func utf8Ext() extension {
	return extension{
		commands: []command{{"UTF8", authorization, (*conn).utf8Mode}},
		capabilities: func(*conn) pop3.Capabilities {
			return pop3.Capabilities{{Name: "UTF8", Args: []string{"USER"}}}
		},
	}
}

// utf8Mode turns on UTF-8 mode (RFC 6856 §2.1).
func (c *conn) utf8Mode(pop3.Command) {
	c.utf8 = true
	c.say(textUTF8)
}

// maxHeader is how much of a header a headerWriter holds. A longer header is
// passed on unchanged.
const maxHeader = 256 << 10

// A headerWriter passes on a message to a client that is not in UTF-8 mode: a
// header with UTF-8 in it (RFC 6532) is replaced by a surrogate, see downgrade.
// Everything else is passed on unchanged, including 8-bit bodies, which clients
// know from MIME, and headers with octets that are not UTF-8, which precede RFC
// 6532.
type headerWriter struct {
	w      io.Writer
	header []byte // until its end has arrived
	passed bool   // the header has been passed on
}

func (h *headerWriter) Write(p []byte) (int, error) {
	if h.passed {
		return h.w.Write(p)
	}
	// The usual case: all of an ASCII header in the first piece.
	if len(h.header) == 0 {
		if end := headerEnd(p, 0); end >= 0 && isASCII(p[:end]) {
			h.passed = true
			return h.w.Write(p)
		}
	}
	from := max(0, len(h.header)-3)
	h.header = append(h.header, p...)
	if end := headerEnd(h.header, from); end >= 0 || len(h.header) > maxHeader {
		if err := h.pass(end); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// pass writes what is held. The header ends at end; it is not changed if that
// is negative or beyond maxHeader.
func (h *headerWriter) pass(end int) error {
	b := h.header
	h.header, h.passed = nil, true
	if end >= 0 && end <= maxHeader && !isASCII(b[:end]) && utf8.Valid(b[:end]) {
		if _, err := h.w.Write(downgrade(b[:end])); err != nil {
			return err
		}
		b = b[end:]
	}
	_, err := h.w.Write(b)
	return err
}

// close writes the rest of a message that has no body.
func (h *headerWriter) close() error {
	if h.passed || len(h.header) == 0 {
		return nil
	}
	return h.pass(len(h.header))
}

// needsUTF8 reports whether the first maxHeader octets of a message's header
// contain UTF-8.
func needsUTF8(content mailbox.Content) (bool, error) {
	header, err := message.ReadHeader(io.NewSectionReader(content, 0, content.Size()), maxHeader)
	return !isASCII(header) && utf8.Valid(header), err
}

// headerEnd returns the position after the empty line that ends a header, or
// -1. Line ends before from have been examined.
func headerEnd(b []byte, from int) int {
	if from == 0 && bytes.HasPrefix(b, []byte("\r\n")) {
		return 2
	}
	for i := from; ; {
		nl := bytes.IndexByte(b[i:], '\n')
		if nl < 0 {
			return -1
		}
		i += nl + 1
		switch rest := b[i:]; {
		case bytes.HasPrefix(rest, []byte("\n")):
			return i + 1
		case bytes.HasPrefix(rest, []byte("\r\n")):
			return i + 2
		}
	}
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
