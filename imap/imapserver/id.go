package imapserver

import "github.com/posthorn-mail/posthorn/imap"

// idExt is ID (RFC 2971).
func idExt() extension {
	return extension{
		caps:      []imap.Cap{imap.CapID},
		capStates: anyState,
		commands:  []command{{"ID", anyState, on((*Session).id)}},
	}
}

func (s *Session) id(c *imap.ID) (reply, error) {
	if c.Fields != nil {
		s.clientID = c.Fields
		if s.srv.OnID != nil {
			s.srv.OnID(s, c.Fields)
		}
	}
	fields := s.srv.ID
	if fields == nil {
		fields = imap.IDFields{{Name: imap.IDName, Value: "Posthorn"}}
	}
	return reply{}, s.respond(fields)
}
