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
func (s *session) stopAhead() {
	if s.ahead != nil {
		s.ahead.stop()
		s.ahead = nil
	}
}

// content returns the message with its content, valid until the next call or
// stopAhead; nil if it no longer exists.
func (s *session) content(uid mailbox.UID) (*mailbox.Message, error) {
	a := s.ahead
	if a == nil || !a.set.Contains(uid) || a.cur != nil && a.cur.UID > uid {
		s.stopAhead()
		a = s.startAhead(uid)
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
		s.stopAhead()
		return nil, err
	}
	if a.cur.UID > uid {
		return nil, nil
	}
	return a.cur, nil
}

// startAhead begins a pass over a message and those that the commands in the
// input buffer ask for next, as far as their numbers ascend.
func (s *session) startAhead(uid mailbox.UID) *readAhead {
	for len(s.queue) < maxAhead && s.c.BufferedLine() {
		r, err := s.read()
		if err != nil {
			break // the next read reports it again
		}
		s.queue = append(s.queue, r)
	}
	a := &readAhead{set: mailbox.UIDSetOf(uid)}
	last := uid
queued:
	for _, r := range s.queue {
		switch r.cmd.Verb {
		case "RETR", "TOP":
			if r.err != nil || r.cmd.Msg > len(s.drop.msgs) {
				break queued
			}
			m := &s.drop.msgs[r.cmd.Msg-1]
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
	a.next, a.stop = iter.Pull2(s.drop.box.Messages(s.ctx, a.set, mailbox.WantContent))
	s.ahead = a
	return a
}
