package search

import (
	"github.com/posthorn-mail/posthorn/mailbox"
)

// bounds limit the matches of a node within a set of UIDs before any message is
// read: sure ⊆ matches ⊆ maybe. All three may include UIDs that do not exist.
type bounds struct{ sure, maybe mailbox.UIDSet }

// size returns the number of ranges.
func (b bounds) size() int { return len(b.sure.Ranges()) + len(b.maybe.Ranges()) }

// A scope holds the sources of bounds.
type scope struct {
	meter
	box    mailbox.Mailbox // nil if only the keys are used
	unseen *mailbox.UIDSet // where messages without \Seen can be; nil: not asked yet
	asked  int             // calls of the index
}

// maxIndexed limits how often one search calls an index.
const maxIndexed = 64

func (t test) bounds(s *scope, within mailbox.UIDSet) (bounds, error) {
	switch k := t.key.(type) {
	case All:
		return bounds{within, within}, nil
	case UID:
		set := within.Intersect(k.Set)
		return bounds{set, set}, nil
	case Flag:
		if k.Absent && k.Flag.Equal(mailbox.FlagSeen) {
			if err := s.statUnseen(); err != nil {
				return bounds{}, err
			}
			within = within.Intersect(*s.unseen)
		}
	}
	index, ok := s.box.(Indexer)
	if !ok || within.IsEmpty() || s.asked == maxIndexed {
		return bounds{maybe: within}, nil
	}
	s.asked++
	set, ok, err := index.Candidates(s.ctx, t.key, within)
	if ok && err == nil {
		within = within.Intersect(set)
	}
	return bounds{maybe: within}, err
}

// statUnseen reads from the counters where messages without \Seen can be.
func (s *scope) statUnseen() error {
	if s.unseen != nil {
		return nil
	}
	st, err := s.box.Status(s.ctx)
	if err != nil {
		return err
	}
	s.unseen = &mailbox.UIDSet{}
	if st.Unseen > 0 {
		s.unseen.AddRange(st.FirstUnseen, mailbox.MaxUID)
	}
	return nil
}

// Each node looks only at the messages that the nodes before it leave.
func (a allOf) bounds(s *scope, within mailbox.UIDSet) (bounds, error) {
	out := bounds{within, within}
	for _, n := range a {
		if out.maybe.IsEmpty() {
			break
		}
		b, err := n.bounds(s, out.maybe)
		if err == nil { // sets may be many and large
			err = s.spend(keyCost + rangeCost*(b.size()+len(out.sure.Ranges())))
		}
		if err != nil {
			return bounds{}, err
		}
		out = bounds{out.sure.Intersect(b.sure), b.maybe}
	}
	return out, nil
}

func (o anyOf) bounds(s *scope, within mailbox.UIDSet) (bounds, error) {
	a, err := o[0].bounds(s, within)
	if err != nil {
		return bounds{}, err
	}
	b, err := o[1].bounds(s, within)
	if err == nil {
		err = s.spend(keyCost + rangeCost*(a.size()+b.size()))
	}
	return bounds{a.sure.Union(b.sure), a.maybe.Union(b.maybe)}, err
}

func (n negation) bounds(s *scope, within mailbox.UIDSet) (bounds, error) {
	b, err := n.node.bounds(s, within)
	if err == nil {
		err = s.spend(keyCost + rangeCost*(b.size()+2*len(within.Ranges())))
	}
	return bounds{within.Subtract(b.maybe), within.Subtract(b.sure)}, err
}
