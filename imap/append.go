package imap

import (
	"time"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// Append is APPEND (RFC 9051 §6.3.12) with its first message.
type Append struct {
	Mailbox string
	Message AppendMessage
}

// AppendMessage is what APPEND gives before the octets of a message.
type AppendMessage struct {
	Flags       []mailbox.Flag
	Date        time.Time    // zero if it was not given
	Annotations []Annotation // RFC 5257 §4.7
	Literal     Literal

	// UTF8 says that the message may have UTF-8 in its header. Its octets are
	// in a literal8, between parentheses (RFC 6855 §4).
	UTF8 bool

	// Catenate says that parts follow instead of Literal (RFC 4469).
	Catenate bool
}

// Literal announces octets that follow on the connection.
type Literal struct {
	Size    int64
	NonSync bool // LITERAL+ or LITERAL-: the client sends the octets without waiting (RFC 7888)
	Binary  bool // literal8: the octets may be zero (RFC 3516 §4.2)
}

func (*Append) Name() string { return "APPEND" }
