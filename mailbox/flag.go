package mailbox

import (
	"iter"
	"slices"
)

// A Flag marks a message: one of the system flags, which begin with a
// backslash, or a keyword that users and programs choose (RFC 9051 §2.3.2). A
// keyword is an atom (RFC 9051 §9, flag-keyword): it has no spaces, for one.
// Flags are compared without regard to the case of ASCII letters.
type Flag string

// The system flags. \Recent is not among them: it belongs to a session, not to
// a message (see [RecentMarker]).
const (
	FlagSeen     Flag = `\Seen`
	FlagAnswered Flag = `\Answered`
	FlagFlagged  Flag = `\Flagged`
	FlagDeleted  Flag = `\Deleted`
	FlagDraft    Flag = `\Draft`
)

// Keywords in common use, from the IANA registry of IMAP and JMAP keywords.
const (
	FlagForwarded Flag = "$Forwarded"
	FlagMDNSent   Flag = "$MDNSent"
	FlagJunk      Flag = "$Junk"
	FlagNotJunk   Flag = "$NotJunk"
	FlagPhishing  Flag = "$Phishing"
)

// Equal reports whether both are the same flag.
func (f Flag) Equal(g Flag) bool { return f == g || compareFlags(f, g) == 0 }

// compareFlags orders flags by their octets with letters folded to lower case.
func compareFlags(f, g Flag) int {
	for i := range min(len(f), len(g)) {
		if c, d := lower(f[i]), lower(g[i]); c != d {
			return int(c) - int(d)
		}
	}
	return len(f) - len(g)
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// SystemFlags is a set of system flags.
type SystemFlags uint8

// The system flags as bits, in the order in which a FlagSet yields them.
const (
	SystemAnswered SystemFlags = 1 << iota
	SystemFlagged
	SystemDeleted
	SystemSeen
	SystemDraft
)

// systemFlag returns the flag of bit i.
func systemFlag(i int) Flag {
	return [...]Flag{FlagAnswered, FlagFlagged, FlagDeleted, FlagSeen, FlagDraft}[i]
}

const systemFlagCount = 5

// systemBit returns the bit of a system flag, zero for all other flags.
func systemBit(f Flag) SystemFlags {
	if len(f) == 0 || f[0] != '\\' {
		return 0
	}
	for i := range systemFlagCount {
		if f.Equal(systemFlag(i)) {
			return 1 << i
		}
	}
	return 0
}

// A FlagSet is a set of flags. It is small and immutable: pass it by value,
// share it freely. The zero value is the empty set. A set of system flags only
// needs no allocation; keywords are kept sorted, each in its first spelling.
type FlagSet struct {
	system   SystemFlags
	keywords []Flag // sorted by compareFlags, without duplicates; never written to
}

// NewFlagSet returns the set of these flags. It ignores empty strings and
// \Recent, which is not a flag of a message. Other names that begin with a
// backslash are kept like keywords; servers refuse them.
func NewFlagSet(flags ...Flag) FlagSet {
	var s FlagSet
	for _, f := range flags {
		if bit := systemBit(f); bit != 0 {
			s.system |= bit
		} else if f != "" && !f.Equal(`\Recent`) {
			s.keywords = append(s.keywords, f)
		}
	}
	if len(s.keywords) > 1 {
		slices.SortStableFunc(s.keywords, compareFlags)
		s.keywords = slices.CompactFunc(s.keywords, Flag.Equal)
	}
	return s
}

// FlagSetOf returns the set of these system flags and keywords. If the
// keywords are sorted and unique, as Keywords returns them, the set holds the
// slice itself: a store can thus make sets that share their keywords.
func FlagSetOf(system SystemFlags, keywords []Flag) FlagSet {
	for i, f := range keywords {
		if f == "" || f[0] == '\\' || i > 0 && compareFlags(keywords[i-1], f) >= 0 {
			s := NewFlagSet(keywords...)
			s.system |= system
			return s
		}
	}
	return FlagSet{system, slices.Clip(keywords)}
}

// System returns the system flags of the set.
func (s FlagSet) System() SystemFlags { return s.system }

// Keywords returns the flags that are not system flags, sorted without regard
// to case, for reading only.
func (s FlagSet) Keywords() []Flag { return s.keywords }

// Len returns how many flags are in the set.
func (s FlagSet) Len() int {
	n := len(s.keywords)
	for b := s.system; b != 0; b &= b - 1 {
		n++
	}
	return n
}

// IsEmpty reports whether no flag is in the set.
func (s FlagSet) IsEmpty() bool { return s.system == 0 && len(s.keywords) == 0 }

// Has reports whether the flag is in the set.
func (s FlagSet) Has(f Flag) bool {
	if bit := systemBit(f); bit != 0 {
		return s.system&bit != 0
	}
	_, ok := slices.BinarySearchFunc(s.keywords, f, compareFlags)
	return ok
}

// HasAll reports whether every flag of t is in s.
func (s FlagSet) HasAll(t FlagSet) bool {
	if s.system&t.system != t.system || len(t.keywords) > len(s.keywords) {
		return false
	}
	for _, f := range t.keywords {
		if _, ok := slices.BinarySearchFunc(s.keywords, f, compareFlags); !ok {
			return false
		}
	}
	return true
}

// Equal reports whether both sets hold the same flags.
func (s FlagSet) Equal(t FlagSet) bool {
	return s.system == t.system && slices.EqualFunc(s.keywords, t.keywords, Flag.Equal)
}

// With returns the flags that are in s, in t, or in both. If they spell a
// keyword differently, the result has the spelling of s.
func (s FlagSet) With(t FlagSet) FlagSet {
	u := FlagSet{s.system | t.system, s.keywords}
	if len(s.keywords) == 0 {
		u.keywords = t.keywords
	} else if !s.HasAll(FlagSet{0, t.keywords}) {
		u.keywords = make([]Flag, 0, len(s.keywords)+len(t.keywords))
		u.keywords = append(append(u.keywords, s.keywords...), t.keywords...)
		slices.SortStableFunc(u.keywords, compareFlags)
		u.keywords = slices.CompactFunc(u.keywords, Flag.Equal)
	}
	return u
}

// Without returns the flags of s that are not in t.
func (s FlagSet) Without(t FlagSet) FlagSet {
	u := FlagSet{s.system &^ t.system, s.keywords}
	if len(s.keywords) == 0 || !slices.ContainsFunc(t.keywords, s.Has) {
		return u
	}
	u.keywords = nil
	for _, f := range s.keywords {
		if !t.Has(f) {
			u.keywords = append(u.keywords, f)
		}
	}
	return u
}

// All yields the flags, system flags first, then keywords in order.
func (s FlagSet) All() iter.Seq[Flag] {
	return func(yield func(Flag) bool) {
		for i := range systemFlagCount {
			if s.system&(1<<i) != 0 && !yield(systemFlag(i)) {
				return
			}
		}
		for _, f := range s.keywords {
			if !yield(f) {
				return
			}
		}
	}
}

// String returns the flags as IMAP writes them, separated by spaces, without
// the parentheses.
func (s FlagSet) String() string { return string(s.Append(nil)) }

// Append appends what String returns to dst.
func (s FlagSet) Append(dst []byte) []byte {
	start := len(dst)
	for f := range s.All() {
		if len(dst) > start {
			dst = append(dst, ' ')
		}
		dst = append(dst, f...)
	}
	return dst
}
