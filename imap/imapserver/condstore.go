package imapserver

import (
	"context"
	"slices"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// condStoreExt is CONDSTORE (RFC 7162 §3.1). Every mailbox has mod-sequences, so
// NOMODSEQ is never sent.
func condStoreExt() extension {
	return extension{
		caps:   []imap.Cap{imap.CapCondStore},
		enable: (*Conn).tellHighestModSeq,
		statusItems: map[imap.StatusItem]statusItem{
			imap.StatusHighestModSeq: func(q *statusQuery) error {
				q.turnOn(imap.CapCondStore)
				q.HighestModSeq = &q.st.HighestModSeq
				return nil
			},
		},
		items: map[imap.FetchAtt]fetchItem{
			imap.FetchModSeq: {want: mailbox.WantFlags, write: func(f *fetcher, _ *askedItem, m *mailbox.Message) error {
				grammar.WriteModSeq(&f.enc, m.ModSeq)
				return nil
			}},
		},
		onSelect: (*Conn).selectCondStore,
		onFetch:  (*Conn).fetchChangedSince,
		onStore: func(c *Conn, cmd *imap.Store, change *mailbox.FlagChange) {
			if change.UnchangedSince = cmd.UnchangedSince; change.UnchangedSince != nil {
				c.turnOn(imap.CapCondStore)
			}
		},
		onSearch: (*Conn).searchModSeq,

		withUID: true, // §3.2.4, which servers without QRESYNC should follow too
		withFlags: func(_ *Conn, e *wire.Encoder, entry mailbox.Entry) {
			grammar.WriteItemName(e, imap.FetchModSeq, nil)
			grammar.WriteModSeq(e, entry.ModSeq)
		},
	}
}

// tellHighestModSeq tells the state that the client knows of the selected
// mailbox: with the command that enables CONDSTORE (§3.1), and whenever a mailbox
// is selected after it (§3.1.2.1).
func (c *Conn) tellHighestModSeq() {
	if c.sel != nil {
		c.status(grammar.StatusLine{
			Cond: imap.OK, Code: imap.CodeHighestModSeq, Arg: c.sel.view.state.ModSeq, Text: "highest mod-sequence",
		})
	}
}

func (c *Conn) selectCondStore(cmd *imap.Select, _ mailbox.Status) error {
	switch on := c.enabled.Has(imap.CapCondStore); {
	case on:
		c.tellHighestModSeq()
	case cmd.CondStore:
		c.turnOn(imap.CapCondStore)
	}
	return nil
}

// fetchChangedSince narrows a FETCH to what has changed since a mod-sequence, and
// adds MODSEQ to what it asks for (§3.1.4.1).
func (c *Conn) fetchChangedSince(cmd *imap.Fetch, set *mailbox.UIDSet) error {
	asked := slices.ContainsFunc(cmd.Items, func(it imap.FetchItem) bool { return it.Att == imap.FetchModSeq })
	if cmd.ChangedSince == nil && !asked {
		return nil
	}
	c.turnOn(imap.CapCondStore)
	if cmd.ChangedSince == nil {
		return nil
	}
	if !asked {
		cmd.Items = append(cmd.Items, imap.FetchItem{Att: imap.FetchModSeq})
	}
	ch, err := c.sel.mb.Changes(c.ctx, mailbox.State{UIDNext: mailbox.MaxUID, ModSeq: *cmd.ChangedSince})
	if err != nil {
		return c.selectedGone(err)
	}
	*set = set.Intersect(ch.Changed)
	return c.work(ch.Changed.Len())
}

// searchModSeq adds the highest mod-sequence of the messages found to the
// response of a search for mod-sequences (§3.1.5).
func (c *Conn) searchModSeq(ctx context.Context, cmd *imap.Search, found mailbox.UIDSet, data *imap.SearchData) error {
	for key := range search.Leaves(cmd.Key) {
		switch key.(type) {
		case search.ModSeq, imap.SearchModSeq:
			c.turnOn(imap.CapCondStore)
			_, err := c.readFlags(ctx, found, func(e *mailbox.Entry) error {
				data.ModSeq = max(data.ModSeq, e.ModSeq)
				return nil
			})
			return err
		}
	}
	return nil
}
