package mailbox

import "context"

// A Namespacer is an Account that shows mailboxes besides the user's own
// (RFC 2342): those of other users, and shared ones. Account.Mailboxes lists
// those for which the user has RightLookup, with Info.Access; they are opened by
// their full name.
type Namespacer interface {
	// Namespaces returns the namespaces of the account. Servers show an
	// Account without this method as one personal namespace without a prefix.
	Namespaces(ctx context.Context) (Namespaces, error)
}

// Namespaces are the parts of an account's hierarchy. Each is a prefix of
// names, with the separator at its end: "Other Users/" for example. The names
// "Other Users/bob" and below are then mailboxes of bob. The empty prefix
// stands for the user's own mailboxes.
type Namespaces struct {
	Personal, OtherUsers, Shared []string
}
