package imapclient

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// ListOptions refine List. Nil means the zero value: all mailboxes, with their
// attributes.
type ListOptions struct {
	Reference string
	Patterns  []string // with "*" and "%"; none: "*"

	// Subscribed and SpecialUse restrict the list to names that are subscribed
	// to, and to mailboxes that have a role (RFC 6154). RecursiveMatch then adds
	// names that match the patterns, and below which there are such names:
	// ListEntry.ChildInfo tells (RFC 5258 §3.5). It has no effect without them.
	Subscribed, SpecialUse bool
	RecursiveMatch         bool

	// Remote adds mailboxes of other servers (RFC 5258 §3.1, RFC 2193). To
	// use one of them is refused with a Referral.
	Remote bool

	// Status, Metadata and Rights are to be returned with each mailbox that can
	// be selected: counters, annotations of these names, and what the user may
	// do. They need no command of their own if the server has LIST-STATUS (RFC
	// 5819), LIST-METADATA (RFC 9590), LIST-MYRIGHTS (RFC 8440); else there is
	// one for each mailbox (see EmulateListItems), sent without waiting. Metadata
	// and rights that the server does not have at all are an UnsupportedError.
	Status   []imap.StatusItem
	Metadata []string
	Rights   bool
}

// A ListEntry is a mailbox, or a name, in a list.
type ListEntry struct {
	Name      string
	Separator byte // between the levels of names; zero: there are none
	Attrs     []imap.MailboxAttr
	Use       mailbox.SpecialUse
	Guessed   bool     // Use is guessed from the name, since the server tells none
	ChildInfo []string // why RecursiveMatch lists the name: "SUBSCRIBED", "SPECIAL-USE"
	OldName   string   // the mailbox was renamed, or the name was normalized (RFC 9051 §6.3.9.7)
	Status    *imap.StatusData
	Metadata  []imap.MetadataEntry
	Rights    imap.Rights
	Unknown   []imap.NamedValue // what else the server tells
}

// Has reports whether the entry has an attribute, in any case of letters.
func (e *ListEntry) Has(attr imap.MailboxAttr) bool {
	return slices.ContainsFunc(e.Attrs, func(a imap.MailboxAttr) bool { return strings.EqualFold(string(a), string(attr)) })
}

// Selectable reports whether the entry can be selected.
func (e *ListEntry) Selectable() bool {
	return !e.Has(imap.AttrNoSelect) && !e.Has(imap.AttrNonExistent) && !e.Has(imap.AttrNoAccess)
}

// List returns mailboxes (RFC 9051 §6.3.9). An error beside entries says what
// could not be read. o may be nil.
//
// Names are decoded. One that the server has encoded wrongly is remembered as it
// came, and named so in later commands.
func (c *Client) List(ctx context.Context, o *ListOptions) ([]ListEntry, error) {
	l, err := c.newListing(o)
	if err != nil {
		return nil, err
	}
	switch {
	case l.o.Subscribed && l.cmd.Select == 0:
		err = l.subscribed(ctx)
	default:
		err = l.list(ctx)
	}
	if err != nil && !isUnreadable(err) {
		return l.entries, err
	}
	if l.whole() {
		guessUses(l.entries)
	}
	if l.o.SpecialUse && l.cmd.Select&imap.SelectSpecialUse == 0 {
		l.entries = slices.DeleteFunc(l.entries, func(e ListEntry) bool { return e.Use == 0 })
	}
	return l.entries, first(err, l.rest(ctx))
}

// isUnreadable reports whether a command was done, but a part of its answer could not
// be understood.
func isUnreadable(err error) bool {
	var e *ResponseError
	return errors.As(err, &e) && !errors.Is(err, ErrClosed)
}

// A listing is a List under way.
type listing struct {
	c       *Client
	o       ListOptions
	cmd     imap.List // what one command can do
	entries []ListEntry
	index   map[string]int
}

// newListing decides what LIST is to do.
func (c *Client) newListing(o *ListOptions) (*listing, error) {
	l := &listing{c: c, index: map[string]int{}}
	if o != nil {
		l.o = *o
	}
	o, cmd := &l.o, &l.cmd
	cmd.Reference, cmd.Patterns = o.Reference, o.Patterns
	if len(cmd.Patterns) == 0 {
		cmd.Patterns = []string{"*"}
	}
	extended, uses := c.has(imap.CapListExtended), c.has(imap.CapSpecialUse)
	if extended {
		l.extend(uses)
	}
	switch {
	case o.Remote && !extended && !c.has(imap.CapMailboxReferrals):
		return nil, &UnsupportedError{Cap: imap.CapMailboxReferrals, What: "mailboxes of other servers"}
	case o.SpecialUse && cmd.Select&imap.SelectSpecialUse == 0 && (o.RecursiveMatch || c.o.NoEmulation&EmulateListItems != 0):
		return nil, &UnsupportedError{Cap: imap.CapSpecialUse, What: "a list of the mailboxes with a role"}
	case len(o.Metadata) > 0 && !c.has(imap.CapMetadata):
		return nil, &UnsupportedError{Cap: imap.CapMetadata, What: "annotations in a list"}
	case o.Rights && !c.has(imap.CapACL):
		return nil, &UnsupportedError{Cap: imap.CapACL, What: "rights in a list"}
	}
	for _, x := range [...]struct {
		wanted bool
		cap    imap.Cap
		opt    imap.ListReturn
	}{
		{len(o.Status) > 0, imap.CapListStatus, imap.ReturnStatus},
		{len(o.Metadata) > 0, imap.CapListMetadata, imap.ReturnMetadata},
		{o.Rights, imap.CapListMyRights, imap.ReturnMyRights},
	} {
		switch {
		case !x.wanted:
		case c.has(x.cap):
			cmd.Return |= x.opt
		case c.o.NoEmulation&EmulateListItems != 0:
			return nil, &UnsupportedError{Cap: x.cap, What: "counters, annotations or rights in a list"}
		}
	}
	if cmd.Return&imap.ReturnStatus != 0 {
		cmd.Status = o.Status
	}
	if cmd.Return&imap.ReturnMetadata != 0 {
		cmd.Metadata = o.Metadata
	}
	return l, nil
}

// extend sets options of LIST-EXTENDED (RFC 5258 §3).
func (l *listing) extend(uses bool) {
	cmd, o := &l.cmd, &l.o
	cmd.Return |= imap.ReturnChildren | imap.ReturnSubscribed
	if uses {
		cmd.Return |= imap.ReturnSpecialUse
	}
	if o.Subscribed {
		cmd.Select |= imap.SelectSubscribed
	}
	if o.SpecialUse && uses {
		cmd.Select |= imap.SelectSpecialUse
	}
	if o.RecursiveMatch && cmd.Select != 0 {
		cmd.Select |= imap.SelectRecursiveMatch
	}
	if o.Remote {
		cmd.Select |= imap.SelectRemote
	}
}

// whole reports whether all mailboxes are listed, so that the roles that the server
// tells are in the list.
func (l *listing) whole() bool {
	return l.o.Reference == "" && slices.Contains(l.cmd.Patterns, "*") && !l.o.Subscribed && l.cmd.Select&imap.SelectSpecialUse == 0
}

// list sends LIST, one command a pattern if the server has no more.
func (l *listing) list(ctx context.Context) error {
	if len(l.cmd.Patterns) > 1 && !l.c.has(imap.CapListExtended) {
		var failed error
		for _, p := range l.cmd.Patterns {
			one := l.cmd
			one.Patterns = []string{p}
			err := l.c.run(ctx, l.call(&one))
			if failed = first(failed, err); err != nil && !isUnreadable(err) {
				return err
			}
		}
		return failed
	}
	return l.c.run(ctx, l.call(&l.cmd))
}

// call returns the call of a LIST, or of what the server has instead.
func (l *listing) call(cmd *imap.List) *call {
	var k *call
	switch {
	case cmd.Select == 0 && l.o.Remote:
		k = newCall(&imap.RList{Reference: cmd.Reference, Pattern: cmd.Patterns[0]})
	case l.xlist():
		// Gmail's, before there was SPECIAL-USE.
		k = newCall(&imap.Raw{Command: "XLIST", Args: []imap.Value{imap.MailboxName(cmd.Reference), imap.MailboxName(cmd.Patterns[0])}})
	default:
		k = newCall(cmd)
	}
	k.kind = "LIST"
	k.take = l.take
	return k
}

// xlist reports whether XLIST tells roles, and nothing else does.
func (l *listing) xlist() bool {
	return l.c.has("XLIST") && !l.c.has(imap.CapSpecialUse) && !l.c.has(imap.CapListExtended)
}

// take takes the responses to LIST. The reader calls it.
func (l *listing) take(resp grammar.Response) bool {
	switch r := resp.(type) {
	case *imap.ListData:
		l.add(l.c.entry(r))
		return true
	case *imap.StatusData:
		if i, ok := l.index[r.Mailbox]; ok && l.cmd.Return&imap.ReturnStatus != 0 && answersStatus(r, l.cmd.Status) {
			l.entries[i].Status = r
			return true
		}
	case *imap.MetadataData:
		if i, ok := l.index[r.Mailbox]; ok && l.cmd.Return&imap.ReturnMetadata != 0 && answersMetadata(r, l.cmd.Metadata) {
			l.entries[i].Metadata = append(l.entries[i].Metadata, r.Entries...)
			return true
		}
	case *imap.MyRightsData:
		if i, ok := l.index[r.Mailbox]; ok && l.cmd.Return&imap.ReturnMyRights != 0 {
			l.entries[i].Rights = r.Rights
			return true
		}
	}
	return false
}

// add adds an entry, unless another pattern has matched it.
func (l *listing) add(e ListEntry) {
	if _, ok := l.index[e.Name]; ok {
		return
	}
	l.index[e.Name] = len(l.entries)
	l.entries = append(l.entries, e)
}

// entry makes an entry of a response. A name that the server has encoded wrongly is
// remembered as it came, for the commands that name the mailbox. mu is held.
func (c *Client) entry(r *imap.ListData) ListEntry {
	e := ListEntry{Name: r.Mailbox, Separator: r.Separator, Attrs: r.Attrs, ChildInfo: r.ChildInfo, OldName: r.OldName, Unknown: r.Unknown}
	for _, a := range r.Attrs {
		u, ok := mailbox.ParseSpecialUse(string(a))
		if !ok {
			u = xlistUses[strings.ToLower(string(a))]
		}
		e.Use |= u
		if strings.EqualFold(string(a), `\Inbox`) {
			e.Name = "INBOX" // XLIST translates the name, which SELECT does not know
			return e
		}
	}
	c.keepName(r)
	return e
}

func (c *Client) keepName(r *imap.ListData) {
	if c.utf8.Load() || r.Raw == "" || len(r.Raw) > maxRawName || strings.EqualFold(r.Raw, "INBOX") || imap.EncodeUTF7(r.Mailbox) == r.Raw {
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

// forgetName forgets how the server has encoded a name that no mailbox has any
// more. mu is held.
func (c *Client) forgetName(name string) {
	old := c.rawNames.Load()
	if old == nil {
		return
	}
	if _, ok := (*old)[name]; !ok {
		return
	}
	names := map[string]string{}
	for k, v := range *old {
		if k != name {
			names[k] = v
		}
	}
	c.rawNames.Store(&names)
}

// Bounds of what is remembered of wrongly encoded names: how many, and octets of each.
const (
	maxRawNames = 1000
	maxRawName  = 4096
)
