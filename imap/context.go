package imap

// CancelUpdate is CANCELUPDATE: it ends the updates of the commands with these
// tags (RFC 5267 §4.3.5).
type CancelUpdate struct{ Tags []string }

func (*CancelUpdate) Name() string { return "CANCELUPDATE" }

// A SearchUpdate is a change of a search's result: ADDTO, or REMOVEFROM with
// Remove (RFC 5267 §4.3).
type SearchUpdate struct {
	Remove bool

	// Position is where in the result the first number is inserted, or removed.
	// Positions start at 1. Zero, which answers SEARCH only, means the places
	// that the order of the mailbox gives them.
	Position uint32
	Nums     NumSet
}
