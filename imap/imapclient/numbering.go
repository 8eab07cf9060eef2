package imapclient

import (
	"cmp"
	"slices"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// A numbering is the mailbox as the server counts it at this moment: the n-th UID
// is that of the message with the number n. It is kept in blocks of ranges, so
// that an EXPUNGE costs little wherever it strikes, and a million of them too.
type numbering struct {
	blocks []block
	n      int // messages in all blocks
}

type block struct {
	ranges []mailbox.UIDRange // ascending
	n      int                // messages in them
}

// blockRanges is how many ranges a block has at most.
const blockRanges = 256

// newNumbering returns the numbering of a mailbox with these messages.
func newNumbering(set mailbox.UIDSet) *numbering {
	v := &numbering{}
	for _, r := range set.Ranges() {
		v.append(r)
	}
	return v
}

// append adds messages behind all others.
func (v *numbering) append(r mailbox.UIDRange) {
	if k := len(v.blocks); k == 0 || len(v.blocks[k-1].ranges) == blockRanges {
		v.blocks = append(v.blocks, block{})
	}
	b := &v.blocks[len(v.blocks)-1]
	if k := len(b.ranges); k > 0 && b.ranges[k-1].Last+1 == r.First {
		b.ranges[k-1].Last = r.Last
	} else {
		b.ranges = append(b.ranges, r)
	}
	b.n += r.Len()
	v.n += r.Len()
}

// max returns the highest UID, zero if there is none.
func (v *numbering) max() mailbox.UID {
	for k := len(v.blocks) - 1; k >= 0; k-- {
		if rs := v.blocks[k].ranges; len(rs) > 0 {
			return rs[len(rs)-1].Last
		}
	}
	return 0
}

// find returns the place of a message and how far it is within its range.
func (v *numbering) find(seq imap.SeqNum) (blk, rng, off int, ok bool) {
	left := int(seq) - 1
	if left < 0 || left >= v.n {
		return 0, 0, 0, false
	}
	for v.blocks[blk].n <= left {
		left -= v.blocks[blk].n
		blk++
	}
	for rs := v.blocks[blk].ranges; rs[rng].Len() <= left; rng++ {
		left -= rs[rng].Len()
	}
	return blk, rng, left, true
}

// uid returns the UID of a message, zero if there is none with that number.
func (v *numbering) uid(seq imap.SeqNum) mailbox.UID {
	blk, rng, off, ok := v.find(seq)
	if !ok {
		return 0
	}
	return v.blocks[blk].ranges[rng].First + mailbox.UID(off)
}

// expunge removes the message with that number and returns its UID.
func (v *numbering) expunge(seq imap.SeqNum) mailbox.UID {
	blk, rng, off, ok := v.find(seq)
	if !ok {
		return 0
	}
	uid := v.blocks[blk].ranges[rng].First + mailbox.UID(off)
	v.remove(blk, rng, uid)
	return uid
}

// remove removes a message of a range.
func (v *numbering) remove(blk, rng int, uid mailbox.UID) {
	b := &v.blocks[blk]
	v.cut(b, rng, uid, uid)
	if len(b.ranges) == 0 {
		v.blocks = append(v.blocks[:blk], v.blocks[blk+1:]...)
	} else if len(b.ranges) > 2*blockRanges {
		half := len(b.ranges) / 2
		second := block{ranges: append([]mailbox.UIDRange(nil), b.ranges[half:]...)}
		for _, r := range second.ranges {
			second.n += r.Len()
		}
		b.ranges, b.n = b.ranges[:half], b.n-second.n
		v.blocks = append(v.blocks[:blk+1], append([]block{second}, v.blocks[blk+1:]...)...)
	}
}

// locate returns the range that has a UID.
func (v *numbering) locate(uid mailbox.UID) (blk, rng int, ok bool) {
	ends := func(r mailbox.UIDRange, uid mailbox.UID) int { return cmp.Compare(r.Last, uid) }
	blk, _ = slices.BinarySearchFunc(v.blocks, uid, func(b block, uid mailbox.UID) int { return ends(b.ranges[len(b.ranges)-1], uid) })
	if blk == len(v.blocks) {
		return 0, 0, false
	}
	rs := v.blocks[blk].ranges
	rng, _ = slices.BinarySearchFunc(rs, uid, ends)
	return blk, rng, rs[rng].First <= uid
}

// cut removes the UIDs from first to last, which are within one range of b.
func (v *numbering) cut(b *block, rng int, first, last mailbox.UID) {
	r := &b.ranges[rng]
	n := int(last-first) + 1
	b.n -= n
	v.n -= n
	switch {
	case r.First == first && r.Last == last:
		b.ranges = append(b.ranges[:rng], b.ranges[rng+1:]...)
	case r.First == first:
		r.First = last + 1
	case r.Last == last:
		r.Last = first - 1
	default:
		tail := mailbox.UIDRange{First: last + 1, Last: r.Last}
		r.Last = first - 1
		b.ranges = append(b.ranges[:rng+1], append([]mailbox.UIDRange{tail}, b.ranges[rng+1:]...)...)
	}
}

// fewUIDs is how many messages are removed one by one.
const fewUIDs = 64

// vanish removes the messages of the set and returns those that were there.
func (v *numbering) vanish(set mailbox.UIDSet) mailbox.UIDSet {
	if len(set.Ranges()) <= fewUIDs && set.Len() <= fewUIDs {
		var gone mailbox.UIDSet
		for uid := range set.All() {
			if blk, rng, ok := v.locate(uid); ok {
				v.remove(blk, rng, uid)
				gone.Add(uid)
			}
		}
		return gone
	}
	all := v.set()
	gone := all.Intersect(set)
	if !gone.IsEmpty() {
		*v = *newNumbering(all.Subtract(gone))
	}
	return gone
}

// set returns all UIDs.
func (v *numbering) set() mailbox.UIDSet {
	var out mailbox.UIDSet
	for _, b := range v.blocks {
		for _, r := range b.ranges {
			out.AddRange(r.First, r.Last)
		}
	}
	return out
}

// above returns the UIDs above uid.
func (v *numbering) above(uid mailbox.UID) mailbox.UIDSet {
	if uid == mailbox.MaxUID {
		return mailbox.UIDSet{}
	}
	return v.set().Intersect(mailbox.UIDRangeSet(uid+1, mailbox.MaxUID))
}

// A uidHeap collects UIDs that come in any order, and many times.
type uidHeap struct {
	sorted mailbox.UIDSet
	late   []mailbox.UIDRange // not in sorted yet
}

func (h *uidHeap) add(ranges ...mailbox.UIDRange) {
	h.late = append(h.late, ranges...)
	if len(h.late) > 1024+len(h.sorted.Ranges()) { // so that it costs little for each
		h.set()
	}
}

// set returns all of them.
func (h *uidHeap) set() mailbox.UIDSet {
	if len(h.late) > 0 {
		h.sorted = h.sorted.Union(mailbox.UIDSetOfRanges(h.late...))
		h.late = h.late[:0]
	}
	return h.sorted
}
