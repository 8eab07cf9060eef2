package imapclient

import (
	"context"
	"slices"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
)

// messageEvents are those of the messages in a mailbox: each needs the others, as
// RFC 5465 §5 says of FlagChange.
var messageEvents = []imap.Event{imap.EventMessageNew, imap.EventMessageExpunge, imap.EventFlagChange}

// notify asks the server to tell unasked what the Watch is about (RFC 5465 §3.1). It
// returns false if the server can't, or does not want to.
func (w *watcher) notify(ctx context.Context) (bool, error) {
	if !w.c.has(imap.CapNotify) {
		return false, nil
	}
	events := slices.Concat(messageEvents, []imap.Event{imap.EventMailboxName, imap.EventSubscriptionChange})
	if w.c.has(imap.CapMetadata) {
		events = append(events, imap.EventMailboxMetadataChange, imap.EventServerMetadataChange)
	}
	for {
		k := newCall(&imap.Notify{Status: true, Groups: w.groups(events)})
		err := w.c.run(ctx, k)
		if err == nil {
			return true, nil
		}
		if !isRefusal(err) {
			return false, err
		}
		fewer := supported(events, k.status)
		if k.status.Code != imap.CodeBadEvent || !slices.Contains(fewer, imap.EventMessageNew) {
			return false, nil
		}
		events = fewer
	}
}

// supported returns those of the events that a server does not refuse by BADEVENT,
// and fewer than there are. The code names all events that the server supports (RFC
// 5465 §5), or, without parentheses, those that it does not (Dovecot 2.3).
func supported(events []imap.Event, r *grammar.StatusLine) []imap.Event {
	drop := func(e imap.Event) bool { return !slices.Contains(messageEvents, e) }
	if known, ok := r.Arg.([]imap.Event); ok {
		drop = func(e imap.Event) bool { return !slices.Contains(known, e) }
	} else if words := strings.Fields(r.Args); len(words) > 0 {
		drop = func(e imap.Event) bool {
			return slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, string(e)) })
		}
	}
	fewer := slices.DeleteFunc(slices.Clone(events), drop)
	if len(fewer) == len(events) {
		return nil
	}
	return fewer
}

// groups returns what NOTIFY asks for. Of the selected mailbox EXPUNGE is delayed, so
// that numbers do not change while a command that names them is on its way (RFC 5465
// §5.3, §6.1.2).
func (w *watcher) groups(events []imap.Event) []imap.EventGroup {
	selected := imap.EventGroup{Scope: imap.Scope{Kind: imap.ScopeSelectedDelayed}, Events: messageEvents}
	if w.o.Fetch != 0 {
		selected.Items, _ = w.request().items(w.c)
	}
	if !slices.Contains(events, imap.EventFlagChange) {
		selected.Events = messageEvents[:2]
	}
	groups := []imap.EventGroup{selected}
	add := func(s imap.Scope) { groups = append(groups, imap.EventGroup{Scope: s, Events: events}) }
	if w.o.Personal {
		add(imap.Scope{Kind: imap.ScopePersonal})
	}
	if w.o.Subscribed {
		add(imap.Scope{Kind: imap.ScopeSubscribed})
	}
	if len(w.o.Mailboxes) > 0 {
		add(imap.Scope{Kind: imap.ScopeMailboxes, Mailboxes: w.o.Mailboxes})
	}
	return groups
}

// selectedOnly makes the server tell what it tells without NOTIFY. (After NOTIFY
// NONE it would tell nothing about the selected mailbox either: RFC 5465 §3.1.)
func selectedOnly() *call {
	return newCall(&imap.Notify{Groups: []imap.EventGroup{{Scope: imap.Scope{Kind: imap.ScopeSelectedDelayed}, Events: messageEvents}}})
}

// overflow stands in the queue of events for NOTIFICATIONOVERFLOW (RFC 5465 §5.8):
// from there on the server tells nothing unasked.
type overflow struct{}
