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
		commands: []command{{"ENABLE", loggedIn, on((*Conn).enable)}},
	}
}

// enable enables the capabilities that can be enabled and are advertised, and
// ignores the rest (RFC 5161 §3.1). It does not name those already enabled.
func (c *Conn) enable(cmd *imap.Enable) (reply, error) {
	offered, wanted := c.capabilities(), imap.NewCapSet(cmd.Caps...)
	var now grammar.Enabled
	for _, x := range c.srv.extensions() {
		for _, name := range x.caps {
			if wanted.Has(name) && offered.Has(name) && c.turnOn(name) {
				now = append(now, name)
			}
		}
	}
	return reply{}, c.respond(now)
}

// turnOn enables a capability. It returns false if the capability is already
// enabled or can't be. Commands that imply ENABLE call it too.
func (c *Conn) turnOn(name imap.Cap) bool {
	for _, x := range c.srv.extensions() {
		if x.enable == nil || !slices.Contains(x.caps, name) || c.enabled.Has(name) {
			continue
		}
		if !slices.ContainsFunc(x.caps, c.enabled.Has) {
			c.on = append(c.on, x)
		}
		c.enabled = c.enabled.With(name)
		x.enable(c)
		return true
	}
	return false
}
