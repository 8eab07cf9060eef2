package mailbox

// Info describes a mailbox.
type Info struct {
	ID          string // unique in the account, never used again, stable over renames; RFC 8474 objectid syntax
	Name        string
	UIDValidity uint32 // above zero; see RFC 3501 §2.3.1.1
	SpecialUse  SpecialUse
	Subscribed  bool
	NonExistent bool // only a subscription: no mailbox has the name, ID, UIDValidity and Access are empty

	// Access is what the user may do, known before it is tried.
	Access Access

	// Status is nil unless it was asked for with ListStatus, and for a mailbox
	// that the user may not read.
	Status *Status
}

// Status are the counters of a mailbox.
type Status struct {
	Messages      uint32
	Unseen        uint32 // messages without \Seen
	Deleted       uint32 // messages with \Deleted
	FirstUnseen   UID    // the lowest UID without \Seen, zero if there is none
	UIDNext       UID
	UIDValidity   uint32
	HighestModSeq ModSeq // at least 1
	Size          int64  // octets of all messages
}

// State returns the state of the mailbox that the counters are of.
func (s Status) State() State { return State{UIDNext: s.UIDNext, ModSeq: s.HighestModSeq} }
