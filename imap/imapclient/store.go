package imapclient

import (
	"context"
	"fmt"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// Stored is the result of Store.
type Stored struct {
	Conflicts mailbox.UIDSet // not changed, because of FlagChange.UnchangedSince (RFC 7162 §3.1.3)

	// ModSeqs are the mod-sequences that the server has told, each with the
	// messages that have it: the new ones of messages that were changed, and,
	// from some servers, the old ones of others (RFC 7162 §3.1.3). It is nil
	// without CONDSTORE.
	ModSeqs map[mailbox.ModSeq]mailbox.UIDSet
}

// AddFlags adds flags to the messages of the set.
func (m *Mailbox) AddFlags(ctx context.Context, set Set, flags ...mailbox.Flag) error {
	_, err := m.Store(ctx, set, mailbox.FlagChange{Op: mailbox.FlagsAdd, Flags: mailbox.NewFlagSet(flags...)})
	return err
}

// RemoveFlags removes flags from the messages of the set.
func (m *Mailbox) RemoveFlags(ctx context.Context, set Set, flags ...mailbox.Flag) error {
	_, err := m.Store(ctx, set, mailbox.FlagChange{Op: mailbox.FlagsRemove, Flags: mailbox.NewFlagSet(flags...)})
	return err
}

// Store changes the flags of the messages of the set (RFC 9051 §6.4.6). A long set
// becomes several commands; if one fails, those before it have been done. A set
// from Where never crosses the wire, if the server has SEARCHRES (RFC 5182).
func (m *Mailbox) Store(ctx context.Context, set Set, change mailbox.FlagChange) (*Stored, error) {
	for f := range change.Flags.All() {
		if !imap.ValidFlag(f) {
			return nil, &CommandError{Command: "UID STORE", Mailbox: m.name, Err: fmt.Errorf("imapclient: %q is not a flag", f)}
		}
	}
	if change.UnchangedSince != nil {
		if err := m.c.need(imap.CapCondStore, "a change only since a mod-sequence"); err != nil {
			return nil, err
		}
	}
	if set.kind == setWhere && m.c.has(imap.CapSearchRes) && m.c.messageLimit() == 0 {
		return m.storeSaved(ctx, set, change)
	}
	out := &Stored{}
	uids, err := m.resolve(ctx, set)
	if err != nil {
		return out, err
	}
	for _, part := range splitSet(uids, m.c.maxSet(), m.c.most()) {
		k := m.storeCall(imap.UIDNumSet(part), change)
		k.sees = out.seeModSeqs(part)
		err := m.c.run(ctx, k)
		out.add(k)
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

func (m *Mailbox) storeCall(set imap.NumSet, change mailbox.FlagChange) *call {
	var flags []mailbox.Flag
	for f := range change.Flags.All() {
		flags = append(flags, f)
	}
	k := m.newCall(&imap.Store{UID: true, Set: set, Op: change.Op, Silent: true, Flags: flags, UnchangedSince: change.UnchangedSince})
	k.name = "UID STORE"
	return k
}

// seeModSeqs notes the mod-sequences of the messages of the set, whatever brings them
// while the STORE is in flight: the response to it can't be told from one to a FETCH
// beside it.
func (s *Stored) seeModSeqs(set mailbox.UIDSet) func(*Message) {
	return func(msg *Message) {
		if msg.Has&ModSeq == 0 || !set.Contains(msg.UID) {
			return
		}
		if s.ModSeqs == nil {
			s.ModSeqs = map[mailbox.ModSeq]mailbox.UIDSet{}
		}
		uids := s.ModSeqs[msg.Entry.ModSeq]
		uids.Add(msg.UID)
		s.ModSeqs[msg.Entry.ModSeq] = uids
	}
}

// add takes the conflicts from the tagged response.
func (s *Stored) add(k *call) {
	select {
	case <-k.done:
	default:
		return
	}
	if k.status == nil {
		return
	}
	if set, ok := k.status.Arg.(imap.NumSet); ok && k.status.Code == imap.CodeModified {
		s.Conflicts = s.Conflicts.Union(set.UIDs(mailbox.MaxUID))
	}
}

// storeSaved searches and changes what was found in one flight.
func (m *Mailbox) storeSaved(ctx context.Context, set Set, change mailbox.FlagChange) (*Stored, error) {
	find := m.searchCall(&imap.Search{UID: true, Key: set.key, Extended: true, Return: imap.ReturnSave})
	k := m.storeCall(imap.NumSet{Saved: true}, change)
	out := &Stored{}
	if err := m.c.start(ctx, find, k); err != nil {
		return out, err
	}
	if err := m.c.wait(ctx, find); err != nil {
		m.c.abandon(k)
		return out, err
	}
	err := m.c.wait(ctx, k)
	out.add(k)
	return out, err
}
