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
	if d.Peek() == '~' && !d.offers(binaryCaps...) {
		return d.Expected("literal")
	}
	return d.LiteralHeader(&m.Literal)
}

// WriteMessage writes an append-message, from the blank before it to the header
// of its literal.
func WriteMessage(e *wire.Encoder, m *imap.AppendMessage) {
	if len(m.Flags) > 0 {
		e.SP()
		writeFlags(e, m.Flags)
	}
	if !m.Date.IsZero() {
		e.SP().DateTime(m.Date)
	}
	e.SP().LiteralHeader(m.Literal.Size, m.Literal.Binary)
}

// OpenLiteral asks the client for the message that an Append command, or
// NextMessage, has announced. The io.Reader yields exactly its octets; a call of
// NextMessage must follow.
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
	if !r.d.CloseLiteral() {
		return nil, r.refuse(r.d.Err())
	}
	if r.d.AtEnd() || !r.d.offers(imap.CapMultiAppend) {
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
	return &m, nil
}

// RefuseLiteral ends an Append command without its message, so that the server
// can answer. It discards a literal that the client sends without waiting; if
// that is too big to read, the error is an *imap.Error with BYE.
func (r *Reader) RefuseLiteral() error {
	r.open = false
	if err := r.d.Skip(); err != nil {
		return answer(err)
	}
	return nil
}
