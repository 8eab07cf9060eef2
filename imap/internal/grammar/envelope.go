package grammar

import (
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// readEnvelope reads an envelope (RFC 9051 §7.5.2). Sender and Reply-To are as
// the server sends them: usually From if the message lacks them.
func readEnvelope(d *decoder, env *message.Envelope) bool {
	ok := d.Retry(func() bool {
		*env = message.Envelope{}
		d.addresses = d.addresses[:0]
		var ends [6]int
		if !d.Special('(') || !readText(d, &env.Date) || !d.SP() || !readText(d, &env.Subject) || !d.SP() {
			return false
		}
		for i := range ends {
			if !readAddresses(d) || !d.SP() {
				return false
			}
			ends[i] = len(d.addresses)
		}
		if !readText(d, &env.InReplyTo) || !d.SP() || !readText(d, &env.MessageID) || !d.SkipTo() {
			return false
		}
		// One array holds the addresses of all lists.
		all := append([]message.Address(nil), d.addresses...)
		from := 0
		for i, list := range [...]*[]message.Address{&env.From, &env.Sender, &env.ReplyTo, &env.To, &env.Cc, &env.Bcc} {
			if ends[i] > from {
				*list = all[from:ends[i]:ends[i]]
			}
			from = ends[i]
		}
		return true
	})
	if ok && env.Date != "" {
		env.Time, _ = message.ParseDate(env.Date)
	}
	return ok
}

// readText reads a string; NIL reads as the empty string.
func readText(d *decoder, s *string) bool {
	var ok bool
	return d.NString(s, &ok)
}

// readAddresses appends the addresses of a list, which has no separators, to
// d.addresses. Servers send () for NIL, and NIL among the addresses.
func readAddresses(d *decoder) bool {
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
		d.addresses = append(d.addresses, message.Address{})
		if !d.Element() || !readAddress(d, &d.addresses[len(d.addresses)-1]) {
			return false
		}
	}
}

func readAddress(d *decoder, a *message.Address) bool {
	var hasLocal, hasHost bool
	if !d.Special('(') || !readText(d, &a.Name) || !d.SP() || !readText(d, &a.Route) || !d.SP() ||
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

// WriteEnvelope writes an envelope (RFC 9051 §7.5.2). If the message lacks Sender
// or Reply-To, it writes From instead.
func WriteEnvelope(e *wire.Encoder, env *message.Envelope) {
	if env == nil {
		env = &message.Envelope{}
	}
	sender, replyTo := env.Sender, env.ReplyTo
	if len(sender) == 0 {
		sender = env.From
	}
	if len(replyTo) == 0 {
		replyTo = env.From
	}
	e.Raw("(").NString(env.Date).SP().NString(env.Subject)
	for _, list := range [...][]message.Address{env.From, sender, replyTo, env.To, env.Cc, env.Bcc} {
		e.SP()
		writeAddresses(e, list)
	}
	e.SP().NString(env.InReplyTo).SP().NString(env.MessageID).Raw(")")
}

func writeAddresses(e *wire.Encoder, list []message.Address) {
	if len(list) == 0 {
		e.NIL()
		return
	}
	e.Raw("(")
	for i := range list {
		writeAddress(e, &list[i])
	}
	e.Raw(")")
}

// writeAddress writes an address. A NIL host means the start of a group and a NIL
// local part its end, so a missing part is written as an empty string.
func writeAddress(e *wire.Encoder, a *message.Address) {
	switch a.Kind {
	case message.GroupStart:
		e.Raw("(NIL NIL ").String(a.Name).Raw(" NIL)")
	case message.GroupEnd:
		e.Raw("(NIL NIL NIL NIL)")
	default:
		e.Raw("(").NString(a.Name).SP().NString(a.Route).SP().String(a.Local).SP().String(a.Domain).Raw(")")
	}
}
