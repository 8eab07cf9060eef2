package mailbox

// Info describes a mailbox.
type Info struct {
	ID          string // unique in the account, never used again, kept by renames; RFC 8474 objectid syntax
	Name        string
	UIDValidity uint32 // above zero; see RFC 3501 §2.3.1.1
	SpecialUse  SpecialUse
	Subscribed  bool
	NonExistent bool // only a subscription: the name has no mailbox; ID, UIDValidity and Access are empty

	// Access says what the user may do.
	Access Access

	// Status is set if it was requested with ListStatus and the user may read
	// the mailbox.
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

// State returns the state of the mailbox to which the counters belong.
func (s Status) State() State { return State{UIDNext: s.UIDNext, ModSeq: s.HighestModSeq} }
