package mailbox

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
)

// A UID identifies a message within a mailbox for as long as UIDVALIDITY stays
// the same (RFC 9051 §2.3.1.1). Zero is no UID.
type UID uint32

// MaxUID is the highest possible UID.
const MaxUID UID = math.MaxUint32

// A ModSeq is a place in the history of a mailbox (RFC 7162 §3.1). Zero is
// before all history; values on the wire are below 2^63.
type ModSeq uint64

// A UIDRange is every UID from First to Last, both included.
type UIDRange struct{ First, Last UID }

// Len returns how many UIDs the range spans.
func (r UIDRange) Len() int { return int(r.Last-r.First) + 1 }

// A UIDSet is a set of UIDs, kept as ranges that are ascending, disjoint and
// not adjacent. Its size in memory grows with the gaps between UIDs, not with
// their number. The zero value is the empty set.
//
// A UIDSet is a value: its methods don't change it and return new sets, which
// may share memory with it. The exceptions are Add and AddRange, which build a
// set: a copy made before such a call must not be used after it (see Clone), as
// with append. Many goroutines may read a set while none adds to it.
type UIDSet struct{ ranges []UIDRange }

// UIDSetOf returns the set of these UIDs, which may come in any order. It ignores
// zeros.
func UIDSetOf(uids ...UID) UIDSet {
	var s UIDSet
	if !slices.IsSorted(uids) {
		uids = slices.Clone(uids)
		slices.Sort(uids)
	}
	for _, uid := range uids {
		s.Add(uid)
	}
	return s
}

// UIDRangeSet returns the set of the UIDs from first to last, empty when first
// is above last.
func UIDRangeSet(first, last UID) UIDSet {
	var s UIDSet
	s.AddRange(first, last)
	return s
}

// UIDSetOfRanges returns the set of the UIDs in these ranges, which may overlap
// and come in any order. Ranges whose First is above Last are empty.
func UIDSetOfRanges(ranges ...UIDRange) UIDSet {
	byFirst := func(a, b UIDRange) int { return cmp.Compare(a.First, b.First) }
	if !slices.IsSortedFunc(ranges, byFirst) {
		ranges = slices.Clone(ranges)
		slices.SortFunc(ranges, byFirst)
	}
	var s UIDSet
	for _, r := range ranges {
		s.AddRange(r.First, r.Last)
	}
	return s
}

// AllUIDs returns the set of all possible UIDs, 1:4294967295: "1:*" in the calls
// of a [Mailbox].
func AllUIDs() UIDSet { return UIDSet{[]UIDRange{{1, MaxUID}}} }

// Add adds a UID to the set. It takes constant time if UIDs are added in
// ascending order. It ignores zero.
func (s *UIDSet) Add(uid UID) { s.AddRange(uid, uid) }

// AddRange adds the UIDs from first to last to the set, none if first is above
// last. It takes constant time if ranges are added in ascending order, otherwise
// time that grows with the number of ranges: for many ranges in no order, use
// [UIDSetOfRanges].
func (s *UIDSet) AddRange(first, last UID) {
	first = max(first, 1)
	if first > last {
		return
	}
	n := len(s.ranges)
	if n == 0 || s.ranges[n-1].Last < first-1 {
		s.ranges = append(s.ranges, UIDRange{first, last})
		return
	}
	if r := &s.ranges[n-1]; r.First <= first {
		r.Last = max(r.Last, last)
		return
	}
	// The ranges [i:j) overlap or touch the new one and are merged with it.
	i, _ := slices.BinarySearchFunc(s.ranges, first-1, func(r UIDRange, u UID) int { return cmp.Compare(r.Last, u) })
	j := i
	for j < n && s.ranges[j].First-1 <= last {
		j++
	}
	if i < j {
		first = min(first, s.ranges[i].First)
		last = max(last, s.ranges[j-1].Last)
	}
	s.ranges = slices.Replace(s.ranges, i, j, UIDRange{first, last})
}

// Clone returns a copy that shares no memory with s.
func (s UIDSet) Clone() UIDSet { return UIDSet{slices.Clone(s.ranges)} }

// search returns the index of the first range that ends at uid or above.
func (s UIDSet) search(uid UID) int {
	lo, hi := 0, len(s.ranges)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if s.ranges[mid].Last < uid {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// Contains reports whether the UID is in the set, by binary search.
func (s UIDSet) Contains(uid UID) bool {
	i := s.search(uid)
	return i < len(s.ranges) && s.ranges[i].First <= uid && uid != 0
}

// IsEmpty reports whether the set has no UIDs.
func (s UIDSet) IsEmpty() bool { return len(s.ranges) == 0 }

// Len returns how many UIDs are in the set. Its cost grows with the number of
// ranges.
func (s UIDSet) Len() int {
	n := 0
	for _, r := range s.ranges {
		n += r.Len()
	}
	return n
}

// Ranges returns the ranges in ascending order, for reading only.
func (s UIDSet) Ranges() []UIDRange { return s.ranges }

// All yields the UIDs in ascending order.
func (s UIDSet) All() iter.Seq[UID] {
	return func(yield func(UID) bool) {
		for _, r := range s.ranges {
			for uid := r.First; ; uid++ {
				if !yield(uid) {
					return
				}
				if uid == r.Last { // not a loop condition: Last+1 may be zero
					break
				}
			}
		}
	}
}

// Min returns the lowest UID, zero if the set is empty.
func (s UIDSet) Min() UID {
	if len(s.ranges) == 0 {
		return 0
	}
	return s.ranges[0].First
}

// Max returns the highest UID, zero if the set is empty.
func (s UIDSet) Max() UID {
	if len(s.ranges) == 0 {
		return 0
	}
	return s.ranges[len(s.ranges)-1].Last
}

// At returns the i-th UID in ascending order, counted from zero, or zero if the
// set has fewer. Its cost grows with the number of ranges before it.
func (s UIDSet) At(i int) UID {
	if i < 0 {
		return 0
	}
	for _, r := range s.ranges {
		if n := r.Len(); i >= n {
			i -= n
		} else {
			return r.First + UID(i)
		}
	}
	return 0
}

// Index returns how many UIDs of the set are below uid, or -1 if uid is not in
// it. Its cost grows with the number of ranges below uid.
func (s UIDSet) Index(uid UID) int {
	n := 0
	for _, r := range s.ranges {
		switch {
		case uid < r.First:
			return -1
		case uid <= r.Last:
			return n + int(uid-r.First)
		}
		n += r.Len()
	}
	return -1
}

// Equal reports whether both sets hold the same UIDs.
func (s UIDSet) Equal(t UIDSet) bool { return slices.Equal(s.ranges, t.ranges) }

// Union returns the UIDs that are in s, in t, or in both.
func (s UIDSet) Union(t UIDSet) UIDSet {
	switch {
	case len(s.ranges) == 0:
		return t.Clone()
	case len(t.ranges) == 0:
		return s.Clone()
	}
	u := UIDSet{make([]UIDRange, 0, len(s.ranges)+len(t.ranges))}
	a, b := s.ranges, t.ranges
	for len(a) > 0 || len(b) > 0 {
		if len(b) == 0 || len(a) > 0 && a[0].First <= b[0].First {
			u.AddRange(a[0].First, a[0].Last)
			a = a[1:]
		} else {
			u.AddRange(b[0].First, b[0].Last)
			b = b[1:]
		}
	}
	return u
}

// Intersect returns the UIDs that are in both sets.
func (s UIDSet) Intersect(t UIDSet) UIDSet {
	var u UIDSet
	for len(s.ranges) > 0 && len(t.ranges) > 0 {
		a, b := s.ranges[0], t.ranges[0]
		switch {
		case a.Last < b.First: // skip by search: one set may be far longer
			s.ranges = s.ranges[s.search(b.First):]
		case b.Last < a.First:
			t.ranges = t.ranges[t.search(a.First):]
		default:
			u.ranges = append(u.ranges, UIDRange{max(a.First, b.First), min(a.Last, b.Last)})
			if a.Last <= b.Last {
				s.ranges = s.ranges[1:]
			}
			if b.Last <= a.Last {
				t.ranges = t.ranges[1:]
			}
		}
	}
	return u
}

// Subtract returns the UIDs of s that are not in t.
func (s UIDSet) Subtract(t UIDSet) UIDSet {
	var u UIDSet
	for _, a := range s.ranges {
		t.ranges = t.ranges[t.search(a.First):]
		empty := false
		for _, b := range t.ranges {
			if b.First > a.Last {
				break
			}
			if b.First > a.First {
				u.ranges = append(u.ranges, UIDRange{a.First, b.First - 1})
			}
			if b.Last >= a.Last {
				empty = true
				break
			}
			a.First = b.Last + 1
		}
		if !empty {
			u.ranges = append(u.ranges, a)
		}
	}
	return u
}

// String returns the set as IMAP writes it, "1:3,7", and "" for the empty set.
func (s UIDSet) String() string { return string(s.Append(nil)) }

// Append appends what String returns to dst.
func (s UIDSet) Append(dst []byte) []byte {
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

var errUIDSet = errors.New("mailbox: malformed UID set")

// ParseUIDSet parses a set as String writes it, and as the uid-set of RFC 4315
// §4 allows: in any order, ranges in either direction, UIDs repeated. "*" is
// an error, since its meaning depends on a mailbox. The empty
// string is the empty set.
func ParseUIDSet(text string) (UIDSet, error) {
	if text == "" {
		return UIDSet{}, nil
	}
	var ranges []UIDRange
	for rest := text; ; {
		var r UIDRange
		var ok bool
		if r.First, rest, ok = cutUID(rest); !ok {
			return UIDSet{}, fmt.Errorf("%w: number expected at octet %d", errUIDSet, len(text)-len(rest))
		}
		r.Last = r.First
		if rest != "" && rest[0] == ':' {
			if r.Last, rest, ok = cutUID(rest[1:]); !ok {
				return UIDSet{}, fmt.Errorf("%w: number expected at octet %d", errUIDSet, len(text)-len(rest))
			}
		}
		ranges = append(ranges, UIDRange{min(r.First, r.Last), max(r.First, r.Last)})
		if rest == "" {
			return UIDSetOfRanges(ranges...), nil
		}
		if rest[0] != ',' {
			return UIDSet{}, fmt.Errorf("%w: unexpected %q at octet %d", errUIDSet, rest[0], len(text)-len(rest))
		}
		rest = rest[1:]
	}
}

// cutUID removes an nz-number from the front of text.
func cutUID(text string) (uid UID, rest string, ok bool) {
	var n uint64
	i := 0
	for i < len(text) && '0' <= text[i] && text[i] <= '9' {
		if n = n*10 + uint64(text[i]-'0'); n == 0 || n > uint64(MaxUID) {
			return 0, text, false // nz-number: neither zero nor a leading zero
		}
		i++
	}
	return UID(n), text[i:], i > 0
}
