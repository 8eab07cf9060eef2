package imapstore

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// found is a mailbox as the server lists it.
type found struct {
	box        *box // nil if missing
	name       string
	use        mailbox.SpecialUse
	subscribed bool
	missing    bool // only a subscription
	unreadable bool // the server tells no counters
	status     *imap.StatusData
}

// Mailboxes implements [mailbox.Account]. It is a LIST of all, with counters, and one
// of subscriptions; where the server has no LIST-STATUS (RFC 5819), also a STATUS for
// each mailbox, in one flight.
//
// Info.Status has what the server tells without selecting the mailboxes: FirstUnseen
// is zero if it is not known from an earlier call of Status, and so are Deleted
// without IMAP4rev2 and Size without STATUS=SIZE (RFC 8438).
func (h *handle) Mailboxes(ctx context.Context, want mailbox.ListWant) ([]mailbox.Info, error) {
	if err := h.check(ctx); err != nil {
		return nil, err
	}
	var out []mailbox.Info
	err := h.client(ctx, true, func(c *imapclient.Client) error {
		list, err := h.list(ctx, c, want, "")
		if err != nil {
			return err
		}
		out = make([]mailbox.Info, len(list))
		for i := range list {
			out[i] = list[i].info(want)
		}
		return nil
	})
	return out, wrap("list of mailboxes", "", err)
}

// list lists all mailboxes and subscriptions, ordered by name, or those of one name.
func (a *account) list(ctx context.Context, c *imapclient.Client, want mailbox.ListWant, only string) ([]found, error) {
	o := imapclient.ListOptions{Status: a.statusItems(want&mailbox.ListStatus != 0), Rights: a.has(imap.CapACL)}
	if only != "" {
		o.Patterns = []string{a.server(only)}
	}
	entries, err := c.List(ctx, &o)
	if refused, _ := isRefusal(err); err != nil && (!refused || len(entries) == 0) {
		return nil, err
	}
	for i := range entries {
		if e := &entries[i]; e.Status == nil && e.Selectable() {
			// Cyrus leaves out the mailbox that the connection has selected.
			if e.Status, err = c.Status(ctx, e.Name, o.Status...); err != nil {
				if refused, _ := isRefusal(err); !refused && !errors.Is(err, imapclient.ErrItemMissing) {
					return nil, err
				}
			}
		}
	}
	subscribed, err := c.List(ctx, &imapclient.ListOptions{Patterns: o.Patterns, Subscribed: true})
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	byName := map[string]*found{}
	var list []*found
	for i := range entries {
		e := &entries[i]
		name, ok := a.names.local(e.Name)
		if !ok || only != "" && name != only || byName[name] != nil {
			continue
		}
		if !e.Selectable() {
			if !e.Has(imap.AttrSubscribed) || !e.Has(imap.AttrNonExistent) && only == "" {
				continue
			}
			f := &found{name: name, subscribed: true, missing: true}
			byName[name], list = f, append(list, f)
			continue
		}
		f := &found{name: name, subscribed: e.Has(imap.AttrSubscribed), status: e.Status}
		if !e.Guessed || !a.has(imap.CapSpecialUse) {
			f.use = e.Use
		}
		if f.status == nil {
			f.unreadable, f.status = true, &imap.StatusData{UIDValidity: 1}
		}
		f.box = a.box(name, max(f.status.UIDValidity, 1), f.status.MailboxID)
		f.box.permit(e.Rights)
		byName[name], list = f, append(list, f)
	}
	for i := range subscribed {
		name, ok := a.names.local(subscribed[i].Name)
		if !ok || only != "" && name != only {
			continue
		}
		if f := byName[name]; f != nil {
			f.subscribed = true
			continue
		}
		f := &found{name: name, subscribed: true, missing: true}
		byName[name], list = f, append(list, f)
	}
	slices.SortFunc(list, func(a, b *found) int { return strings.Compare(a.name, b.name) })
	out := make([]found, len(list))
	for i, f := range list {
		out[i] = *f
	}
	return out, nil
}

// look finds one mailbox. The error is mailbox.ErrNotExist if there is none.
func (a *account) look(ctx context.Context, c *imapclient.Client, name string) (found, error) {
	list, err := a.list(ctx, c, 0, name)
	if err != nil {
		return found{}, err
	}
	if len(list) == 0 || list[0].missing {
		return found{}, mailbox.ErrNotExist
	}
	return list[0], nil
}

// statusItems are what identifies a mailbox, with its counters if all is set.
func (a *account) statusItems(all bool) []imap.StatusItem {
	items := []imap.StatusItem{imap.StatusUIDValidity}
	if a.has(imap.CapObjectID) {
		items = append(items, imap.StatusMailboxID)
	}
	if !all {
		return items
	}
	items = append(items, imap.StatusMessages, imap.StatusUnseen, imap.StatusUIDNext)
	if a.has(imap.CapCondStore) {
		items = append(items, imap.StatusHighestModSeq)
	}
	if a.has(imap.CapStatusSize) {
		items = append(items, imap.StatusSize)
	}
	if a.has(imap.CapIMAP4rev2) {
		items = append(items, imap.StatusDeleted)
	}
	return items
}

// info describes the mailbox.
func (f *found) info(want mailbox.ListWant) mailbox.Info {
	if f.missing {
		return mailbox.Info{Name: f.name, Subscribed: true, NonExistent: true}
	}
	info := mailbox.Info{ID: f.box.id, Name: f.name, UIDValidity: f.box.validity, SpecialUse: f.use, Subscribed: f.subscribed}
	info.Access = f.box.mayDo()
	if f.unreadable {
		info.Access.Rights &= mailbox.RightLookup
		return info
	}
	if want&mailbox.ListStatus != 0 {
		st := f.box.listed(f.status)
		info.Status = &st
	}
	return info
}
