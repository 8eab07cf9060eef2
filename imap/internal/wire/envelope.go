package wire

import "github.com/posthorn-mail/posthorn/mailbox/message"

// Envelope appends an envelope (RFC 9051 §7.5.2). Sender and Reply-To that the
// message lacks are those of From.
func (e *Encoder) Envelope(env *message.Envelope) *Encoder {
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
	e.SP().addresses(env.From).SP().addresses(sender).SP().addresses(replyTo)
	e.SP().addresses(env.To).SP().addresses(env.Cc).SP().addresses(env.Bcc)
	return e.SP().NString(env.InReplyTo).SP().NString(env.MessageID).Raw(")")
}

func (e *Encoder) addresses(list []message.Address) *Encoder {
	if len(list) == 0 {
		return e.NIL()
	}
	e.Raw("(")
	for i := range list {
		e.address(&list[i])
	}
	return e.Raw(")")
}

// address appends an address. A NIL host means the start of a group and a NIL
// local part its end, so that what an address lacks is an empty string.
func (e *Encoder) address(a *message.Address) *Encoder {
	switch a.Kind {
	case message.GroupStart:
		return e.Raw("(NIL NIL ").String(a.Name).Raw(" NIL)")
	case message.GroupEnd:
		return e.Raw("(NIL NIL NIL NIL)")
	}
	return e.Raw("(").NString(a.Name).SP().NString(a.Route).SP().String(a.Local).SP().String(a.Domain).Raw(")")
}
