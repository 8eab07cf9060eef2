package pop3server

import (
	"context"
	"time"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/pop3"
)

// dele marks a message as deleted (RFC 1939 §5).
func (c *conn) dele(cmd pop3.Command) {
	m := c.find(cmd.Msg)
	if m == nil {
		return
	}
	if !c.drop.may(mailbox.RightExpunge) {
		c.err("", textReadOnly)
		return
	}
	m.deleted = true
	c.drop.count--
	c.drop.size -= m.size
	c.say(textDeleted)
}

// rset unmarks all messages.
func (c *conn) rset(pop3.Command) {
	d := c.drop
	for i := range d.msgs {
		if m := &d.msgs[i]; m.deleted {
			m.deleted = false
			d.count++
			d.size += m.size
		}
	}
	c.say(textReset)
}

// quit ends the session. After login it enters the UPDATE state (RFC 1939 §6):
// the marked messages are deleted and the lock is released before the answer.
func (c *conn) quit(pop3.Command) {
	c.ended = true
	if c.drop == nil {
		c.say(textBye)
		return
	}
	c.stopAhead()
	err := c.update()
	c.drop.close()
	if err != nil {
		c.err(pop3.CodeSysTemp, textNotRemoved)
		c.log().Error("pop3: deleting at QUIT", "error", err)
		return
	}
	c.say(textBye)
}

// update deletes the marked messages and those that the policy deletes, and
// sets \Seen on the rest if MarkSeen is set, as far as the user has the rights.
// Many clients hang up as soon as they have sent QUIT: it is carried out
// nevertheless.
func (c *conn) update() error {
	d, ctx := c.drop, context.WithoutCancel(c.ctx)
	var gone, seen mailbox.UIDSet
	now := time.Now().Unix()
	keep := int64(d.policy.days()) * 24 * 60 * 60 // as announced
	for i := range d.msgs {
		switch m := &d.msgs[i]; {
		case m.deleted ||
			d.policy.Expire < 0 && m.retrieved ||
			d.policy.Expire > 0 && now-m.since > keep:
			gone.Add(m.uid)
		case m.retrieved && c.srv.MarkSeen:
			seen.Add(m.uid)
		}
	}
	if !seen.IsEmpty() && d.may(mailbox.RightSeen) {
		change := mailbox.FlagChange{Op: mailbox.FlagsAdd, Flags: mailbox.NewFlagSet(mailbox.FlagSeen)}
		if _, err := d.box.SetFlags(ctx, seen, change); err != nil {
			c.log().Warn("pop3: marking as seen", "error", err)
		}
	}
	if gone.IsEmpty() {
		return nil
	}
	_, err := d.box.Expunge(ctx, gone, mailbox.FlagSet{})
	return err
}
