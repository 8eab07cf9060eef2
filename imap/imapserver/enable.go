package imapserver

import (
	"slices"

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
		for _, name := range x.caps {
			if wanted.Has(name) && offered.Has(name) && s.turnOn(name) {
				now = append(now, name)
			}
		}
	}
	return reply{}, s.respond(now)
}

// turnOn enables a capability. It is false for one that is on already, or that
// can't be enabled. Commands that imply ENABLE call it too.
func (s *Session) turnOn(name imap.Cap) bool {
	for _, x := range s.srv.extensions() {
		if x.enable == nil || !slices.Contains(x.caps, name) || s.enabled.Has(name) {
			continue
		}
		if !slices.ContainsFunc(x.caps, s.enabled.Has) {
			s.on = append(s.on, x)
		}
		s.enabled = s.enabled.With(name)
		x.enable(s)
		return true
	}
	return false
}
