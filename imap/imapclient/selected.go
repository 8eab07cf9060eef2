package imapclient

import (
	"context"
	"slices"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// A Mailbox is one selection of a mailbox on a connection. When another mailbox
// is selected, or none, its methods return ErrNotSelected: they never act on
// another mailbox. It is safe for concurrent use.
type Mailbox struct {
	c     *Client
	name  string
	fresh bool  // nothing was selected before
	sel   *call // the SELECT; its end is awaited before the Mailbox is used, unless NoWait

	// Guarded by c.mu.
	info     Info
	exists   int         // messages, as last told
	view     *numbering  // nil: not loaded; its messages come first, those announced since then follow
	told     mailbox.UID // the highest UID that the caller knows of
	pending  Update      // what has happened since it was last taken
	flags    map[mailbox.UID]int
	messages []*Message     // new ones that the server has told of unasked
	queued   bool           // it waits in c.events
	gen      int            // counts what changes the numbers of messages
	octets   int64          // of pending.Flags
	left     uidHeap        // expunged since the caller has taken an Update, as far as their UIDs are known
	gone     uidHeap        // of these, those of the view
	modSeq   mailbox.ModSeq // the highest that the server has told
	since    int            // messages announced since SELECT
	top      knownTop
}

// A knownTop says that no message had a UID of next or above when so many messages
// had been announced since SELECT. next is zero if it is not known.
type knownTop struct {
	next  mailbox.UID
	since int
}

// Info is what SELECT told of a mailbox, as of then.
type Info struct {
	Name           string
	ReadOnly       bool
	Exists         int
	Recent         int // RFC 3501 only
	UIDValidity    uint32
	UIDNext        mailbox.UID    // zero: not told
	HighestModSeq  mailbox.ModSeq // zero: the mailbox has no mod-sequences (RFC 7162 §3.1.2.2)
	Flags          mailbox.FlagSet
	PermanentFlags mailbox.FlagSet
	NewKeywords    bool   // new keywords can be created
	MailboxID      string // RFC 8474; empty: not told

	Annotations *imap.AnnotationsCode // what the mailbox can hold of them (RFC 5257 §4.2); nil: not told
}

// Client returns the connection.
func (m *Mailbox) Client() *Client { return m.c }

// Name returns the name under which the mailbox was selected.
func (m *Mailbox) Name() string { return m.name }

// Info returns what SELECT told. With SelectOptions.NoWait it waits for that, as
// long as the connection exists.
func (m *Mailbox) Info() Info {
	<-m.sel.done
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	return m.info
}

// Exists returns how many messages there are now, as far as the server has told.
func (m *Mailbox) Exists() int {
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	return m.exists
}

// newCall returns a call of a command that needs the mailbox.
func (m *Mailbox) newCall(cmd imap.Command) *call {
	k := newCall(cmd)
	k.mb, k.box = m, m.name
	return k
}

// Unselect ends the selection without expunging anything, where the server can do
// that; else it examines a mailbox that does not exist (RFC 3691).
func (m *Mailbox) Unselect(ctx context.Context) error {
	c := m.c
	var k *call
	if c.has(imap.CapUnselect) {
		k = m.newCall(&imap.Unselect{})
	} else {
		k = m.newCall(&imap.Select{Mailbox: m.name, ReadOnly: true}) // then CLOSE removes nothing
		k.rule = ruleExclusive
		if err := c.run(ctx, k); err != nil {
			return err
		}
		k = m.newCall(&imap.Close{})
	}
	k.rule = ruleExclusive
	k.ended = func(k *call) {
		if k.status.Cond == imap.OK && c.selected == m {
			c.selected = nil
		}
	}
	return c.run(ctx, k)
}

// What follows is called by the reader, with c.mu held.

// exist takes EXISTS.
func (m *Mailbox) exist(n uint32) {
	if more := int(n) - m.exists; more > 0 {
		m.pending.Arrived += more
		m.since += more
	} else if more < 0 {
		// Messages have gone without EXPUNGE, which no server may do.
		m.gen++
		m.view, m.pending.Lost = nil, true
	}
	m.exists = int(n)
	m.changed()
}

// expunged takes EXPUNGE.
func (m *Mailbox) expunged(seq imap.SeqNum) {
	if m.exists == 0 || int(seq) > m.exists || seq == 0 {
		m.c.log("EXPUNGE of a message that does not exist", "number", seq)
		return
	}
	m.exists--
	m.gen++
	switch {
	case m.view == nil:
		m.pending.Removed++
	case int(seq) > m.view.n: // it has arrived since, and nobody knows its UID
		m.pending.Arrived = max(m.pending.Arrived-1, 0)
	default:
		m.forget(m.view.expunge(seq))
	}
	m.changed()
}

func (m *Mailbox) forget(uid mailbox.UID) {
	m.left.add(mailbox.UIDRange{First: uid, Last: uid})
	m.gone.add(mailbox.UIDRange{First: uid, Last: uid})
	m.pending.Removed++
	delete(m.flags, uid)
}

// vanished takes VANISHED (RFC 7162 §3.2.10).
func (m *Mailbox) vanished(uids mailbox.UIDSet) {
	m.gen++
	if m.view == nil {
		m.exists -= min(uids.Len(), m.exists)
		m.left.add(uids.Ranges()...)
		m.pending.Removed += uids.Len()
		m.changed()
		return
	}
	late := m.exists - m.view.n
	gone := m.view.vanish(uids)
	m.gone.add(gone.Ranges()...)
	// What is not in the view has arrived since.
	late = min(late, uids.Len()-gone.Len())
	m.exists -= gone.Len() + late
	m.pending.Arrived = max(m.pending.Arrived-late, 0)
	m.pending.Removed += gone.Len()
	m.left.add(uids.Ranges()...)
	for uid := range gone.All() {
		delete(m.flags, uid)
	}
	m.changed()
}

func (m *Mailbox) setFlags(flags grammar.Flags) {
	m.info.Flags = mailbox.NewFlagSet(flags...)
}

// news takes a FETCH response that nobody has asked for.
func (m *Mailbox) news(msg *Message) {
	if len(msg.Annotations) > 0 {
		m.annotated(msg)
	}
	if m.arrived(msg) {
		return
	}
	if msg.Has&(Flags|ModSeq) == 0 {
		return
	}
	m.modSeq = max(m.modSeq, msg.Entry.ModSeq)
	if msg.Has&Flags == 0 {
		return
	}
	uid := msg.UID
	if uid == 0 && m.view != nil {
		uid = m.view.uid(msg.seq)
	}
	if uid == 0 {
		m.pending.Lost = true
		m.changed()
		return
	}
	up := FlagUpdate{UID: uid, Flags: msg.Entry.Flags, ModSeq: msg.Entry.ModSeq}
	if m.octets += flagOctets(up.Flags); m.octets > maxFlagOctets {
		m.pending.Lost = true
		m.changed()
		return
	}
	if i, ok := m.flags[uid]; ok {
		m.octets -= flagOctets(m.pending.Flags[i].Flags)
		m.pending.Flags[i] = up
	} else if len(m.pending.Flags) < maxFlagUpdates {
		if m.flags == nil {
			m.flags = map[mailbox.UID]int{}
		}
		m.flags[uid] = len(m.pending.Flags)
		m.pending.Flags = append(m.pending.Flags, up)
	} else {
		m.pending.Lost = true
	}
	m.changed()
}

// flagOctets returns what a set of flags costs in memory, about.
func flagOctets(set mailbox.FlagSet) int64 {
	n := int64(32)
	for _, f := range set.Keywords() {
		n += int64(len(f)) + 16
	}
	return n
}

// changed tells Watch that there is an Update, once the mailbox is selected.
func (m *Mailbox) changed() {
	if m.c.selecting != m {
		m.c.events.update(m)
	}
}

// takeUpdate returns what has happened since the last Update, nil if nothing has.
// From then on the caller counts the messages as they are now. The view is
// complete, if it is loaded.
func (m *Mailbox) takeUpdate() *Update {
	u := m.pending
	u.Vanished = m.left.set()
	if u.Arrived == 0 && u.Removed == 0 && len(u.Flags) == 0 && !u.Lost && u.Vanished.IsEmpty() {
		return nil
	}
	u.Mailbox, u.Exists = m, m.exists
	if !u.Vanished.IsEmpty() {
		u.Flags = slices.DeleteFunc(u.Flags, func(f FlagUpdate) bool { return u.Vanished.Contains(f.UID) })
	}
	if m.view != nil {
		fresh := m.view.above(m.told)
		u.Arrived, u.New = fresh.Len(), UIDSet(fresh)
		m.told = max(m.told, m.view.max())
	}
	m.takeArrived(&u)
	m.pending, m.flags, m.octets, m.left, m.gone = Update{}, nil, 0, uidHeap{}, uidHeap{}
	return &u
}
