package imapserver

import "github.com/posthorn-mail/posthorn/imap"

// idExt is ID (RFC 2971).
func idExt() extension {
	return extension{
		caps:      []imap.Cap{imap.CapID},
		capStates: anyState,
		commands:  []command{{"ID", anyState, on((*Conn).id)}},
	}
}

func (c *Conn) id(cmd *imap.ID) (reply, error) {
	if cmd.Fields != nil {
		c.clientID = cmd.Fields
		if c.srv.OnID != nil {
			c.srv.OnID(c, cmd.Fields)
		}
	}
	fields := c.srv.ID
	if fields == nil {
		fields = imap.IDFields{{Name: imap.IDName, Value: "Posthorn"}}
	}
	return reply{}, c.respond(fields)
}
