package imap

// A Command is a client's command with its arguments, without its tag. The
// types are pointers to the structs of this package.
type Command interface {
	// Name is the command's name in capitals, without "UID".
	Name() string
}

// Commands of any state (RFC 9051 §6.1).
type (
	Capability struct{}
	Noop       struct{}
	Logout     struct{}
)

// Commands of the not authenticated state (RFC 9051 §6.2).
type (
	StartTLS struct{}

	// Login is LOGIN. The user's name and the password are as the client sent
	// them, not normalized.
	Login struct{ User, Password string }

	// Authenticate is AUTHENTICATE. Initial is the decoded initial response
	// (RFC 4959): nil if there was none, empty but not nil for "=".
	Authenticate struct {
		Mechanism string // in capitals
		Initial   []byte
	}
)

// Commands of the authenticated state (RFC 9051 §6.3). Others have files of
// their own.
type (
	// Enable is ENABLE (RFC 5161). Caps are as the client spelled them.
	Enable struct{ Caps []Cap }

	// Select is SELECT, or EXAMINE with ReadOnly.
	Select struct {
		Mailbox   string
		ReadOnly  bool
		CondStore bool     // RFC 7162 §3.1.8
		QResync   *QResync // RFC 7162 §3.2.5
		Annotate  bool     // RFC 5257 §4.2: report changes of annotations
	}

	// Create is CREATE. A separator at the end of the name, which declares
	// that inferiors will follow, has been left in place.
	Create struct {
		Mailbox    string
		SpecialUse []MailboxAttr // RFC 6154 §3
	}

	Delete      struct{ Mailbox string }
	Rename      struct{ From, To string }
	Subscribe   struct{ Mailbox string }
	Unsubscribe struct{ Mailbox string }
	Namespace   struct{} // RFC 2342
	Idle        struct{} // RFC 2177; DONE follows on a line of its own
)

// Commands of the selected state (RFC 9051 §6.4). Others have files of their
// own.
type (
	Check    struct{} // RFC 3501 §6.4.1
	Close    struct{}
	Unselect struct{}

	// Expunge is EXPUNGE, or UID EXPUNGE (RFC 4315 §2.1) with UID, of the
	// messages in Set.
	Expunge struct {
		UID bool
		Set NumSet
	}

	// Copy is COPY, or UID COPY.
	Copy struct {
		UID     bool
		Set     NumSet
		Mailbox string
	}

	// Move is MOVE, or UID MOVE (RFC 6851).
	Move struct {
		UID     bool
		Set     NumSet
		Mailbox string
	}
)

func (*Capability) Name() string   { return "CAPABILITY" }
func (*Noop) Name() string         { return "NOOP" }
func (*Logout) Name() string       { return "LOGOUT" }
func (*StartTLS) Name() string     { return "STARTTLS" }
func (*Login) Name() string        { return "LOGIN" }
func (*Authenticate) Name() string { return "AUTHENTICATE" }
func (*Enable) Name() string       { return "ENABLE" }
func (c *Select) Name() string {
	if c.ReadOnly {
		return "EXAMINE"
	}
	return "SELECT"
}
func (*Create) Name() string      { return "CREATE" }
func (*Delete) Name() string      { return "DELETE" }
func (*Rename) Name() string      { return "RENAME" }
func (*Subscribe) Name() string   { return "SUBSCRIBE" }
func (*Unsubscribe) Name() string { return "UNSUBSCRIBE" }
func (*Namespace) Name() string   { return "NAMESPACE" }
func (*Idle) Name() string        { return "IDLE" }
func (*Check) Name() string       { return "CHECK" }
func (*Close) Name() string       { return "CLOSE" }
func (*Unselect) Name() string    { return "UNSELECT" }
func (*Expunge) Name() string     { return "EXPUNGE" }
func (*Copy) Name() string        { return "COPY" }
func (*Move) Name() string        { return "MOVE" }
