package mailbox

// A FlagChange is an operation on flags.
type FlagChange struct {
	Op    FlagOp
	Flags FlagSet

	// If UnchangedSince is not nil, messages with a higher ModSeq are left as
	// they are and returned in FlagResult.Conflicts (RFC 7162 §3.1.3).
	UnchangedSince *ModSeq
}

// FlagOp says what becomes of the flags that a message has.
type FlagOp uint8

// The operations.
const (
	FlagsAdd     FlagOp = iota // +FLAGS: also have these
	FlagsRemove                // -FLAGS: no longer have these
	FlagsReplace               // FLAGS: have these and no others
)

// FlagResult is what SetFlags did.
type FlagResult struct {
	Changed   UIDSet // messages that have other flags now
	Conflicts UIDSet // left alone because of UnchangedSince
	Steps     Steps  // of the mailbox; none if nothing changed
}
