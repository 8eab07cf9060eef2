package mailbox

// A FlagChange is an operation on flags.
type FlagChange struct {
	Op    FlagOp
	Flags FlagSet

	// If UnchangedSince is not nil, messages with a higher ModSeq are not
	// changed and returned in FlagResult.Conflicts (RFC 7162 §3.1.3).
	UnchangedSince *ModSeq
}

// FlagOp is the kind of a FlagChange.
type FlagOp uint8

// The operations.
const (
	FlagsAdd     FlagOp = iota // +FLAGS: add these
	FlagsRemove                // -FLAGS: remove these
	FlagsReplace               // FLAGS: set these and no others
)

// FlagResult says what SetFlags did.
type FlagResult struct {
	Changed   UIDSet // messages whose flags changed
	Conflicts UIDSet // not changed because of UnchangedSince
	Steps     Steps  // of the mailbox; none if nothing changed
}
