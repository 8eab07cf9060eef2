package grammar

import (
	"io"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// appendExt is APPEND (RFC 9051 §6.3.12), with the several messages of RFC 3502
// and the literal8 of RFC 3516.
func appendExt() extension {
	return extension{commands: []row[imap.Command]{command("APPEND",
		func(d *decoder, c *imap.Append) bool {
			return d.SP() && d.Mailbox(&c.Mailbox) && readMessage(d, &c.Message)
		},
		func(e *wire.Encoder, c *imap.Append) {
			e.SP().Mailbox(c.Mailbox)
			WriteMessage(e, &c.Message)
		})}}
}

// readMessage reads an append-message (RFC 3502 §6.3.11), from the blank before
// it to the header of its literal.
func readMessage(d *decoder, m *imap.AppendMessage) bool {
	if !d.SP() {
		return false
	}
	if d.Peek() == '(' && (!d.FlagList(&m.Flags) || !d.SP()) {
		return false
	}
	if d.Peek() == '"' && (!d.DateTime(&m.Date) || !d.SP()) {
		return false
	}
	for c := d.Peek() | 0x20; c >= 'a' && c <= 'z'; c = d.Peek() | 0x20 { // append-ext and append-data, RFC 4466 §6
		if !all().appendItems.read(d, m, "literal") {
			return false
		}
		if m.UTF8 || m.Catenate {
			return true
		}
		if !d.SP() {
			return false
		}
	}
	return readLiteralHeader(d, &m.Literal)
}

// readLiteralHeader reads the header of a literal, or of a literal8 if BINARY is
// offered.
func readLiteralHeader(d *decoder, lit *imap.Literal) bool {
	if d.Peek() == '~' && !d.offers(binaryCaps...) {
		return d.Expected("literal")
	}
	return d.LiteralHeader(lit)
}

// WriteMessage writes an append-message, from the blank before it to the header of
// its literal, or to the parenthesis that the parts of CATENATE follow. The octets,
// or the parts, and EndMessage must follow.
func WriteMessage(e *wire.Encoder, m *imap.AppendMessage) {
	if len(m.Flags) > 0 {
		e.SP()
		writeFlags(e, m.Flags)
	}
	if !m.Date.IsZero() {
		e.SP().DateTime(m.Date)
	}
	t := all().appendItems
	for i := range t {
		if r := &t[i]; r.has(m) {
			r.writeTo(e.SP(), m)
		}
	}
	if !m.UTF8 && !m.Catenate {
		e.SP().LiteralHeader(m.Literal.Size, m.Literal.Binary)
	}
}

// EndMessage writes what follows the octets of a message, or the parts of CATENATE.
func EndMessage(e *wire.Encoder, m *imap.AppendMessage) {
	if m.UTF8 || m.Catenate {
		e.Raw(")")
	}
}

// begin prepares for the octets or the parts of a message.
func (r *Reader) begin(m *imap.AppendMessage, single bool) {
	r.open, r.single = true, single
	r.utf8, r.parts, r.first = m.UTF8, m.Catenate, true
}

// OpenLiteral asks the client for the message that an Append or Replace command, or
// NextMessage, has announced, or for the part that NextPart has. The io.Reader yields
// exactly its octets, or fails with an *imap.Error at a NUL that may not stand there; a
// call of NextMessage, or NextPart, must follow, which returns that error again.
func (r *Reader) OpenLiteral() (io.Reader, error) {
	body, err := r.d.OpenLiteral()
	if err != nil {
		return nil, answer(err)
	}
	return body, nil
}

// NextMessage skips the rest of the current message and returns the next one, or
// nil at the end of the command. An *imap.Error as from ReadCommand says that the
// input behind the message is invalid; then no message of the command may be
// appended.
func (r *Reader) NextMessage() (*imap.AppendMessage, error) {
	for r.parts {
		if p, err := r.NextPart(); err != nil {
			return nil, err
		} else if p != nil && p.URL == "" {
			if _, err := r.OpenLiteral(); err != nil {
				return nil, err
			}
		}
	}
	if !r.closeLiteral() {
		return nil, r.refuse(r.d.Err())
	}
	if r.d.AtEnd() || r.single || !r.d.offers(imap.CapMultiAppend) {
		if !r.d.End() {
			return nil, r.refuse(r.d.Err())
		}
		r.open = false
		return nil, nil
	}
	var m imap.AppendMessage
	if !readMessage(r.d, &m) {
		return nil, r.refuse(r.d.Err())
	}
	r.begin(&m, false)
	return &m, nil
}

// closeLiteral skips the rest of a literal, and takes the parenthesis that ends one
// with UTF8.
func (r *Reader) closeLiteral() bool {
	utf8 := r.utf8
	r.utf8 = false
	return r.d.CloseLiteral() && (!utf8 || r.d.Special(')'))
}

// RefuseLiteral ends an Append or Replace command without its message, so that the server
// can answer. It discards a literal that the client sends without waiting; if
// that is too big to read, the error is an *imap.Error with BYE.
func (r *Reader) RefuseLiteral() error {
	r.open = false
	if err := r.d.Skip(); err != nil {
		return answer(err)
	}
	return nil
}
