package imap

// List is LIST (RFC 9051 §6.3.9). The extended form (RFC 5258) has selection
// options, return options or several patterns.
type List struct {
	Reference string
	Patterns  []string // mailbox names with "*" and "%"; at least one

	Extended bool // the extended form was used
	Select   ListSelect
	Return   ListReturn
	Status   []StatusItem // for ReturnStatus (RFC 5819)
	Metadata []string     // for ReturnMetadata: names of entries (RFC 9590)
}

// LSub is LSUB (RFC 3501 §6.3.9).
type LSub struct{ Reference, Pattern string }

func (*List) Name() string { return "LIST" }
func (*LSub) Name() string { return "LSUB" }

// ListSelect is a set of selection options.
type ListSelect uint8

// Selection options.
const (
	SelectSubscribed     ListSelect = 1 << iota
	SelectRemote                    // RFC 5258 §3.1
	SelectRecursiveMatch            // RFC 5258 §3.1; needs another option besides SelectRemote
	SelectSpecialUse                // RFC 6154 §5.1
)

// ListReturn is a set of return options.
type ListReturn uint8

// Return options.
const (
	ReturnSubscribed ListReturn = 1 << iota
	ReturnChildren
	ReturnSpecialUse
	ReturnStatus   // RFC 5819, with List.Status
	ReturnMetadata // RFC 9590, with List.Metadata
	ReturnMyRights // RFC 8440
)

// MailboxAttr is a mailbox name attribute (RFC 9051 §7.3.1), with its
// backslash. Attributes are compared without regard to case.
type MailboxAttr string

// The attributes; those of special use are in package mailbox.
const (
	AttrNonExistent   MailboxAttr = `\NonExistent`
	AttrNoInferiors   MailboxAttr = `\Noinferiors`
	AttrNoSelect      MailboxAttr = `\Noselect`
	AttrHasChildren   MailboxAttr = `\HasChildren`
	AttrHasNoChildren MailboxAttr = `\HasNoChildren`
	AttrMarked        MailboxAttr = `\Marked`
	AttrUnmarked      MailboxAttr = `\Unmarked`
	AttrSubscribed    MailboxAttr = `\Subscribed`
	AttrRemote        MailboxAttr = `\Remote`
	AttrNoAccess      MailboxAttr = `\NoAccess` // RFC 5465 §3.1
)

// ListData is a LIST or LSUB response.
type ListData struct {
	Attrs     []MailboxAttr
	Separator byte // zero: NIL, no hierarchy
	Mailbox   string
	OldName   string   // OLDNAME (RFC 9051 §7.3.1.1)
	ChildInfo []string // CHILDINFO (RFC 5258 §4): selection options, for example SUBSCRIBED

	// Raw is the name as on the wire; a client uses it to name a mailbox
	// whose name is wrongly encoded.
	Raw string

	Unknown []NamedValue // extended data items
}
