package mailbox

import (
	"iter"
	"math/bits"
	"strings"
)

// SpecialUse is a set of the roles that a mailbox can have (RFC 6154 §2,
// RFC 8457 §3).
type SpecialUse uint16

// The roles. Their names are the attributes in LIST responses.
const (
	UseAll       SpecialUse = 1 << iota // \All: all the user's messages
	UseArchive                          // \Archive
	UseDrafts                           // \Drafts
	UseFlagged                          // \Flagged: all messages flagged as important by the user
	UseJunk                             // \Junk
	UseSent                             // \Sent
	UseTrash                            // \Trash
	UseImportant                        // \Important: all messages that seem important
)

// SpecialUses is the set of all roles.
const SpecialUses = UseAll | UseArchive | UseDrafts | UseFlagged | UseJunk | UseSent | UseTrash | UseImportant

// useName returns the name of the role of bit i.
func useName(i int) string {
	return [...]string{`\All`, `\Archive`, `\Drafts`, `\Flagged`, `\Junk`, `\Sent`, `\Trash`, `\Important`}[i]
}

// ParseSpecialUse returns the role of that name, for example `\Sent`, without
// regard to case; ok is false if there is none.
func ParseSpecialUse(name string) (u SpecialUse, ok bool) {
	for u := range SpecialUses.All() {
		if strings.EqualFold(u.String(), name) {
			return u, true
		}
	}
	return 0, false
}

// All yields the roles in the set.
func (u SpecialUse) All() iter.Seq[SpecialUse] {
	return func(yield func(SpecialUse) bool) {
		for rest := u & SpecialUses; rest != 0; rest &= rest - 1 {
			if !yield(rest & -rest) {
				return
			}
		}
	}
}

// String returns the names of the roles, separated by spaces.
func (u SpecialUse) String() string {
	u &= SpecialUses
	if u != 0 && u&(u-1) == 0 {
		return useName(bits.TrailingZeros16(uint16(u)))
	}
	var names []string
	for one := range u.All() {
		names = append(names, one.String())
	}
	return strings.Join(names, " ")
}
