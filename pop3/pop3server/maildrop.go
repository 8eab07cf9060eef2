package pop3server

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/pop3"
)

// A maildrop is the mailbox as it was at login.
type maildrop struct {
	account mailbox.Account
	box     mailbox.Mailbox
	release func() // the lock
	policy  Policy

	msgs  []msg    // by message number, less one
	uids  []string // unique-ids, made when first asked for
	count int      // messages that are not marked as deleted
	size  int64    // their octets
}

// A msg is a message of the maildrop.
type msg struct {
	uid       mailbox.UID
	deleted   bool // by DELE
	retrieved bool // by RETR
	size      int64
	emailID   string
	since     int64 // when it came into the mailbox, in seconds
}

// open opens the maildrop of a user who is authenticated.
func (s *session) open(identity string) (err error) {
	d := &maildrop{policy: s.srv.Policy}
	defer func() {
		if s.drop != d { // an error, or a panic of the store
			d.close()
		}
	}()
	if s.srv.UserPolicy != nil {
		if d.policy, err = s.srv.UserPolicy(s.ctx, identity); err != nil {
			return fmt.Errorf("policy: %w", err)
		}
	}
	switch {
	case s.srv.Shared:
	case s.srv.Lock != nil:
		d.release, err = s.srv.Lock(s.ctx, identity)
	default:
		d.release, err = s.srv.locks.lock(identity)
	}
	if err != nil {
		return err
	}
	if !s.srv.logins.allowed(identity) {
		return errLoginDelay
	}
	account, err := s.srv.Store.Account(s.ctx, identity)
	if err != nil {
		return fmt.Errorf("account: %w", err)
	}
	d.account = account
	name := s.srv.Mailbox
	if name == "" {
		name = mailbox.Inbox
	}
	if d.box, err = d.account.Mailbox(s.ctx, name); err != nil {
		return fmt.Errorf("mailbox: %w", err)
	}
	if !d.may(mailbox.RightRead) {
		return fmt.Errorf("mailbox: %w", mailbox.ErrPermission)
	}
	snap, err := d.box.Snapshot(s.ctx)
	if err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	d.msgs = make([]msg, 0, snap.UIDs.Len())
	for m, err := range d.box.Messages(s.ctx, snap.UIDs, mailbox.WantEntry) {
		if err != nil {
			if _, ok := errors.AsType[*mailbox.MessageError](err); !ok {
				return fmt.Errorf("reading the mailbox: %w", err)
			}
			s.log().Error("pop3: message is damaged", "error", err)
			continue
		}
		since := m.SaveDate
		if since.IsZero() {
			since = m.InternalDate
		}
		d.msgs = append(d.msgs, msg{uid: m.UID, size: m.Size, emailID: m.EmailID, since: since.Unix()})
		d.size += m.Size
	}
	d.count = len(d.msgs)
	s.srv.logins.entered(identity, d.policy.LoginDelay)
	s.drop = d
	return nil
}

// may reports whether the user has the rights to the mailbox.
func (d *maildrop) may(rights mailbox.Rights) bool { return d.box.Info().Access.Rights.Has(rights) }

// close releases the maildrop. Nothing is deleted.
func (d *maildrop) close() {
	if d.account != nil {
		d.account.Close()
	}
	if d.release != nil {
		d.release()
	}
	d.account, d.release = nil, nil
}

// contents returns the number of messages and their size as a text.
func (s *session) contents() string {
	b := strconv.AppendInt(nil, int64(s.drop.count), 10)
	b = append(append(append(b, ' '), s.text(textMessages)...), " ("...)
	b = strconv.AppendInt(b, s.drop.size, 10)
	return string(append(append(append(b, ' '), s.text(textOctets)...), ')'))
}

// find returns a message by its number, or nil after answering -ERR.
func (s *session) find(n int) *msg {
	switch {
	case n > len(s.drop.msgs):
		s.err("", textNoSuch)
	case s.drop.msgs[n-1].deleted:
		s.err("", textDeletedMsg)
	default:
		return &s.drop.msgs[n-1]
	}
	return nil
}

// stat answers STAT (RFC 1939 §5).
func (s *session) stat(pop3.Command) {
	b := append(s.c.AvailableBuffer(), "+OK "...)
	b = pop3.AppendListing(b, s.drop.count, s.drop.size)
	s.c.Write(append(b, '\r', '\n'))
}

// list answers LIST.
func (s *session) list(c pop3.Command) {
	s.listing(c.Msg, func(b []byte, n int) []byte {
		return pop3.AppendListing(b, n, s.drop.msgs[n-1].size)
	})
}

// uidl answers UIDL (RFC 1939 §7).
func (s *session) uidl(c pop3.Command) {
	s.makeUIDs()
	s.listing(c.Msg, func(b []byte, n int) []byte {
		return pop3.AppendUIDListing(b, n, s.drop.uids[n-1])
	})
}

// listing writes a line for one message, or lines for all.
func (s *session) listing(n int, line func(b []byte, n int) []byte) {
	if n > 0 {
		if s.find(n) != nil {
			b := line(append(s.c.AvailableBuffer(), "+OK "...), n)
			s.c.Write(append(b, '\r', '\n'))
		}
		return
	}
	s.ok(s.contents())
	for i := range s.drop.msgs {
		if s.drop.msgs[i].deleted {
			continue
		}
		if _, err := s.c.Write(append(line(s.c.AvailableBuffer(), i+1), '\r', '\n')); err != nil {
			return
		}
	}
	s.end()
}

// makeUIDs makes the unique-ids of the maildrop. They depend on the messages
// only, so that they are the same in each session.
func (s *session) makeUIDs() {
	d := s.drop
	if d.uids != nil {
		return
	}
	info := d.box.Info()
	d.uids = make([]string, len(d.msgs))
	seen := make(map[string]int, len(d.msgs))
	for i := range d.msgs {
		m := &d.msgs[i]
		var id string
		switch {
		case s.srv.UID != nil:
			id = s.srv.UID(info, mailbox.Entry{
				UID: m.uid, Size: m.size, EmailID: m.emailID, SaveDate: time.Unix(m.since, 0),
			})
		case m.emailID != "":
			id = m.emailID
		default:
			id = fmt.Sprintf("%08x%08x", info.UIDValidity, uint32(m.uid))
		}
		if len(id) > pop3.MaxUID-uidRoom || !pop3.ValidUID(id) {
			sum := sha256.Sum256([]byte(id))
			id = base64.RawURLEncoding.EncodeToString(sum[:])
		}
		// Copies of a message may share an EmailID (RFC 8474 §5.1). The second
		// is distinguished by a count. If the first is deleted, the second
		// takes its unique-id; a client that has fetched the first has lost
		// nothing.
		seen[id]++
		if n := seen[id]; n > 1 {
			id += "." + strconv.Itoa(n)
		}
		d.uids[i] = id
	}
}

// uidRoom is reserved for the count of copies.
const uidRoom = 10
