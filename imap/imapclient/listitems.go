package imapclient

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
)

// listAhead is how many commands for single mailboxes are sent ahead of the answers.
const listAhead = 64

// rest asks for what one LIST could not return: by commands for each mailbox, many in
// flight. The first failure is returned, after the other mailboxes have been asked
// about.
func (l *listing) rest(ctx context.Context) error {
	c, o, in := l.c, &l.o, l.cmd.Return
	type asked struct {
		k   *call
		set func()
	}
	var flying []asked
	var failed error
	take := func() {
		a := flying[0]
		flying = flying[1:]
		if err := c.wait(ctx, a.k); err != nil {
			failed = first(failed, err)
		} else {
			a.set()
		}
	}
	ask := func(k *call, set func()) error {
		for len(flying) >= listAhead || len(flying) > 0 && flying[0].k.isDone() {
			take()
		}
		if err := c.start(ctx, k); err != nil {
			return err
		}
		flying = append(flying, asked{k, set})
		return nil
	}
	for i := range l.entries {
		e := &l.entries[i]
		if !e.Selectable() || e.Has(imap.AttrRemote) {
			continue
		}
		var err error
		if len(o.Status) > 0 && in&imap.ReturnStatus == 0 {
			k, data := c.statusCall(e.Name, o.Status)
			err = ask(k, func() { e.Status = *data })
		}
		if len(o.Metadata) > 0 && in&imap.ReturnMetadata == 0 && err == nil {
			k, data := c.metadataCall(&imap.GetMetadata{Mailbox: e.Name, Entries: o.Metadata})
			err = ask(k, func() { e.Metadata = *data })
		}
		if o.Rights && in&imap.ReturnMyRights == 0 && err == nil {
			k, data := c.myRightsCall(e.Name)
			err = ask(k, func() {
				if *data != nil {
					e.Rights = (*data).Rights
				}
			})
		}
		if err != nil {
			failed = first(failed, err)
			break
		}
		if errors.Is(failed, ErrClosed) {
			break
		}
	}
	for len(flying) > 0 {
		take()
	}
	return failed
}

func first(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// answersMetadata reports whether a METADATA response has entries that were asked
// for, or entries below them.
func answersMetadata(r *imap.MetadataData, names []string) bool {
	return slices.ContainsFunc(r.Entries, func(x imap.MetadataEntry) bool {
		return slices.ContainsFunc(names, func(n string) bool {
			return len(x.Name) >= len(n) && strings.EqualFold(x.Name[:len(n)], n)
		})
	})
}
