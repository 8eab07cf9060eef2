package mailbox

import "slices"

// A State is a point in the history of a mailbox, which a reader remembers. The
// zero State is before all history.
type State struct {
	UIDNext UID    // no further message below it will appear
	ModSeq  ModSeq // every change up to it has been seen
}

// A Snapshot is the contents of a mailbox at an instant.
type Snapshot struct {
	State    State
	UIDs     UIDSet
	Keywords []Flag // every keyword that messages have, sorted; possibly some that they no longer have
}

// Changes are the changes of a mailbox after a state, as of one instant. Messages
// yields the changed messages: they may be newer than State, and are then part of
// the next Changes too.
type Changes struct {
	State    State  // for the next call
	New      UIDSet // messages with a UID of at least the UIDNext of the given state
	Changed  UIDSet // messages below it whose ModSeq is higher than that of the given state
	Vanished UIDSet // may include UIDs that the caller never saw
}

// A Step is a change that one call made: it brought the mailbox from one ModSeq
// to another, with no other change in between.
type Step struct{ From, To ModSeq }

// Steps are the changes that one call made, ascending. A store that makes a large
// change in slices, so as not to delay other calls, makes several steps, which
// are joined if no other change came in between (see Add).
type Steps []Step

// Add appends a later step, and joins it with the last one if it begins where
// that ends. It ignores a step whose From and To are equal.
func (s *Steps) Add(step Step) {
	if step.To == step.From {
		return
	}
	if n := len(*s); n > 0 && (*s)[n-1].To == step.From {
		(*s)[n-1].To = step.To
		return
	}
	*s = append(*s, step)
}

// UnknownSteps is what a store returns for a call that has changed something, if it
// can't tell what other changes lie between: Advance then returns false for a view
// at any ModSeq but zero, and Has false for whatever such a view can meet.
func UnknownSteps() Steps { return Steps{{From: 0, To: 1}} }

// Has reports whether a change with that ModSeq is among the steps: the caller
// that made the change need not be told of a message that has it.
func (s Steps) Has(m ModSeq) bool {
	return slices.ContainsFunc(s, func(t Step) bool { return t.From < m && m <= t.To })
}

// Advance returns the ModSeq of a view at ModSeq m after the steps. ok is false
// if other changes came in between: the view must then call Mailbox.Changes.
func (s Steps) Advance(m ModSeq) (to ModSeq, ok bool) {
	switch {
	case len(s) == 0:
		return m, true
	case len(s) == 1 && s[0].From == m:
		return s[0].To, true
	}
	return m, false
}
