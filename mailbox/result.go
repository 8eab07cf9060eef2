package mailbox

// A Result says what Append, Copy, Move, Expunge or Replace did. Moved is empty
// if the call changed nothing.
type Result struct {
	// Moved pairs the old and new UIDs of messages, in the order of the
	// operation. Append leaves the Source ranges zero, Expunge the Dest ranges.
	Moved []Moved

	// DestID and DestUIDValidity name the mailbox to which messages were added.
	// Copy and Move set them even if they copied no message.
	DestID          string
	DestUIDValidity uint32

	// Steps are the changes of the mailbox of the call, DestSteps those of
	// another mailbox to which messages were added.
	Steps, DestSteps Steps
}

// Moved is a run of messages: the n-th UID of Source became the n-th of Dest.
// Both have the same length, unless one is zero.
type Moved struct{ Source, Dest UIDRange }

// Add appends a message, to the last run if it continues it. A source or dest of
// zero means none.
func (r *Result) Add(source, dest UID) {
	if n := len(r.Moved); n > 0 {
		if last := &r.Moved[n-1]; last.Source.continues(source) && last.Dest.continues(dest) {
			last.Source.extend()
			last.Dest.extend()
			return
		}
	}
	r.Moved = append(r.Moved, Moved{UIDRange{source, source}, UIDRange{dest, dest}})
}

func (r UIDRange) continues(uid UID) bool {
	return r.Last == 0 && uid == 0 || r.Last != 0 && uid == r.Last+1 && uid != 0
}

func (r *UIDRange) extend() {
	if r.Last != 0 {
		r.Last++
	}
}

// SourceUIDs returns the UIDs that the messages had.
func (r *Result) SourceUIDs() UIDSet {
	return uidsOf(r.Moved, func(m Moved) UIDRange { return m.Source })
}

// DestUIDs returns the UIDs that the messages were given.
func (r *Result) DestUIDs() UIDSet {
	return uidsOf(r.Moved, func(m Moved) UIDRange { return m.Dest })
}

func uidsOf(moved []Moved, side func(Moved) UIDRange) UIDSet {
	ranges := make([]UIDRange, 0, len(moved))
	for _, m := range moved {
		if r := side(m); r.First != 0 {
			ranges = append(ranges, r)
		}
	}
	return UIDSetOfRanges(ranges...)
}

// Len returns the number of messages in the result.
func (r *Result) Len() int {
	n := 0
	for _, m := range r.Moved {
		n += max(m.Source.count(), m.Dest.count())
	}
	return n
}

func (r UIDRange) count() int {
	if r.First == 0 {
		return 0
	}
	return r.Len()
}
