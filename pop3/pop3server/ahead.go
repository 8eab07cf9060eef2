package pop3server

import (
	"errors"
	"iter"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// maxAhead is how many commands are read before the first is answered. They are
// already in the input buffer.
const maxAhead = 512

// A readAhead is one pass over the messages that queued commands ask for.
type readAhead struct {
	set  mailbox.UIDSet
	next func() (*mailbox.Message, error, bool)
	stop func()
	cur  *mailbox.Message // yielded and not used yet
	err  error
}

// stopAhead ends the pass, if there is one. A store may hold resources for it,
// so it is ended before the session waits for commands.
func (c *conn) stopAhead() {
	if c.ahead != nil {
		c.ahead.stop()
		c.ahead = nil
	}
}

// content returns the message with its content, valid until the next call or
// stopAhead; nil if it no longer exists.
func (c *conn) content(uid mailbox.UID) (*mailbox.Message, error) {
	a := c.ahead
	if a == nil || !a.set.Contains(uid) || a.cur != nil && a.cur.UID > uid {
		c.stopAhead()
		a = c.startAhead(uid)
	}
	for a.err == nil && (a.cur == nil || a.cur.UID < uid) {
		m, err, ok := a.next()
		if !ok {
			return nil, nil
		}
		if damaged, ok := errors.AsType[*mailbox.MessageError](err); !ok {
			a.cur, a.err = m, err
		} else if damaged.UID == uid {
			return nil, err
		}
	}
	if a.err != nil {
		err := a.err
		c.stopAhead()
		return nil, err
	}
	if a.cur.UID > uid {
		return nil, nil
	}
	return a.cur, nil
}

// startAhead begins a pass over a message and those that the commands in the
// input buffer ask for next, as far as their numbers ascend.
func (c *conn) startAhead(uid mailbox.UID) *readAhead {
	for len(c.queue) < maxAhead && c.tp.BufferedLine() {
		r, err := c.read()
		if err != nil {
			break // the next read reports it again
		}
		c.queue = append(c.queue, r)
	}
	c.tp.SetAhead(len(c.queue) > 0)
	a := &readAhead{set: mailbox.UIDSetOf(uid)}
	last := uid
queued:
	for _, r := range c.queue {
		switch r.cmd.Verb {
		case "RETR", "TOP":
			if r.err != nil || r.cmd.Msg > len(c.drop.msgs) {
				break queued
			}
			m := &c.drop.msgs[r.cmd.Msg-1]
			if m.uid < last {
				break queued
			}
			last = m.uid
			if !m.deleted {
				a.set.Add(m.uid)
			}
		case "DELE", "LIST", "UIDL", "STAT", "NOOP":
		default:
			break queued
		}
	}
	a.next, a.stop = iter.Pull2(c.drop.box.Messages(c.ctx, a.set, mailbox.WantContent))
	c.ahead = a
	return a
}
