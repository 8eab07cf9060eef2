package imapclient

import (
	"context"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
)

// subscribed lists what is subscribed to where LIST has no options, by LSUB (RFC
// 3501 §6.3.9), or RLSUB (RFC 2193 §5.2). Its attributes mean little: those of the
// mailboxes come from LIST, in the same flight, and a name that LIST does not have
// is a mailbox that does not exist.
func (l *listing) subscribed(ctx context.Context) error {
	all := &listing{c: l.c, o: l.o, cmd: l.cmd, index: map[string]int{}}
	for _, p := range l.cmd.Patterns {
		one := l.cmd
		one.Patterns = []string{p}
		sub, list := l.lsubCall(p), all.call(&one)
		if err := l.c.start(ctx, sub, list); err != nil {
			return err
		}
		err := l.c.wait(ctx, sub)
		if e := l.c.wait(ctx, list); err == nil {
			err = e
		}
		if err != nil {
			return err
		}
	}
	for i := range l.entries {
		e := &l.entries[i]
		more := []imap.MailboxAttr{imap.AttrSubscribed}
		if len(e.ChildInfo) > 0 {
			more = nil
		}
		if j, ok := all.index[e.Name]; ok {
			found := all.entries[j]
			found.ChildInfo = e.ChildInfo
			*e = found
		} else {
			more = append(more, imap.AttrNonExistent)
		}
		e.Attrs = append(e.Attrs, more...)
	}
	return nil
}

func (l *listing) lsubCall(pattern string) *call {
	k := newCall(&imap.LSub{Reference: l.o.Reference, Pattern: pattern})
	if l.o.Remote {
		k = newCall(&imap.RLSub{Reference: l.o.Reference, Pattern: pattern})
	}
	k.kind = "LSUB"
	k.take = func(resp grammar.Response) bool {
		r, ok := resp.(*grammar.LSub)
		if !ok {
			return false
		}
		e := l.c.entry(&r.ListData)
		// With "%", \Noselect says that only names below are subscribed to.
		if e.Has(imap.AttrNoSelect) && strings.HasSuffix(pattern, "%") {
			if !l.o.RecursiveMatch {
				return true
			}
			e.ChildInfo = []string{"SUBSCRIBED"}
		}
		l.add(e)
		return true
	}
	return k
}
