package search

import (
	"strings"

	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// envelopeText returns the function that appends the text of an envelope
// field, nil if the envelope does not have the field.
func envelopeText(field string) func([]byte, *message.Envelope) []byte {
	addresses := func(list func(*message.Envelope) []message.Address) func([]byte, *message.Envelope) []byte {
		return func(b []byte, env *message.Envelope) []byte { return appendAddresses(b, list(env)) }
	}
	switch strings.ToLower(field) {
	case "subject":
		return func(b []byte, env *message.Envelope) []byte {
			return append(b, message.DecodeText(env.Subject)...)
		}
	case "from":
		return addresses(func(env *message.Envelope) []message.Address { return env.From })
	case "sender":
		return addresses(func(env *message.Envelope) []message.Address { return env.Sender })
	case "reply-to":
		return addresses(func(env *message.Envelope) []message.Address { return env.ReplyTo })
	case "to":
		return addresses(func(env *message.Envelope) []message.Address { return env.To })
	case "cc":
		return addresses(func(env *message.Envelope) []message.Address { return env.Cc })
	case "bcc":
		return addresses(func(env *message.Envelope) []message.Address { return env.Bcc })
	case "message-id":
		return func(b []byte, env *message.Envelope) []byte { return append(b, env.MessageID...) }
	}
	return nil
}

// A line is the text of a field of the envelope, folded. It is made once for all keys.
type line struct {
	text []byte
	made bool
}

// line returns the text of the field of that number.
func (r *run) line(field int, text func([]byte, *message.Envelope) []byte) []byte {
	l := &r.lines[field]
	if !l.made {
		r.scan.line = text(r.scan.line[:0], r.msg.Envelope)
		l.text, l.made = fold(l.text[:0], r.scan.line), true
		r.spend(readCost * len(l.text))
	}
	return l.text
}

func appendAddresses(b []byte, list []message.Address) []byte {
	for _, a := range list {
		name := message.DecodeText(a.Name)
		switch a.Kind {
		case message.GroupStart:
			b = append(append(b, name...), ": "...)
		case message.GroupEnd:
			b = append(b, "; "...)
		default:
			if name != "" {
				b = append(append(b, name...), ' ')
			}
			b = append(append(b, '<'), a.Local...)
			b = append(append(b, '@'), a.Domain...)
			b = append(b, ">, "...)
		}
	}
	return b
}
