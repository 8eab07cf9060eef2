package imapserver

import (
	"errors"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/textproto"
)

// idleExt is IDLE (RFC 2177).
func idleExt() extension {
	return extension{
		caps:     []imap.Cap{imap.CapIdle},
		commands: []command{{"IDLE", loggedIn, on((*Conn).idle)}},
	}
}

// idle waits for DONE and reports changes meanwhile; EXPUNGE too, since the command
// in progress uses no sequence numbers. The hub wakes the connection, which
// otherwise needs only its goroutine.
func (c *Conn) idle(*imap.Idle) (reply, error) {
	if c.sel != nil {
		stop := c.sel.box.listen(c.tp)
		defer stop()
	}
	if err := c.respond(&grammar.Continuation{Text: "idling"}); err != nil {
		return reply{}, err
	}
	c.force = true
	c.forgetOffer()
	for {
		if err := c.poll(); err != nil {
			return reply{}, err
		}
		switch err := c.tp.Wait(); {
		case err == nil:
			if err := c.r.ReadDone(); err != nil {
				return reply{}, link(err)
			}
			return reply{text: "IDLE terminated"}, nil
		case !errors.Is(err, textproto.ErrWoken):
			return reply{}, link(err)
		}
	}
}
