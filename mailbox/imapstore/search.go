package imapstore

import (
	"context"
	"time"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

var _ search.Indexer = (*boxHandle)(nil)

// Candidates implements [search.Indexer]: the server searches. Flags, sizes, dates and
// mod-sequences mean the same to every server, except that it may see a date in
// another time zone. Texts do not, so they are searched by the server only with
// Store.TrustSearch.
func (m *boxHandle) Candidates(ctx context.Context, key search.Key, within mailbox.UIDSet) (mailbox.UIDSet, bool, error) {
	if err := m.check(ctx); err != nil {
		return mailbox.UIDSet{}, false, err
	}
	asked, ok := m.question(key)
	if !ok {
		return mailbox.UIDSet{}, false, nil
	}
	var out mailbox.UIDSet
	err := m.b.read(ctx, "search in", func(im *imapclient.Mailbox) error {
		if err := im.CatchUp(ctx); err != nil {
			return err
		}
		found, err := im.Search(ctx, asked, nil)
		if refused, _ := isRefusal(err); refused {
			ok = false // what the server can't do, the caller does
			return nil
		}
		if err == nil {
			out = found.UIDs.Intersect(within)
		}
		return err
	})
	return out, ok && err == nil, err
}

// question returns what to ask the server for, so that it finds at least what the key
// means.
func (m *boxHandle) question(key search.Key) (search.Key, bool) {
	modSeqs := m.b.own.Load() == nil && m.h.has(imap.CapCondStore)
	switch k := key.(type) {
	case search.Flag:
		return k, imap.ValidFlag(k.Flag)
	case search.Size:
		return k, k.N < 1<<32 && k.N >= 0
	case search.ModSeq:
		return k, modSeqs
	case search.EmailID, search.ThreadID:
		return k, m.h.has(imap.CapObjectID)
	case search.Date:
		return wider(k), k.Field == search.InternalDate || k.Field == search.SaveDate && m.h.has(imap.CapSaveDate)
	case search.Header:
		return k, m.h.s.TrustSearch
	case search.Body:
		return k, m.h.s.TrustSearch && k.Value != ""
	case search.Text:
		return k, m.h.s.TrustSearch && k.Value != ""
	}
	return nil, false
}

// wider is a date with a day more at each end.
func wider(k search.Date) search.Key {
	since := search.Date{Field: k.Field, Op: search.DateSince, Day: k.Day.Add(-24 * time.Hour)}
	before := search.Date{Field: k.Field, Op: search.DateBefore, Day: k.Day.Add(48 * time.Hour)}
	switch k.Op {
	case search.DateBefore:
		before.Day = k.Day.Add(24 * time.Hour)
		return before
	case search.DateSince:
		return since
	}
	return search.And{since, before}
}
