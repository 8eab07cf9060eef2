package imapclient

import (
	"context"
	"slices"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// ListOptions refine List. Nil means the zero value: all mailboxes, with their
// attributes.
type ListOptions struct {
	Reference  string
	Patterns   []string // with "*" and "%"; none: "*"
	Subscribed bool     // only names that are subscribed to

	// Status are the counters to return with each mailbox that can be selected,
	// in one command where the server can do that (RFC 5819).
	Status []imap.StatusItem
}

// A ListEntry is a mailbox, or a name, in a list.
type ListEntry struct {
	Name      string
	Separator byte // between the levels of names; zero: there are none
	Attrs     []imap.MailboxAttr
	Use       mailbox.SpecialUse
	Guessed   bool // Use is guessed from the name, since the server tells none
	ChildInfo []string
	OldName   string
	Status    *imap.StatusData
	Metadata  []imap.MetadataEntry
	Rights    imap.Rights
	Unknown   []imap.NamedValue // what else the server tells
}

// Has reports whether the entry has an attribute.
func (e *ListEntry) Has(attr imap.MailboxAttr) bool {
	return slices.ContainsFunc(e.Attrs, func(a imap.MailboxAttr) bool { return strings.EqualFold(string(a), string(attr)) })
}

// Selectable reports whether the entry can be selected.
func (e *ListEntry) Selectable() bool {
	return !e.Has(imap.AttrNoSelect) && !e.Has(imap.AttrNonExistent)
}

// List returns mailboxes (RFC 9051 §6.3.9). An error beside entries says what
// could not be read. o may be nil.
func (c *Client) List(ctx context.Context, o *ListOptions) ([]ListEntry, error) {
	if o == nil {
		o = &ListOptions{}
	}
	patterns := o.Patterns
	if len(patterns) == 0 {
		patterns = []string{"*"}
	}
	extended := c.has(imap.CapListExtended)
	if o.Subscribed && !extended {
		return c.listSubscribed(ctx, o, patterns)
	}
	cmd := &imap.List{Reference: o.Reference, Patterns: patterns}
	if extended {
		cmd.Return |= imap.ReturnChildren | imap.ReturnSubscribed
		if c.has(imap.CapSpecialUse) {
			cmd.Return |= imap.ReturnSpecialUse
		}
		if o.Subscribed {
			cmd.Select |= imap.SelectSubscribed
		}
	}
	inOne := len(o.Status) > 0 && c.has(imap.CapListStatus)
	if inOne {
		cmd.Return |= imap.ReturnStatus
		cmd.Status = o.Status
	}
	entries, err := c.list(ctx, cmd)
	if err != nil {
		return entries, err
	}
	if len(o.Status) > 0 && !inOne {
		if c.o.NoEmulation&EmulateListItems != 0 {
			return nil, &UnsupportedError{Cap: imap.CapListStatus, What: "counters in a list"}
		}
		err = c.listStatus(ctx, entries, o.Status)
	}
	return entries, err
}

// list sends LIST, one command a pattern if the server has no more.
func (c *Client) list(ctx context.Context, cmd *imap.List) ([]ListEntry, error) {
	if len(cmd.Patterns) > 1 && !c.has(imap.CapListExtended) {
		var out []ListEntry
		for _, p := range cmd.Patterns {
			some, err := c.list(ctx, &imap.List{Reference: cmd.Reference, Patterns: []string{p}})
			if err != nil {
				return out, err
			}
			for _, e := range some {
				if !slices.ContainsFunc(out, func(x ListEntry) bool { return x.Name == e.Name }) {
					out = append(out, e)
				}
			}
		}
		return out, nil
	}
	k := newCall(cmd)
	k.kind = "LIST"
	var out []ListEntry
	index := map[string]int{}
	k.take = func(resp grammar.Response) bool {
		switch r := resp.(type) {
		case *imap.ListData:
			index[r.Mailbox] = len(out)
			out = append(out, c.entry(r))
			return true
		case *imap.StatusData:
			if i, ok := index[r.Mailbox]; ok && cmd.Return&imap.ReturnStatus != 0 {
				out[i].Status = r
				return true
			}
		}
		return false
	}
	err := c.run(ctx, k)
	guessUses(out)
	return out, err
}

// entry makes an entry of a response. A name that the server has encoded wrongly is
// remembered as it came, for the commands that name the mailbox. mu is held.
func (c *Client) entry(r *imap.ListData) ListEntry {
	c.keepName(r)
	e := ListEntry{Name: r.Mailbox, Separator: r.Separator, Attrs: r.Attrs, ChildInfo: r.ChildInfo, OldName: r.OldName, Unknown: r.Unknown}
	for _, a := range r.Attrs {
		if u, ok := mailbox.ParseSpecialUse(string(a)); ok {
			e.Use |= u
		}
	}
	return e
}

func (c *Client) keepName(r *imap.ListData) {
	if c.utf8.Load() || r.Raw == "" || strings.EqualFold(r.Raw, "INBOX") || imap.EncodeUTF7(r.Mailbox) == r.Raw {
		return
	}
	names := map[string]string{}
	if old := c.rawNames.Load(); old != nil {
		if (*old)[r.Mailbox] == r.Raw || len(*old) >= maxRawNames {
			return
		}
		for k, v := range *old {
			names[k] = v
		}
	}
	names[r.Mailbox] = r.Raw
	c.rawNames.Store(&names)
}

// maxRawNames bounds how many wrongly encoded names are remembered.
const maxRawNames = 1000

// listSubscribed lists with LSUB, whose attributes mean little (RFC 3501 §6.3.9).
func (c *Client) listSubscribed(ctx context.Context, o *ListOptions, patterns []string) ([]ListEntry, error) {
	var out []ListEntry
	for _, p := range patterns {
		k := newCall(&imap.LSub{Reference: o.Reference, Pattern: p})
		k.kind = "LSUB"
		k.take = func(resp grammar.Response) bool {
			r, ok := resp.(*grammar.LSub)
			if ok {
				e := c.entry(&r.ListData)
				e.Attrs = append(e.Attrs, imap.AttrSubscribed)
				out = append(out, e)
			}
			return ok
		}
		if err := c.run(ctx, k); err != nil {
			return out, err
		}
	}
	guessUses(out)
	if len(o.Status) > 0 {
		return out, c.listStatus(ctx, out, o.Status)
	}
	return out, nil
}

// listStatus asks for the counters of each mailbox, in one flight.
func (c *Client) listStatus(ctx context.Context, entries []ListEntry, items []imap.StatusItem) error {
	type asked struct {
		k    *call
		data **imap.StatusData
		to   *ListEntry
	}
	var all []asked
	for i := range entries {
		if !entries[i].Selectable() {
			continue
		}
		k, data := c.statusCall(entries[i].Name, items)
		if err := c.start(ctx, k); err != nil {
			return err
		}
		all = append(all, asked{k, data, &entries[i]})
	}
	var failed error
	for _, a := range all {
		if err := c.wait(ctx, a.k); err != nil && failed == nil {
			failed = err
		}
		if a.k.isDone() {
			a.to.Status = *a.data
		}
	}
	return failed
}

// wellKnown are names that mailboxes with a role have where the server tells no
// roles.
var wellKnown = map[string]mailbox.SpecialUse{
	"sent": mailbox.UseSent, "sent items": mailbox.UseSent, "sent messages": mailbox.UseSent, "sent mail": mailbox.UseSent,
	"drafts": mailbox.UseDrafts, "draft": mailbox.UseDrafts,
	"trash": mailbox.UseTrash, "deleted items": mailbox.UseTrash, "deleted messages": mailbox.UseTrash, "bin": mailbox.UseTrash,
	"junk": mailbox.UseJunk, "spam": mailbox.UseJunk, "junk email": mailbox.UseJunk, "junk e-mail": mailbox.UseJunk, "bulk mail": mailbox.UseJunk,
	"archive": mailbox.UseArchive, "archives": mailbox.UseArchive,
}

// guessUses gives roles by names, unless the server has told roles.
func guessUses(entries []ListEntry) {
	var told mailbox.SpecialUse
	for i := range entries {
		told |= entries[i].Use
	}
	for i := range entries {
		e := &entries[i]
		name := e.Name
		if e.Separator != 0 {
			name = name[strings.LastIndexByte(name, e.Separator)+1:]
		}
		if u := wellKnown[strings.ToLower(name)]; u != 0 && told&u == 0 && e.Use == 0 && e.Selectable() {
			e.Use, e.Guessed = u, true
			told |= u
		}
	}
}

// FindMailbox returns the name of the mailbox with a role (RFC 6154): by what the
// server tells, else by well-known names. The error is mailbox.ErrNotExist if there
// is none.
func (c *Client) FindMailbox(ctx context.Context, use mailbox.SpecialUse) (string, error) {
	entries, err := c.List(ctx, nil)
	if err != nil {
		return "", err
	}
	for i := range entries {
		if entries[i].Use&use != 0 {
			return entries[i].Name, nil
		}
	}
	return "", &CommandError{Command: "LIST", Mailbox: use.String(), Err: mailbox.ErrNotExist}
}
