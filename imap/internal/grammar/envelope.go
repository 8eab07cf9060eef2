package grammar

import (
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// ParseEnvelope reads an envelope (RFC 9051 §7.5.2). Sender and Reply-To are as
// the server has them: usually those of From where the message lacks them.
func ParseEnvelope(d *wire.Decoder, env *message.Envelope) bool {
	return d.Retry(func() bool {
		*env = message.Envelope{}
		return d.Special('(') && text(d, &env.Date) && d.SP() && text(d, &env.Subject) && d.SP() &&
			addresses(d, &env.From) && d.SP() && addresses(d, &env.Sender) && d.SP() && addresses(d, &env.ReplyTo) && d.SP() &&
			addresses(d, &env.To) && d.SP() && addresses(d, &env.Cc) && d.SP() && addresses(d, &env.Bcc) && d.SP() &&
			text(d, &env.InReplyTo) && d.SP() && text(d, &env.MessageID) && d.SkipTo()
	})
}

// text reads a string, with NIL as an empty one.
func text(d *wire.Decoder, s *string) bool {
	var ok bool
	return d.NString(s, &ok)
}

// addresses reads a list without separators. Servers send () for NIL, and NIL
// among the addresses.
func addresses(d *wire.Decoder, list *[]message.Address) bool {
	if d.TryKeyword("NIL") {
		return true
	}
	if !d.Special('(') {
		return false
	}
	for {
		for d.Try(' ') {
		}
		switch {
		case d.Try(')'):
			return true
		case d.TryKeyword("NIL"):
			continue
		}
		var a message.Address
		if !d.Element() || !address(d, &a) {
			return false
		}
		*list = append(*list, a)
	}
}

func address(d *wire.Decoder, a *message.Address) bool {
	var hasLocal, hasHost bool
	if !d.Special('(') || !text(d, &a.Name) || !d.SP() || !text(d, &a.Route) || !d.SP() ||
		!d.NString(&a.Local, &hasLocal) || !d.SP() || !d.NString(&a.Domain, &hasHost) || !d.SkipTo() {
		return false
	}
	switch {
	case !hasHost && hasLocal:
		*a = message.Address{Kind: message.GroupStart, Name: a.Local}
	case !hasHost && a.Name == "":
		*a = message.Address{Kind: message.GroupEnd}
	}
	return true
}
