package imapserver

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
)

// enableExt is ENABLE (RFC 5161).
func enableExt() extension {
	return extension{
		caps:     []imap.Cap{imap.CapEnable},
		commands: []command{{"ENABLE", loggedIn, on((*Session).enable)}},
	}
}

// enable turns on what can be enabled and is advertised, and passes over the
// rest (RFC 5161 §3.1). What is on already is not named again.
func (s *Session) enable(c *imap.Enable) (reply, error) {
	offered, wanted := s.capabilities(), imap.NewCapSet(c.Caps...)
	var now grammar.Enabled
	for _, x := range s.srv.extensions() {
		if x.enable == nil {
			continue
		}
		for _, name := range x.caps {
			if wanted.Has(name) && offered.Has(name) && !s.enabled.Has(name) {
				s.enabled = s.enabled.With(name)
				now = append(now, name)
				x.enable(s)
			}
		}
	}
	return reply{}, s.respond(now)
}
