package imapclient

import (
	"context"
	"errors"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// Expunge removes those messages of the set that have \Deleted, and no others (RFC
// 4315 §2.1). It returns which were removed, as far as the server tells.
//
// Where the server has no UIDPLUS, \Deleted is taken off the other messages that
// have it, and set again after EXPUNGE: a crash in between leaves them without the
// flag. See EmulateExpunge.
func (m *Mailbox) Expunge(ctx context.Context, set Set) (mailbox.UIDSet, error) {
	c := m.c
	if !c.has(imap.CapUIDPlus) && c.o.NoEmulation&EmulateExpunge != 0 {
		return mailbox.UIDSet{}, &UnsupportedError{Cap: imap.CapUIDPlus, What: "expunging some messages"}
	}
	uids, err := m.resolve(ctx, set)
	if err != nil || uids.IsEmpty() {
		return mailbox.UIDSet{}, err
	}
	// That the removed ones may be named, the view must be known, unless the server
	// names them itself.
	if !c.Enabled().Has(imap.CapQResync) {
		if err := m.load(ctx); err != nil {
			return mailbox.UIDSet{}, err
		}
	}
	if !c.has(imap.CapUIDPlus) {
		return m.expungeOthersKept(ctx, uids)
	}
	var gone mailbox.UIDSet
	for _, part := range splitSet(uids, c.maxSet(), c.most()) {
		k := m.newCall(&imap.Expunge{UID: true, Set: imap.UIDNumSet(part)})
		k.name = "UID EXPUNGE"
		some, err := m.expunge(ctx, k, part)
		gone = gone.Union(some)
		if err != nil {
			return gone, err
		}
	}
	return gone, nil
}

// Delete marks the messages of the set as deleted and expunges them.
func (m *Mailbox) Delete(ctx context.Context, set Set) (mailbox.UIDSet, error) {
	uids, err := m.resolve(ctx, set)
	if err != nil || uids.IsEmpty() {
		return mailbox.UIDSet{}, err
	}
	if err := m.AddFlags(ctx, UIDSet(uids), mailbox.FlagDeleted); err != nil {
		return mailbox.UIDSet{}, err
	}
	return m.Expunge(ctx, UIDSet(uids))
}

// expunge sends EXPUNGE or UID EXPUNGE, and returns which of these messages have
// gone meanwhile.
func (m *Mailbox) expunge(ctx context.Context, k *call, of mailbox.UIDSet) (mailbox.UIDSet, error) {
	c := m.c
	var before, gone mailbox.UIDSet
	k.take = func(resp grammar.Response) bool {
		if v, ok := resp.(*imap.VanishedData); ok && !v.Earlier { // RFC 7162 §3.2.10.2
			gone = gone.Union(v.UIDs.Intersect(of))
		}
		return false // it concerns the mailbox too
	}
	c.mu.Lock()
	if m.view != nil {
		before = m.view.set().Intersect(of)
	}
	c.mu.Unlock()
	err := c.run(ctx, k)
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.view != nil {
		gone = gone.Union(before.Subtract(m.view.set()))
	}
	return gone, err
}

func (m *Mailbox) expungeOthersKept(ctx context.Context, uids mailbox.UIDSet) (mailbox.UIDSet, error) {
	marked, err := m.Search(ctx, search.Flag{Flag: mailbox.FlagDeleted}, nil)
	if err != nil {
		return mailbox.UIDSet{}, err
	}
	others := marked.UIDs.Subtract(uids)
	if !others.IsEmpty() {
		if err := m.RemoveFlags(ctx, UIDSet(others), mailbox.FlagDeleted); err != nil {
			return mailbox.UIDSet{}, err
		}
	}
	k := m.newCall(&imap.Expunge{})
	gone, err := m.expunge(ctx, k, uids)
	if !others.IsEmpty() {
		// Even if ctx has ended, the others get their flag back.
		back, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.c.o.Timeouts.Done)
		defer cancel()
		if failed := m.AddFlags(back, UIDSet(others), mailbox.FlagDeleted); failed != nil {
			err = errors.Join(err, &StepError{Command: "UID EXPUNGE", Step: "STORE", State: `other messages have lost \Deleted`, Err: failed})
		}
	}
	return gone, err
}
