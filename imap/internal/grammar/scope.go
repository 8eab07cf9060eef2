package grammar

import (
	"fmt"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// scopeExt is the mailbox specifiers of NOTIFY (RFC 5465 §6) and MULTISEARCH (RFC
// 7377 §2.2).
func scopeExt() extension {
	return extension{
		caps: []imap.Cap{imap.CapNotify, imap.CapMultiSearch},
		scopes: []row[imap.Scope]{
			scope("SELECTED", imap.ScopeSelected, false),
			scope("SELECTED-DELAYED", imap.ScopeSelectedDelayed, false, imap.CapNotify),
			scope("PERSONAL", imap.ScopePersonal, false),
			scope("INBOXES", imap.ScopeInboxes, false),
			scope("SUBSCRIBED", imap.ScopeSubscribed, false),
			scope("MAILBOXES", imap.ScopeMailboxes, true),
			scope("SUBTREE", imap.ScopeSubtree, true),
			scope("SUBTREE-ONE", imap.ScopeSubtreeOne, true, imap.CapMultiSearch),
		},
	}
}

// scope is the row of a scope; named says that mailboxes follow.
func scope(name string, kind imap.ScopeKind, named bool, caps ...imap.Cap) row[imap.Scope] {
	r := row[imap.Scope]{
		name: name, caps: caps, has: func(s *imap.Scope) bool { return s.Kind == kind },
		read: func(d *decoder, s *imap.Scope) bool {
			s.Kind = kind
			return !named || d.SP() && readMailboxes(d, &s.Mailboxes)
		},
	}
	if named {
		r.write = func(e *wire.Encoder, s *imap.Scope) { writeMailboxes(e.SP(), s.Mailboxes) }
	}
	return r
}

// readScope reads a scope. but is the one that the command does not have.
func readScope(d *decoder, s *imap.Scope, but imap.ScopeKind) bool {
	return all().scopes.read(d, s, "mailbox specifier") && (s.Kind != but || d.Expected("mailbox specifier of this command"))
}

func writeScope(e *wire.Encoder, s imap.Scope, but imap.ScopeKind) {
	r := all().scopes.of(&s)
	if r == nil || s.Kind == but {
		e.Fail(fmt.Errorf("imap: scope %d can't be written here", s.Kind))
		return
	}
	r.writeTo(e, &s)
}

// readMailboxes reads one-or-more-mailbox (RFC 5465 §8).
func readMailboxes(d *decoder, names *[]string) bool {
	read := func() bool {
		var name string
		ok := d.Mailbox(&name)
		*names = append(*names, name)
		return ok
	}
	if d.Peek() == '(' {
		return d.List1(read)
	}
	return read()
}

func writeMailboxes(e *wire.Encoder, names []string) {
	switch len(names) {
	case 0:
		e.Fail(fmt.Errorf("imap: scope without a mailbox"))
	case 1:
		e.Mailbox(names[0])
	default:
		writeAll(e, names, func(name string) { e.Mailbox(name) })
	}
}
