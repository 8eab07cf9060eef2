package mailbox

import "slices"

// A State is a point in the history of a mailbox: what a reader remembers of
// it. The zero State comes before all history.
type State struct {
	UIDNext UID    // no message below it will appear that is not there
	ModSeq  ModSeq // every change up to it has been seen
}

// A Snapshot is the contents of a mailbox at an instant.
type Snapshot struct {
	State    State
	UIDs     UIDSet
	Keywords []Flag // every keyword that messages have, sorted; perhaps some that they had before
}

// Changes are what happened in a mailbox after a state, as of one instant. What
// the messages have become is read with Messages: it may be newer than State,
// and is then part of the next Changes too.
type Changes struct {
	State    State  // to be passed to the next call
	New      UIDSet // messages with a UID from the UIDNext of the state asked about
	Changed  UIDSet // messages below it whose ModSeq is above that of the state
	Vanished UIDSet // may hold UIDs that the caller never knew of
}

// A Step is a change that one call made: it took the mailbox from one ModSeq
// to another, with no other change between.
type Step struct{ From, To ModSeq }

// Steps are the changes that one call made, ascending. A store that does a
// large change in slices, so as not to delay others, makes several, which
// count as one where nothing came between (see Add).
type Steps []Step

// Add puts a later step at the end, as part of the last one where it begins
// where that ends. A step to where it began is none.
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

// Has reports whether a change with that ModSeq is among the steps: a reader
// who finds a message with it need not be told what he did himself.
func (s Steps) Has(m ModSeq) bool {
	return slices.ContainsFunc(s, func(t Step) bool { return t.From < m && m <= t.To })
}

// Advance returns where a view of the mailbox at a ModSeq is after the steps. ok
// is false where changes of others lie between: then the view must ask
// Mailbox.Changes.
func (s Steps) Advance(m ModSeq) (to ModSeq, ok bool) {
	switch {
	case len(s) == 0:
		return m, true
	case len(s) == 1 && s[0].From == m:
		return s[0].To, true
	}
	return m, false
}
