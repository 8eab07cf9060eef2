package imap

// Notify is NOTIFY SET, or NOTIFY NONE if there are no groups (RFC 5465 §3.1).
type Notify struct {
	Status bool // ask for a STATUS response for each mailbox but the selected one
	Groups []EventGroup
}

func (*Notify) Name() string { return "NOTIFY" }

// An EventGroup says of what to notify the client (RFC 5465 §8). MessageNew and
// MessageExpunge need each other, FlagChange and AnnotationChange need both (RFC
// 5465 §5), and the scopes of the selected mailbox allow only these four.
type EventGroup struct {
	Scope  Scope
	Events []Event     // empty: NONE
	Items  []FetchItem // what to tell of new messages in the selected mailbox, with EventMessageNew
}

// Event is the name of an event (RFC 5465 §5). Events are compared without regard
// to case; the grammar yields the known ones as spelled here.
type Event string

// The events.
const (
	EventMessageNew            Event = "MessageNew"
	EventMessageExpunge        Event = "MessageExpunge"
	EventFlagChange            Event = "FlagChange"
	EventAnnotationChange      Event = "AnnotationChange"
	EventMailboxName           Event = "MailboxName"
	EventSubscriptionChange    Event = "SubscriptionChange"
	EventMailboxMetadataChange Event = "MailboxMetadataChange"
	EventServerMetadataChange  Event = "ServerMetadataChange"
)
