package mailbox

// Placeholders until values are written.
type UID uint32
type ModSeq uint64
type Flag string
type FlagSet struct{ system uint8; keywords []Flag }
type UIDRange struct{ First, Last UID }
type UIDSet struct{ r []UIDRange }
