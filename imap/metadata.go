package imap

// The commands of METADATA and METADATA-SERVER (RFC 5464 §4). An empty mailbox name
// stands for the server.
type (
	GetMetadata struct {
		Mailbox string
		Entries []string // names, such as "/shared/comment"; at least one
		MaxSize *int64   // of a value, in octets; longer ones are left out (§4.2.1)
		Depth   MetadataDepth
	}
	SetMetadata struct {
		Mailbox string
		Entries []MetadataEntry // at least one
	}
)

func (*GetMetadata) Name() string { return "GETMETADATA" }
func (*SetMetadata) Name() string { return "SETMETADATA" }

// MetadataDepth says which entries below those named are meant as well (RFC 5464
// §4.2.2).
type MetadataDepth uint8

// The depths.
const (
	DepthZero     MetadataDepth = iota // none
	DepthOne                           // those immediately below
	DepthInfinity                      // all
)

// MetadataEntry is an annotation of a mailbox or a server. Names are compared
// without regard to case (RFC 5464 §3).
type MetadataEntry struct {
	Name  string
	Value []byte // nil: NIL, the entry does not exist, or is removed
}

// MetadataData is a METADATA response (RFC 5464 §4.4).
type MetadataData struct {
	Mailbox string
	Entries []MetadataEntry // with values, as GETMETADATA asked for
	Changed []string        // the names of entries whose values have changed; Entries is nil then
}

// MetadataCode is the argument of the code METADATA (RFC 5464 §4.2.1, §4.3).
type MetadataCode struct {
	// Reason is one of the constants below, or what the server sent, in capitals.
	Reason string
	N      int64 // octets, for LONGENTRIES and MAXSIZE
}

// The reasons of MetadataCode.
const (
	MetadataLongEntries = "LONGENTRIES" // values were left out; the longest has N octets
	MetadataMaxSize     = "MAXSIZE"     // a value is longer than N octets, which are allowed
	MetadataTooMany     = "TOOMANY"     // no further entry can be created
	MetadataNoPrivate   = "NOPRIVATE"   // there are no private entries
)
