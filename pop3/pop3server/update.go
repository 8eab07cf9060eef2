package pop3server

import (
	"time"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/pop3"
)

// dele marks a message as deleted (RFC 1939 §5).
func (s *session) dele(c pop3.Command) {
	m := s.find(c.Msg)
	if m == nil {
		return
	}
	if !s.drop.may(mailbox.RightExpunge) {
		s.err("", textReadOnly)
		return
	}
	m.deleted = true
	s.drop.count--
	s.drop.size -= m.size
	s.say(textDeleted)
}

// rset unmarks all messages.
func (s *session) rset(pop3.Command) {
	d := s.drop
	for i := range d.msgs {
		if m := &d.msgs[i]; m.deleted {
			m.deleted = false
			d.count++
			d.size += m.size
		}
	}
	s.say(textReset)
}

// quit ends the session. After login it enters the UPDATE state (RFC 1939 §6):
// the marked messages are deleted and the lock is released before the answer.
func (s *session) quit(pop3.Command) {
	s.ended = true
	if s.drop == nil {
		s.say(textBye)
		return
	}
	s.stopAhead()
	err := s.update()
	s.drop.close()
	if err != nil {
		s.err(pop3.CodeSysTemp, textNotRemoved)
		s.log().Error("pop3: deleting at QUIT", "error", err)
		return
	}
	s.say(textBye)
}

// update deletes the marked messages and those that the policy deletes, and
// sets \Seen on the rest if MarkSeen is set.
func (s *session) update() error {
	d := s.drop
	var gone, seen mailbox.UIDSet
	now := time.Now().Unix()
	keep := int64(d.policy.days()) * 24 * 60 * 60 // as announced
	for i := range d.msgs {
		switch m := &d.msgs[i]; {
		case m.deleted,
			d.policy.Expire < 0 && m.retrieved,
			d.policy.Expire > 0 && now-m.since > keep:
			gone.Add(m.uid)
		case m.retrieved && s.srv.MarkSeen:
			seen.Add(m.uid)
		}
	}
	if !seen.IsEmpty() && d.may(mailbox.RightSeen) {
		change := mailbox.FlagChange{Op: mailbox.FlagsAdd, Flags: mailbox.NewFlagSet(mailbox.FlagSeen)}
		if _, err := d.box.SetFlags(s.ctx, seen, change); err != nil {
			s.log().Warn("pop3: marking as seen", "error", err)
		}
	}
	if gone.IsEmpty() || !d.may(mailbox.RightExpunge) {
		return nil
	}
	_, err := d.box.Expunge(s.ctx, gone, mailbox.FlagSet{})
	return err
}
