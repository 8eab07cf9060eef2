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

// maildropExt is the commands about the maildrop as a whole (RFC 1939 §5).
func maildropExt() extension {
	return extension{commands: []command{
		{"STAT", transaction, (*conn).stat},
		{"LIST", transaction, (*conn).list},
		{"DELE", transaction, (*conn).dele},
		{"RSET", transaction, (*conn).rset},
	}}
}

// uidlExt is UIDL (RFC 1939 §7).
func uidlExt() extension {
	x := announce("UIDL")
	x.commands = []command{{"UIDL", transaction, (*conn).uidl}}
	return x
}

// policyExt is EXPIRE and LOGIN-DELAY (RFC 2449 §6.5, §6.7): those of the user
// after login, those of everybody before.
func policyExt() extension {
	return extension{capabilities: func(c *conn) pop3.Capabilities {
		policy, perUser := c.srv.Policy, c.srv.UserPolicy != nil
		if c.drop != nil {
			policy, perUser = c.drop.policy, false
		}
		list := pop3.Capabilities{pop3.ExpireCapability(policy.days(), perUser)}
		if policy.LoginDelay > 0 {
			list = append(list, pop3.LoginDelayCapability(policy.LoginDelay, perUser))
		}
		return list
	}}
}

// A maildrop is the mailbox as it was at login.
type maildrop struct {
	user    string
	account mailbox.Account
	box     mailbox.Mailbox
	release func() // the lock
	policy  Policy

	msgs  []msg    // by message number, less one
	uids  []string // unique-ids, made when first asked for
	count int      // messages that are not marked as deleted
	size  int64    // their octets

	memory int // octets that have been counted for all this
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

// What a message of a maildrop takes in memory, about: its msg with the EmailID, and
// its unique-id.
const (
	msgMemory = 128
	uidMemory = 64
)

// keep counts n octets that the maildrop holds; a negative n gives some back.
func (c *conn) keep(d *maildrop, n int) error {
	err := c.tp.Keep(c.ctx, n)
	if err == nil {
		d.memory += n
	}
	return err
}

// open opens the maildrop of a user who is authenticated.
func (c *conn) open(identity string) (err error) {
	d := &maildrop{user: identity, policy: c.srv.Policy}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%q: %w", identity, err)
		}
		if c.drop != d { // an error, or a panic of the store
			d.close()
			c.keep(d, -d.memory)
			c.tp.SetAccount(c.ctx, "")
		}
	}()
	if c.srv.UserPolicy != nil {
		if d.policy, err = c.srv.UserPolicy(c.ctx, identity); err != nil {
			return fmt.Errorf("policy: %w", err)
		}
	}
	switch {
	case c.srv.Shared:
	case c.srv.Lock != nil:
		d.release, err = c.srv.Lock(c.ctx, identity)
	default:
		d.release, err = c.srv.locks.lock(identity)
	}
	if err != nil {
		return err
	}
	if !c.srv.logins.allowed(identity) {
		return errLoginDelay
	}
	if err := c.tp.SetAccount(c.ctx, identity); err != nil {
		return err
	}
	account, err := c.srv.Store.Account(c.ctx, identity)
	if err != nil {
		return fmt.Errorf("account: %w", err)
	}
	d.account = account
	name := c.srv.Mailbox
	if name == "" {
		name = mailbox.Inbox
	}
	if d.box, err = d.account.Mailbox(c.ctx, name); err != nil {
		return fmt.Errorf("mailbox: %w", err)
	}
	if !d.may(mailbox.RightRead) {
		return fmt.Errorf("mailbox: %w", mailbox.ErrPermission)
	}
	if !d.may(mailbox.RightExpunge) {
		d.policy.Expire = 0 // EXPIRE NEVER is then the truth
	}
	snap, err := d.box.Snapshot(c.ctx)
	if err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	if err := c.keep(d, snap.UIDs.Len()*msgMemory); err != nil {
		return err
	}
	d.msgs = make([]msg, 0, snap.UIDs.Len())
	work := c.worker(1)
	for m, err := range d.box.Messages(c.ctx, snap.UIDs, mailbox.WantEntry) {
		if err != nil {
			if _, ok := errors.AsType[*mailbox.MessageError](err); !ok {
				return fmt.Errorf("reading the mailbox: %w", err)
			}
			c.log().Error("pop3: message is damaged", "user", identity, "error", err)
			continue
		}
		if err := work(1); err != nil {
			return err
		}
		since := m.SaveDate
		if since.IsZero() {
			since = m.InternalDate
		}
		d.msgs = append(d.msgs, msg{uid: m.UID, size: m.Size, emailID: m.EmailID, since: since.Unix()})
		d.size += m.Size
	}
	d.count = len(d.msgs)
	c.srv.logins.entered(identity, d.policy.LoginDelay)
	c.drop = d
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
func (c *conn) contents() string {
	b := strconv.AppendInt(nil, int64(c.drop.count), 10)
	b = append(append(append(b, ' '), c.text(textMessages)...), " ("...)
	b = strconv.AppendInt(b, c.drop.size, 10)
	return string(append(append(append(b, ' '), c.text(textOctets)...), ')'))
}

// find returns a message by its number, or nil after answering -ERR.
func (c *conn) find(n int) *msg {
	switch {
	case n > len(c.drop.msgs):
		c.err("", textNoSuch)
	case c.drop.msgs[n-1].deleted:
		c.err("", textDeletedMsg)
	default:
		return &c.drop.msgs[n-1]
	}
	return nil
}

// stat answers STAT (RFC 1939 §5).
func (c *conn) stat(pop3.Command) {
	b := append(c.tp.AvailableBuffer(), "+OK "...)
	b = pop3.AppendListing(b, c.drop.count, c.drop.size)
	c.tp.Write(append(b, '\r', '\n'))
}

// list answers LIST.
func (c *conn) list(cmd pop3.Command) {
	c.listing(cmd.Msg, func(b []byte, n int) []byte {
		return pop3.AppendListing(b, n, c.drop.msgs[n-1].size)
	})
}

// uidl answers UIDL (RFC 1939 §7).
func (c *conn) uidl(cmd pop3.Command) {
	if err := c.makeUIDs(); err != nil {
		c.storeError("making unique-ids", err)
		return
	}
	c.listing(cmd.Msg, func(b []byte, n int) []byte {
		return pop3.AppendUIDListing(b, n, c.drop.uids[n-1])
	})
}

// listing writes a line for one message, or lines for all.
func (c *conn) listing(n int, line func(b []byte, n int) []byte) {
	if n > 0 {
		if c.find(n) != nil {
			b := line(append(c.tp.AvailableBuffer(), "+OK "...), n)
			c.tp.Write(append(b, '\r', '\n'))
		}
		return
	}
	c.ok(c.contents())
	work := c.worker(4)
	for i := range c.drop.msgs {
		if c.drop.msgs[i].deleted {
			continue
		}
		if _, err := c.tp.Write(append(line(c.tp.AvailableBuffer(), i+1), '\r', '\n')); err != nil {
			return
		}
		if work(1) != nil { // +OK has been said: half a listing must not pass for the whole
			c.ended = true
			return
		}
	}
	c.end()
}

// makeUIDs makes the unique-ids of the maildrop. They depend on the messages
// only, so that they are the same in each session.
func (c *conn) makeUIDs() error {
	d := c.drop
	if d.uids != nil {
		return nil
	}
	info := d.box.Info()
	memory := len(d.msgs) * uidMemory
	if err := c.tp.Hold(c.ctx, memory); err != nil { // a map of all, meanwhile
		return err
	}
	if err := c.keep(d, memory); err != nil {
		return err
	}
	defer func() {
		if d.uids == nil {
			c.keep(d, -memory)
		}
	}()
	uids := make([]string, len(d.msgs))
	work := c.worker(1)
	seen := make(map[string]int, len(d.msgs))
	for i := range d.msgs {
		m := &d.msgs[i]
		var id string
		switch {
		case c.srv.UID != nil:
			id = c.srv.UID(info, mailbox.Entry{
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
		uids[i] = id
		if err := work(1); err != nil {
			return err
		}
	}
	d.uids = uids
	return nil
}

// uidRoom is reserved for the count of copies.
const uidRoom = 10
