package imapserver

import (
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// What an address, a part and a content take in memory, about: of a content, a store
// reads so much at a time.
const (
	addressMemory = 128
	partMemory    = 512
	contentMemory = 256 << 10
)

// messageMemory returns about how much memory what was read of a message takes: a
// malicious one has tens of thousands of addresses, or thousands of parts.
func messageMemory(m *mailbox.Message) int {
	n := envelopeMemory(m.Envelope) + structureMemory(m.Structure)
	if m.Content != nil {
		n += int(min(m.Content.Size(), contentMemory))
	}
	return n
}

func envelopeMemory(e *message.Envelope) int {
	if e == nil {
		return 0
	}
	return addressMemory*(len(e.From)+len(e.Sender)+len(e.ReplyTo)+len(e.To)+len(e.Cc)+len(e.Bcc)) + len(e.Subject) + len(e.InReplyTo)
}

func structureMemory(p *message.Part) int {
	if p == nil {
		return 0
	}
	n := partMemory + 64*(len(p.Params)+len(p.DispositionParams)+len(p.Language)) + envelopeMemory(p.Envelope)
	for _, child := range p.Children {
		n += structureMemory(child)
	}
	return n
}
