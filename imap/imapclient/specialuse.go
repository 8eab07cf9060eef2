package imapclient

import (
	"context"
	"strings"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// wellKnown are names that mailboxes with a role have where the server tells no
// roles.
var wellKnown = map[string]mailbox.SpecialUse{
	"sent": mailbox.UseSent, "sent items": mailbox.UseSent, "sent messages": mailbox.UseSent, "sent mail": mailbox.UseSent, "sent-mail": mailbox.UseSent,
	"drafts": mailbox.UseDrafts, "draft": mailbox.UseDrafts,
	"trash": mailbox.UseTrash, "deleted items": mailbox.UseTrash, "deleted messages": mailbox.UseTrash, "deleted": mailbox.UseTrash, "bin": mailbox.UseTrash,
	"junk": mailbox.UseJunk, "spam": mailbox.UseJunk, "junk email": mailbox.UseJunk, "junk e-mail": mailbox.UseJunk, "junk mail": mailbox.UseJunk, "bulk mail": mailbox.UseJunk,
	"archive": mailbox.UseArchive, "archives": mailbox.UseArchive,
}

// xlistUses are the attributes of XLIST that RFC 6154 has given other names, in lower
// case.
var xlistUses = map[string]mailbox.SpecialUse{
	`\allmail`: mailbox.UseAll, `\spam`: mailbox.UseJunk, `\starred`: mailbox.UseFlagged,
}

// guessUses gives roles by names, unless the server has told who has them. Of several
// names the one with the fewest levels counts.
func guessUses(entries []ListEntry) {
	var told mailbox.SpecialUse
	for i := range entries {
		told |= entries[i].Use
	}
	type guess struct{ at, depth int }
	best := map[mailbox.SpecialUse]guess{}
	for i := range entries {
		e := &entries[i]
		name, depth := e.Name, 0
		if e.Separator != 0 {
			depth = strings.Count(name, string(rune(e.Separator)))
			name = name[strings.LastIndexByte(name, e.Separator)+1:]
		}
		u := wellKnown[strings.ToLower(name)]
		if u == 0 || told&u != 0 || e.Use != 0 || !e.Selectable() {
			continue
		}
		if b, ok := best[u]; !ok || depth < b.depth {
			best[u] = guess{i, depth}
		}
	}
	for u, b := range best {
		entries[b.at].Use, entries[b.at].Guessed = u, true
	}
}

// FindMailbox returns the name of the mailbox with a role (RFC 6154): by what the
// server tells, else by well-known names. The error is mailbox.ErrNotExist if there
// is none.
func (c *Client) FindMailbox(ctx context.Context, use mailbox.SpecialUse) (string, error) {
	l, err := c.newListing(&ListOptions{SpecialUse: true})
	if err == nil && l.cmd.Select != 0 { // a short answer, if the server tells roles
		if err := l.list(ctx); err != nil {
			return "", err
		}
		if name, ok := withUse(l.entries, use); ok {
			return name, nil
		}
	}
	entries, err := c.List(ctx, nil)
	if err != nil {
		return "", err
	}
	if name, ok := withUse(entries, use); ok {
		return name, nil
	}
	return "", &CommandError{Command: "LIST", Mailbox: use.String(), Err: mailbox.ErrNotExist}
}

func withUse(entries []ListEntry, use mailbox.SpecialUse) (string, bool) {
	for i := range entries {
		if entries[i].Use&use != 0 {
			return entries[i].Name, true
		}
	}
	return "", false
}
