package mailbox

// An Event tells that something changed. See Account.Watch.
type Event struct {
	MailboxID string // empty: what changed belongs to the account (EventMailboxes)
	Kind      EventKind
}

// EventKind is a set of things that changed. When a mailbox is deleted there is
// an EventVanished about it besides the EventMailboxes.
type EventKind uint8

// The kinds of change.
const (
	EventNew       EventKind = 1 << iota // messages arrived
	EventFlags                           // flags changed
	EventVanished                        // messages were expunged
	EventMailboxes                       // mailboxes or subscriptions were created, renamed, deleted; quotas or rights were set; the account was deleted
)
