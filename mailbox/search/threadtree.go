package search

import (
	"cmp"
	"slices"
)

// A threadTree makes threads of the nodes of a Threader: steps 2 to 6 of
// REFERENCES (RFC 5256 §3). It does not change the nodes, and none of its
// functions calls itself: the depth of a thread is up to those who send messages.
//
// Until the end there are only parents, and no lists of children. A node without
// a parent is under the root. The lists are made in the order of the sent dates,
// so that step 6 has nothing left to sort.
type threadTree struct {
	nodes  []threadNode
	parent []int32 // of the nodes, and of dummies that are added behind them
	order  []int32 // the messages, by sent date
}

func newThreadTree(nodes []threadNode) *threadTree {
	t := &threadTree{nodes: nodes, parent: make([]int32, len(nodes)), order: make([]int32, 0, len(nodes))}
	for i := range nodes {
		t.parent[i] = nodes[i].parent
		if nodes[i].uid != 0 {
			t.order = append(t.order, int32(i))
		}
	}
	slices.SortFunc(t.order, func(a, b int32) int {
		// RFC 5256 §2.2: by sequence number where dates are equal.
		return cmp.Or(cmp.Compare(nodes[a].date, nodes[b].date), cmp.Compare(nodes[a].uid, nodes[b].uid))
	})
	return t
}

// isDummy reports whether a node is the place of a missing message.
func (t *threadTree) isDummy(i int32) bool { return int(i) >= len(t.nodes) || t.nodes[i].uid == 0 }

// isReply reports whether a node is a message that is a reply or a forward.
func (t *threadTree) isReply(i int32) bool { return int(i) < len(t.nodes) && t.nodes[i].reply }

// prune removes dummies (step 3). Each message becomes a child of the nearest
// message above it. Where there is none, it becomes a child of the topmost dummy,
// or comes under the root if it is the only child.
func (t *threadTree) prune() {
	children := make([]int32, len(t.parent))
	for _, i := range t.order {
		p := t.messageAbove(i)
		t.parent[i] = p
		children[p]++
	}
	for _, i := range t.order {
		if p := t.parent[i]; p != 0 && t.isDummy(p) && children[p] == 1 {
			t.parent[i] = 0
		}
	}
}

// messageAbove returns the nearest message above a node, or the topmost dummy, or
// zero. It shortens the way of the dummies between for the next call.
func (t *threadTree) messageAbove(i int32) int32 {
	above := t.parent[i]
	for above != 0 && t.isDummy(above) && t.parent[above] != 0 {
		above = t.parent[above]
	}
	for p := t.parent[i]; p != above; {
		p, t.parent[p] = t.parent[p], above
	}
	return above
}

// joinSubjects joins threads with the same base subject (step 5). The numbers of
// subjects are below the argument.
func (t *threadTree) joinSubjects(subjects int) {
	type head struct{ id, first int32 } // the top of a thread, and its first message
	var heads []head
	listed := make([]bool, len(t.parent))
	for _, i := range t.order { // step 4
		h := head{i, i}
		if p := t.parent[i]; p != 0 {
			if !t.isDummy(p) || listed[p] {
				continue
			}
			h.id, listed[p] = p, true
		}
		heads = append(heads, h)
	}
	table := make([]int32, subjects) // step 5 (A)
	for _, h := range heads {        // step 5 (B)
		subject := t.nodes[h.first].subject
		if subject == 0 {
			continue
		}
		old := table[subject]
		if old == 0 || !t.isDummy(old) && (t.isDummy(h.id) || t.isReply(old) && !t.isReply(h.id)) {
			table[subject] = h.id
		}
	}
	for _, h := range heads { // step 5 (C)
		subject := t.nodes[h.first].subject
		other := table[subject]
		switch {
		case subject == 0 || other == h.id:
		case t.isDummy(other):
			// If both are, the children of this one move to the other: prune does so.
			t.parent[h.id] = other
		case t.isReply(h.id) && !t.isReply(other):
			t.parent[h.id] = other
		default:
			dummy := int32(len(t.parent))
			t.parent = append(t.parent, 0)
			t.parent[h.id], t.parent[other] = dummy, dummy
			table[subject] = dummy
		}
	}
	t.prune()
}

// groupSubjects makes threads of the messages with the same base subject, which
// are children of the first one (RFC 5256 §3, ORDEREDSUBJECT).
func (t *threadTree) groupSubjects(subjects int) {
	first := make([]int32, subjects)
	for _, i := range t.order {
		subject := t.nodes[i].subject
		if t.parent[i] = first[subject]; first[subject] == 0 {
			first[subject] = i
		}
	}
}

// threads returns the threads, siblings in the order of their sent dates (step 6).
// A dummy has the place of its first child. All share a few allocations.
func (t *threadTree) threads() []*Thread {
	children := make([]int32, len(t.parent)) // of each node
	count, tops := len(t.order), 0
	for _, i := range t.order {
		p := t.parent[i]
		if p == 0 {
			tops++
		} else if children[p]++; children[p] == 1 && t.isDummy(p) {
			tops++
			count++
		}
	}
	all := make([]Thread, 0, count)
	lists := make([]*Thread, len(t.order)) // no dummy is in one
	made := make([]*Thread, len(t.parent)) // by node
	get := func(i int32) *Thread {
		if made[i] == nil {
			all = append(all, Thread{})
			made[i] = &all[len(all)-1]
			if n := children[i]; n > 0 {
				made[i].Children, lists = lists[:0:n], lists[n:]
			}
		}
		return made[i]
	}
	roots := make([]*Thread, 0, tops)
	for _, i := range t.order {
		thread := get(i)
		thread.UID = t.nodes[i].uid
		p := t.parent[i]
		if p == 0 {
			roots = append(roots, thread)
			continue
		}
		if t.isDummy(p) && made[p] == nil {
			roots = append(roots, get(p))
		}
		above := get(p)
		above.Children = append(above.Children, thread)
	}
	return roots
}
