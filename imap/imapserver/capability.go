package imapserver

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/sasl"
)

// baseExt is what every session has (RFC 9051 §6.1).
func baseExt() extension {
	return extension{
		caps:      []imap.Cap{imap.CapIMAP4rev1},
		capStates: anyState,
		commands: []command{
			{"CAPABILITY", anyState, on((*Session).capability)},
			{"NOOP", anyState, on((*Session).noop)},
			{"LOGOUT", anyState, on((*Session).logout)},
		},
	}
}

// saslIRExt and literalPlusExt are the work of the command reader.
func saslIRExt() extension {
	return extension{caps: []imap.Cap{imap.CapSASLIR}, capStates: anyState}
}

func literalPlusExt() extension {
	return extension{caps: []imap.Cap{imap.CapLiteralPlus}, capStates: anyState}
}

// capabilities returns what the session advertises in its present state.
func (s *Session) capabilities() imap.CapSet {
	var caps []imap.Cap
	for _, x := range s.srv.extensions() {
		states := x.capStates
		if states == 0 {
			states = loggedIn
		}
		if states&s.state != 0 && (x.offer == nil || x.offer(s)) {
			caps = append(caps, x.caps...)
		}
	}
	if s.state == notAuthenticated {
		sc := s.saslConn()
		if !sc.AllowsPasswords() {
			caps = append(caps, imap.CapLoginDisabled)
		}
		for _, m := range sasl.Mechanisms(s.srv.Authenticator, sc) {
			caps = append(caps, imap.Cap(imap.CapAuthPrefix+m))
		}
	}
	set := imap.NewCapSet(caps...)
	if s.srv.Capabilities != nil {
		set = s.srv.Capabilities(s, set)
	}
	return set
}

// offers reports whether the session offers a capability to the command that is
// read. The set is made once for a command that needs to know, since all that it
// follows from may change between two: state, TLS and what the hooks say.
func (s *Session) offers(c imap.Cap) bool {
	if !s.offerKnown {
		s.offer, s.offerKnown = s.capabilities(), true
	}
	return s.offer.Has(c)
}

// greet sends the greeting with the capabilities, which saves clients a round
// trip (RFC 9051 §7.1).
func (s *Session) greet() {
	s.status(grammar.StatusLine{Cond: imap.OK, Code: imap.CodeCapability, Arg: s.capabilities(), Text: s.srv.host + " Posthorn IMAP ready"})
}

func (s *Session) capability(*imap.Capability) (reply, error) {
	return reply{}, s.respond(s.capabilities())
}

// noop is the moment for news (RFC 9051 §6.1.2): whatever another session was
// told is done, this one sees now.
func (s *Session) noop(*imap.Noop) (reply, error) {
	s.force = true
	return reply{}, nil
}

func (s *Session) logout(*imap.Logout) (reply, error) {
	s.leaveMailbox() // no EXPUNGE behind BYE
	s.status(grammar.StatusLine{Cond: imap.BYE, Text: "logging out"})
	s.state = loggedOut
	return reply{}, nil
}
