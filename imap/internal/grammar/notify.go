package grammar

import (
	"fmt"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// notifyExt is NOTIFY (RFC 5465). The data items of UPDATE are in contextExt.
func notifyExt() extension {
	return extension{
		caps:     []imap.Cap{imap.CapNotify},
		commands: []row[imap.Command]{command("NOTIFY", readNotify, writeNotify)},
		codes: []row[any]{value("BADEVENT", // §8, unsupported-events-code
			func(d *decoder, events *[]imap.Event) bool {
				return d.SP() && d.List(func() bool { return readEvent(d, events) })
			},
			func(e *wire.Encoder, events *[]imap.Event) {
				writeAll(e.SP(), *events, func(ev imap.Event) { e.Atom(string(ev)) })
			})},
	}
}

func readNotify(d *decoder, c *imap.Notify) bool {
	if !d.SP() {
		return false
	}
	if d.TryKeyword("NONE") {
		return true
	}
	if !d.Keyword("SET") || !d.SP() {
		return false
	}
	if d.TryKeyword("STATUS") {
		c.Status = true
		if !d.SP() {
			return false
		}
	}
	for len(c.Groups) == 0 || d.TrySP() {
		var g imap.EventGroup
		if !d.Element() || !readEventGroup(d, &g) {
			return false
		}
		c.Groups = append(c.Groups, g)
	}
	return d.Err() == nil
}

func readEventGroup(d *decoder, g *imap.EventGroup) bool {
	if !d.Special('(') || !readScope(d, &g.Scope, imap.ScopeSubtreeOne) || !d.SP() {
		return false
	}
	if d.TryKeyword("NONE") {
		return d.Special(')')
	}
	return d.List1(func() bool {
		if !readEvent(d, &g.Events) {
			return false
		}
		if g.Events[len(g.Events)-1] != imap.EventMessageNew || d.Peek() != ' ' || d.PeekAt(1) != '(' {
			return true
		}
		return d.SP() && readFetchItems(d, &g.Items)
	}) && d.Special(')')
}

// readEvent reads the name of an event. A server answers unknown ones with
// BADEVENT, so they are no error here.
func readEvent(d *decoder, events *[]imap.Event) bool {
	var name string
	ok := d.Atom(&name)
	ev := imap.Event(name)
	for _, known := range [...]imap.Event{
		imap.EventMessageNew, imap.EventMessageExpunge, imap.EventFlagChange, imap.EventAnnotationChange,
		imap.EventMailboxName, imap.EventSubscriptionChange, imap.EventMailboxMetadataChange, imap.EventServerMetadataChange,
	} {
		if strings.EqualFold(name, string(known)) {
			ev = known
		}
	}
	*events = append(*events, ev)
	return ok
}

func writeNotify(e *wire.Encoder, c *imap.Notify) {
	if len(c.Groups) == 0 {
		e.Raw(" NONE")
		return
	}
	e.Raw(" SET")
	if c.Status {
		e.Raw(" STATUS")
	}
	for i := range c.Groups {
		writeEventGroup(e.SP(), &c.Groups[i])
	}
}

func writeEventGroup(e *wire.Encoder, g *imap.EventGroup) {
	e.Raw("(")
	writeScope(e, g.Scope, imap.ScopeSubtreeOne)
	e.SP()
	items := g.Items
	if len(g.Events) == 0 {
		e.Raw("NONE")
	} else {
		writeAll(e, g.Events, func(ev imap.Event) {
			e.Atom(string(ev))
			if len(items) > 0 && strings.EqualFold(string(ev), string(imap.EventMessageNew)) {
				writeFetchItems(e.SP(), items)
				items = nil
			}
		})
	}
	if len(items) > 0 {
		e.Fail(fmt.Errorf("imap: data items in an event group without MessageNew"))
	}
	e.Raw(")")
}
