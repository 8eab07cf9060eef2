package imap

import (
	"cmp"
	"iter"
	"slices"
	"strconv"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// SeqNum is a message sequence number: 1 is the first message of the mailbox
// (RFC 9051 §2.3.1.2). It is valid only until the next response that removes a
// message.
type SeqNum uint32

// Star stands for "*" in a NumRange: the highest number in use.
const Star = 0

// A NumRange is an element of a NumSet as on the wire: the ends may be
// in either order, and are equal for a single number.
type NumRange struct{ First, Last uint32 }

// A NumSet is a sequence-set (RFC 9051 §9): sequence numbers or UIDs, depending
// on the command that it stands in. It keeps the ranges as written, "*" included;
// [NumSet.UIDs] and [NumSet.Seqs] resolve it against a mailbox.
type NumSet struct {
	Ranges []NumRange
	Saved  bool // "$": the result of the last search (RFC 5182); Ranges is nil then
}

// NumSetOf returns the set of these ranges.
func NumSetOf(ranges ...NumRange) NumSet { return NumSet{Ranges: ranges} }

// UIDNumSet returns a set that names the UIDs of s.
func UIDNumSet(s mailbox.UIDSet) NumSet {
	rs := s.Ranges()
	out := NumSet{Ranges: make([]NumRange, len(rs))}
	for i, r := range rs {
		out.Ranges[i] = NumRange{uint32(r.First), uint32(r.Last)}
	}
	return out
}

// SeqNumSet returns a set that names the sequence numbers of s.
func SeqNumSet(s SeqSet) NumSet {
	out := NumSet{Ranges: make([]NumRange, len(s.ranges))}
	for i, r := range s.ranges {
		out.Ranges[i] = NumRange{uint32(r.First), uint32(r.Last)}
	}
	return out
}

// IsEmpty reports whether the set names nothing; such a set can't be written.
func (s NumSet) IsEmpty() bool { return len(s.Ranges) == 0 && !s.Saved }

// UIDs resolves the set as UIDs in a mailbox whose highest UID is max (zero: it
// is empty). "*" and "n:*" always contain max, even if n is above it
// (RFC 9051 §9, seq-range).
func (s NumSet) UIDs(max mailbox.UID) mailbox.UIDSet {
	rs := s.resolve(uint32(max))
	var out mailbox.UIDSet
	for _, r := range rs {
		out.AddRange(mailbox.UID(r.First), mailbox.UID(r.Last))
	}
	return out
}

// Seqs resolves the set as sequence numbers in a mailbox of count messages. ok
// is false if it names a number that no message has, which is a client's error
// (RFC 3501 §9, seq-number). "n:*" means the last message if n is above count,
// and nothing in an empty mailbox, since clients that ask for "1:*" or for new
// messages can't know the count.
func (s NumSet) Seqs(count SeqNum) (set SeqSet, ok bool) {
	for _, r := range s.Ranges {
		if r.First != Star && r.Last != Star && (r.First > uint32(count) || r.Last > uint32(count)) {
			return SeqSet{}, false
		}
	}
	for _, r := range s.resolve(uint32(count)) {
		if r.Last > uint32(count) {
			r.Last = uint32(count)
		}
		if r.First > r.Last {
			continue
		}
		set.ranges = append(set.ranges, SeqRange{SeqNum(r.First), SeqNum(r.Last)})
	}
	return set, true
}

// resolve returns the ranges with "*" replaced, in ascending order and merged.
func (s NumSet) resolve(top uint32) []NumRange {
	out := make([]NumRange, 0, len(s.Ranges))
	for _, r := range s.Ranges {
		if r.First == Star {
			r.First = top
		}
		if r.Last == Star {
			r.Last = top
		}
		if r.First > r.Last {
			r.First, r.Last = r.Last, r.First
		}
		if r.First == 0 { // "*" in an empty mailbox
			if r.Last == 0 {
				continue
			}
			r.First = 1
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b NumRange) int { return cmp.Compare(a.First, b.First) })
	n := 0
	for _, r := range out {
		if n > 0 && uint64(r.First) <= uint64(out[n-1].Last)+1 {
			out[n-1].Last = max(out[n-1].Last, r.Last)
			continue
		}
		out[n] = r
		n++
	}
	return out[:n]
}

// Append appends the set as it is on the wire.
func (s NumSet) Append(dst []byte) []byte {
	if s.Saved {
		return append(dst, '$')
	}
	num := func(n uint32) {
		if n == Star {
			dst = append(dst, '*')
		} else {
			dst = strconv.AppendUint(dst, uint64(n), 10)
		}
	}
	for i, r := range s.Ranges {
		if i > 0 {
			dst = append(dst, ',')
		}
		num(r.First)
		if r.Last != r.First {
			dst = append(dst, ':')
			num(r.Last)
		}
	}
	return dst
}

// String returns the set as it is on the wire.
func (s NumSet) String() string {
	return string(s.Append(nil))
}

// SeqRange is a range of sequence numbers, First ≤ Last.
type SeqRange struct{ First, Last SeqNum }

// SeqSet is a resolved set of sequence numbers: ascending ranges that neither
// overlap nor touch. The zero value is empty.
type SeqSet struct {
	ranges []SeqRange
}

// Ranges returns the ranges. The caller must not change them.
func (s SeqSet) Ranges() []SeqRange { return s.ranges }

// IsEmpty reports whether there is no number in the set.
func (s SeqSet) IsEmpty() bool { return len(s.ranges) == 0 }

// Len returns how many numbers there are.
func (s SeqSet) Len() int {
	n := 0
	for _, r := range s.ranges {
		n += int(r.Last-r.First) + 1
	}
	return n
}

// Contains reports whether n is in the set.
func (s SeqSet) Contains(n SeqNum) bool {
	_, found := slices.BinarySearchFunc(s.ranges, n, func(r SeqRange, n SeqNum) int {
		switch {
		case r.Last < n:
			return -1
		case r.First > n:
			return 1
		}
		return 0
	})
	return found
}

// All yields the numbers in ascending order.
func (s SeqSet) All() iter.Seq[SeqNum] {
	return func(yield func(SeqNum) bool) {
		for _, r := range s.ranges {
			for n := r.First; ; n++ {
				if !yield(n) {
					return
				}
				if n == r.Last {
					break
				}
			}
		}
	}
}

// Add adds n, which must be above every number of the set.
func (s *SeqSet) Add(n SeqNum) {
	if k := len(s.ranges); k > 0 && s.ranges[k-1].Last+1 == n {
		s.ranges[k-1].Last = n
		return
	}
	s.ranges = append(s.ranges, SeqRange{n, n})
}

// Append appends the set as it is on the wire.
func (s SeqSet) Append(dst []byte) []byte {
	for i, r := range s.ranges {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendUint(dst, uint64(r.First), 10)
		if r.Last != r.First {
			dst = append(dst, ':')
			dst = strconv.AppendUint(dst, uint64(r.Last), 10)
		}
	}
	return dst
}

// String returns the set as it is on the wire.
func (s SeqSet) String() string {
	return string(s.Append(nil))
}
