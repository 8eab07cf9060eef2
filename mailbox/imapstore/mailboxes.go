package imapstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// Create implements [mailbox.Account]. Where the server can't give a new mailbox its
// role (RFC 6154 §3), it is created without. Some servers create superiors too.
func (h *handle) Create(ctx context.Context, name string, opts *mailbox.CreateOptions) (mailbox.Info, error) {
	name = mailbox.CanonicalName(name)
	if err := h.check(ctx); err != nil {
		return mailbox.Info{}, err
	}
	if err := mailbox.ValidName(name, h.Limits()); err != nil {
		return mailbox.Info{}, err
	}
	if name == mailbox.Inbox {
		return mailbox.Info{}, wrap("create", name, mailbox.ErrExist)
	}
	var use []mailbox.SpecialUse
	if opts != nil && opts.SpecialUse&mailbox.SpecialUses != 0 && h.has(imap.CapCreateSpecialUse) {
		use = append(use, opts.SpecialUse&mailbox.SpecialUses)
	}
	var info mailbox.Info
	err := h.client(ctx, false, func(c *imapclient.Client) error {
		return unsent(c.Create(ctx, h.server(name), use...))
	})
	if err == nil || mayHaveBeenDone(err) {
		h.tell(mailbox.Event{Kind: mailbox.EventMailboxes})
	}
	if err == nil {
		err = h.client(ctx, true, func(c *imapclient.Client) error {
			found, err := h.look(ctx, c, name)
			if err == nil {
				info = found.info(0)
			}
			return err
		})
	}
	return info, wrap("create", name, err)
}

// Rename implements [mailbox.Account]. If from is only a superior, and the server
// does not rename those, the inferiors are renamed one by one.
func (h *handle) Rename(ctx context.Context, from, to string) error {
	from, to = mailbox.CanonicalName(from), mailbox.CanonicalName(to)
	if err := h.check(ctx); err != nil {
		return err
	}
	if err := mailbox.ValidName(to, h.Limits()); err != nil {
		return err
	}
	switch {
	case from == mailbox.Inbox:
		return fmt.Errorf("imapstore: %w: %s can't be renamed", mailbox.ErrInvalidName, from)
	case strings.HasPrefix(to, from+"/"):
		return fmt.Errorf("imapstore: %w: %q is below %q", mailbox.ErrInvalidName, to, from)
	case from == to || to == mailbox.Inbox:
		return h.taken(ctx, from, to)
	}
	err := h.client(ctx, false, func(c *imapclient.Client) error {
		err := unsent(c.Rename(ctx, h.server(from), h.server(to)))
		if errors.Is(err, mailbox.ErrNotExist) {
			return h.renameInferiors(ctx, c, from, to, err)
		}
		if err == nil {
			h.renamed(from, to)
		}
		return err
	})
	if err == nil || mayHaveBeenDone(err) {
		h.tell(mailbox.Event{Kind: mailbox.EventMailboxes})
	}
	return wrap("rename", from, err)
}

// taken returns the error of a renaming to a name that exists.
func (h *handle) taken(ctx context.Context, from, to string) error {
	err := h.client(ctx, true, func(c *imapclient.Client) error {
		_, err := h.look(ctx, c, from)
		return err
	})
	if err == nil {
		err = mailbox.ErrExist
	}
	return wrap("rename to", to, err)
}

// renameInferiors renames the inferiors of a superior that is no mailbox, and
// returns refused if there are none.
func (h *handle) renameInferiors(ctx context.Context, c *imapclient.Client, from, to string, refused error) error {
	list, err := h.list(ctx, c, 0, "")
	if err != nil {
		return err
	}
	taken := map[string]bool{}
	var below []string
	for i := range list {
		taken[list[i].name] = true
		if strings.HasPrefix(list[i].name, from+"/") && !list[i].missing {
			below = append(below, list[i].name)
		}
		if list[i].name == from && !list[i].missing {
			return refused
		}
	}
	if len(below) == 0 {
		return refused
	}
	for _, name := range below {
		dest := to + name[len(from):]
		if err := mailbox.ValidName(dest, h.Limits()); err != nil {
			return err
		}
		if taken[dest] {
			return mailbox.ErrExist
		}
	}
	// Superiors come first in the list, and take their inferiors along.
	for len(below) > 0 {
		name := below[0]
		if err := c.Rename(ctx, h.server(name), h.server(to+name[len(from):])); err != nil {
			return err
		}
		h.renamed(name, to+name[len(from):])
		below = slices.DeleteFunc(below, func(s string) bool { return s == name || strings.HasPrefix(s, name+"/") })
	}
	return nil
}

// renamed lets handles follow their mailboxes.
func (a *account) renamed(from, to string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.names.renamed(from)
	for _, b := range a.boxes {
		if b.gone || b.name != from && !strings.HasPrefix(b.name, from+"/") {
			continue
		}
		delete(a.alias, place{b.name, b.validity})
		b.name = to + b.name[len(from):]
		if !b.told && derivedID(b.name, b.validity) != b.id {
			a.alias[place{b.name, b.validity}] = b.id
		}
	}
}

// Delete implements [mailbox.Account].
func (h *handle) Delete(ctx context.Context, name string) error {
	name = mailbox.CanonicalName(name)
	if err := h.check(ctx); err != nil {
		return err
	}
	if name == mailbox.Inbox {
		return fmt.Errorf("imapstore: %w: %s can't be deleted", mailbox.ErrInvalidName, name)
	}
	err := h.client(ctx, false, func(c *imapclient.Client) error {
		err := unsent(c.Delete(ctx, h.server(name)))
		if refused, _ := isRefusal(err); refused && !errors.Is(err, mailbox.ErrNotExist) {
			// It may be a superior that is no mailbox.
			if _, lerr := h.look(ctx, c, name); errors.Is(lerr, mailbox.ErrNotExist) {
				return errors.Join(mailbox.ErrNotExist, err)
			}
		}
		return err
	})
	switch {
	case err == nil:
		h.deleted(name)
	case mayHaveBeenDone(err):
		h.tell(mailbox.Event{Kind: mailbox.EventMailboxes})
	}
	return wrap("delete", name, err)
}

func (a *account) deleted(name string) {
	a.mu.Lock()
	a.deletions++
	delete(a.names.noted, name)
	var gone []string
	for id, b := range a.boxes {
		if b.name == name && !b.gone {
			b.gone = true
			delete(a.boxes, id)
			delete(a.alias, place{b.name, b.validity})
			gone = append(gone, id)
		}
	}
	a.recent = slices.DeleteFunc(a.recent, func(b *box) bool { return b.gone })
	a.mu.Unlock()
	a.tell(mailbox.Event{Kind: mailbox.EventMailboxes})
	for _, id := range gone {
		a.tell(mailbox.Event{MailboxID: id, Kind: mailbox.EventVanished})
	}
}

// Subscribe implements [mailbox.Account].
func (h *handle) Subscribe(ctx context.Context, name string, on bool) error {
	name = mailbox.CanonicalName(name)
	if err := h.check(ctx); err != nil {
		return err
	}
	if on {
		if err := mailbox.ValidName(name, h.Limits()); err != nil {
			return err
		}
	}
	err := h.client(ctx, true, func(c *imapclient.Client) error {
		if on {
			return c.Subscribe(ctx, h.server(name))
		}
		err := c.Unsubscribe(ctx, h.server(name))
		if refused, _ := isRefusal(err); refused {
			// Some servers refuse it for a name that is not subscribed to.
			list, lerr := h.list(ctx, c, 0, "")
			if lerr == nil && !slices.ContainsFunc(list, func(f found) bool { return f.name == name && f.subscribed }) {
				return nil
			}
		}
		return err
	})
	if err == nil || mayHaveBeenDone(err) {
		h.tell(mailbox.Event{Kind: mailbox.EventMailboxes})
	}
	return wrap("subscribe to", name, err)
}
