package mailbox

// An Event says that something changed. See Account.Watch.
type Event struct {
	MailboxID string // empty: the change is to the account (EventMailboxes)
	Kind      EventKind
}

// EventKind is a set of kinds of change. The deletion of a mailbox causes an
// EventVanished for the mailbox besides the EventMailboxes.
type EventKind uint8

// The kinds of change.
const (
	EventNew       EventKind = 1 << iota // messages arrived
	EventFlags                           // flags changed
	EventVanished                        // messages were expunged
	EventMailboxes                       // mailboxes or subscriptions were created, renamed, deleted; quotas or rights were set; the account was deleted
)
