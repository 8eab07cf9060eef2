package imapserver

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/sasl"
)

// baseExt is the commands of every state (RFC 9051 §6.1).
func baseExt() extension {
	return extension{
		caps:      []imap.Cap{imap.CapIMAP4rev1},
		capStates: anyState,
		commands: []command{
			{"CAPABILITY", anyState, on((*Conn).capability)},
			{"NOOP", anyState, on((*Conn).noop)},
			{"LOGOUT", anyState, on((*Conn).logout)},
		},
	}
}

// saslIRExt and literalPlusExt are implemented by the command reader.
func saslIRExt() extension {
	return extension{caps: []imap.Cap{imap.CapSASLIR}, capStates: anyState}
}

func literalPlusExt() extension {
	return extension{caps: []imap.Cap{imap.CapLiteralPlus}, capStates: anyState}
}

// capabilities returns what the session advertises in its present state.
func (c *Conn) capabilities() imap.CapSet {
	var caps []imap.Cap
	for _, x := range c.srv.extensions() {
		states := x.capStates
		if states == 0 {
			states = loggedIn
		}
		if states&c.state != 0 && (x.offer == nil || x.offer(c)) {
			caps = append(caps, x.caps...)
		}
	}
	if c.state == notAuthenticated {
		sc := c.saslConn()
		if !sc.AllowsPasswords() {
			caps = append(caps, imap.CapLoginDisabled)
		}
		for _, m := range sasl.Mechanisms(c.srv.Authenticator, sc) {
			caps = append(caps, imap.Cap(imap.CapAuthPrefix+m))
		}
	}
	set := imap.NewCapSet(caps...)
	if c.srv.Capabilities != nil {
		set = c.srv.Capabilities(c, set)
	}
	return set
}

// offers reports whether the session offers a capability to the command that is
// read. The set is computed at most once for each command, since it depends on
// values that may change between two: state, TLS and the results of hooks.
func (c *Conn) offers(cmd imap.Cap) bool {
	if !c.offerKnown {
		c.offer, c.offerKnown = c.capabilities(), true
	}
	return c.offer.Has(cmd)
}

// forgetOffer ends what a command knew of the offer: it may be another for the
// next one, and a connection that waits holds no memory for it.
func (c *Conn) forgetOffer() { c.offer, c.offerKnown = imap.CapSet{}, false }

// greet sends the greeting with the capabilities, which saves clients a round
// trip (RFC 9051 §7.1).
func (c *Conn) greet() {
	c.status(grammar.StatusLine{Cond: imap.OK, Code: imap.CodeCapability, Arg: c.capabilities(), Text: c.srv.host + " Posthorn IMAP ready"})
}

func (c *Conn) capability(*imap.Capability) (reply, error) {
	return reply{}, c.respond(c.capabilities())
}

// noop reports changes (RFC 9051 §6.1.2): all that another session was told is
// done, this one sees now.
func (c *Conn) noop(*imap.Noop) (reply, error) {
	c.force = true
	return reply{}, nil
}

func (c *Conn) logout(*imap.Logout) (reply, error) {
	c.leaveMailbox() // no EXPUNGE behind BYE
	c.status(grammar.StatusLine{Cond: imap.BYE, Text: "logging out"})
	c.state = loggedOut
	return reply{}, nil
}
