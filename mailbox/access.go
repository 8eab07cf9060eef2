package mailbox

import (
	"fmt"
	"strings"
)

// Access says what a user may do with a mailbox. The zero value is no access;
// a store without access control gives [FullAccess] for each mailbox.
type Access struct {
	Rights Rights

	// PermanentFlags are the flags that can be changed permanently, as far as
	// the Rights allow it (RFC 9051 §7.1, PERMANENTFLAGS). NewKeywords says
	// that keywords new to the mailbox can be added too.
	PermanentFlags FlagSet
	NewKeywords    bool
}

// FullAccess is the access of an owner: all rights, all system flags, any
// keyword.
func FullAccess() Access {
	return Access{Rights: AllRights, PermanentFlags: FlagSetOf(allSystemFlags, nil), NewKeywords: true}
}

// ReadOnlyAccess allows to list and read a mailbox, and not to change it.
func ReadOnlyAccess() Access { return Access{Rights: RightLookup | RightRead} }

// ReadOnly reports whether the user can change nothing in the mailbox, so that
// SELECT opens it as EXAMINE does (RFC 4314 §5.2).
func (a Access) ReadOnly() bool {
	return a.Rights&(RightInsert|RightExpunge|RightSeen|RightWrite|RightDeleteMessages) == 0
}

// MayChange returns the flags that the user may set and remove: \Seen
// needs RightSeen, \Deleted RightDeleteMessages, all others RightWrite
// (RFC 4314 §4), and all must be permanent. A keyword that is not in
// PermanentFlags is allowed with NewKeywords.
func (a Access) MayChange(flags FlagSet) FlagSet {
	system := flags.System() & a.PermanentFlags.System() & a.Rights.flags()
	var keywords []Flag
	if a.Rights.Has(RightWrite) {
		for _, f := range flags.Keywords() {
			if a.NewKeywords || a.PermanentFlags.Has(f) {
				keywords = append(keywords, f)
			}
		}
	}
	return FlagSetOf(system, keywords)
}

// Rights is a set of the rights of RFC 4314 §2.1.
type Rights uint16

// The rights, in the order in which they are written.
const (
	RightLookup         Rights = 1 << iota // l: list the mailbox and subscribe to it
	RightRead                              // r: SELECT, STATUS
	RightSeen                              // s: change \Seen
	RightWrite                             // w: change flags other than \Seen and \Deleted
	RightInsert                            // i: APPEND, COPY into
	RightPost                              // p: send mail to the submission address of the mailbox
	RightCreate                            // k: create mailboxes below, rename to below
	RightDelete                            // x: delete or rename the mailbox
	RightDeleteMessages                    // t: change \Deleted
	RightExpunge                           // e: EXPUNGE
	RightAdminister                        // a: change and read the access control list

	// AllRights is the set of all rights.
	AllRights = RightLookup | RightRead | RightSeen | RightWrite | RightInsert | RightPost | RightCreate |
		RightDelete | RightDeleteMessages | RightExpunge | RightAdminister
)

const rightLetters = "lrswipkxtea"

// ParseRights returns the set that letters name, as String writes it. It accepts
// "c" and "d" of RFC 2086: create and delete mailboxes, and delete messages and
// mailboxes (RFC 4314 §2.1.1). Other letters are an error.
func ParseRights(letters string) (Rights, error) {
	var r Rights
	for i := range len(letters) {
		switch at := strings.IndexByte(rightLetters, letters[i]); {
		case at >= 0:
			r |= 1 << at
		case letters[i] == 'c':
			r |= RightCreate | RightDelete
		case letters[i] == 'd':
			r |= RightExpunge | RightDeleteMessages | RightDelete
		default:
			return 0, fmt.Errorf("mailbox: unknown right %q", letters[i])
		}
	}
	return r, nil
}

// Has reports whether all the rights of want are in the set.
func (r Rights) Has(want Rights) bool { return r&want == want }

// String returns the letters of the rights, "lrs" for example.
func (r Rights) String() string {
	var b []byte
	for i := range len(rightLetters) {
		if r&(1<<i) != 0 {
			b = append(b, rightLetters[i])
		}
	}
	return string(b)
}

// flags returns the system flags that the rights allow to change.
func (r Rights) flags() SystemFlags {
	var f SystemFlags
	if r&RightSeen != 0 {
		f |= SystemSeen
	}
	if r&RightDeleteMessages != 0 {
		f |= SystemDeleted
	}
	if r&RightWrite != 0 {
		f |= allSystemFlags &^ (SystemSeen | SystemDeleted)
	}
	return f
}

const allSystemFlags = SystemAnswered | SystemFlagged | SystemDeleted | SystemSeen | SystemDraft
