package imap

// A Scope says which mailboxes are meant: the filter-mailboxes of RFC 5465 §6 and
// RFC 7377 §2.2.
type Scope struct {
	Kind      ScopeKind
	Mailboxes []string // of ScopeMailboxes, ScopeSubtree and ScopeSubtreeOne; at least one
}

// ScopeKind is the kind of a Scope.
type ScopeKind uint8

// The scopes. Those of personal mailboxes are about the user's personal
// namespaces.
const (
	ScopeSelected        ScopeKind = iota
	ScopeSelectedDelayed           // NOTIFY only: EXPUNGE responses wait for a command (RFC 5465 §6.1.2)
	ScopePersonal
	ScopeInboxes // personal mailboxes to which messages are delivered
	ScopeSubscribed
	ScopeMailboxes
	ScopeSubtree    // the mailboxes and all below them
	ScopeSubtreeOne // ESEARCH only: the mailboxes and those one level below (RFC 7377 §2.2)
)
