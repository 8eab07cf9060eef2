package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// parseAppend reads APPEND up to the header of the message's literal.
func parseAppend(d *wire.Decoder) imap.Command {
	var c imap.Append
	return result(d.SP() && d.Mailbox(&c.Mailbox) && parseMessage(d, &c.Message), &c)
}

// parseMessage reads append-message of RFC 3502 §6.3.11, from the blank before
// it to its literal's header.
func parseMessage(d *wire.Decoder, m *imap.AppendMessage) bool {
	if !d.SP() {
		return false
	}
	if d.Peek() == '(' && (!d.FlagList(&m.Flags) || !d.SP()) {
		return false
	}
	if d.Peek() == '"' && (!d.DateTime(&m.Date) || !d.SP()) {
		return false
	}
	if d.TryKeyword("UTF8") { // RFC 6855 §4: UTF8 (~{n}…); the ")" stands behind the octets
		return d.Fail(&imap.Error{Status: imap.NO, Code: imap.CodeCannot, Text: "APPEND with UTF8 is not supported"})
	}
	return d.LiteralHeader(&m.Literal)
}
