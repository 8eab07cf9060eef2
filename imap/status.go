package imap

import "github.com/posthorn-mail/posthorn/mailbox"

// StatusItem is a status data item (RFC 9051 §6.3.11).
type StatusItem string

// The status data items.
const (
	StatusMessages       StatusItem = "MESSAGES"
	StatusRecent         StatusItem = "RECENT" // RFC 3501
	StatusUIDNext        StatusItem = "UIDNEXT"
	StatusUIDValidity    StatusItem = "UIDVALIDITY"
	StatusUnseen         StatusItem = "UNSEEN"
	StatusDeleted        StatusItem = "DELETED"         // RFC 9051
	StatusSize           StatusItem = "SIZE"            // RFC 8438
	StatusHighestModSeq  StatusItem = "HIGHESTMODSEQ"   // RFC 7162
	StatusAppendLimit    StatusItem = "APPENDLIMIT"     // RFC 7889
	StatusMailboxID      StatusItem = "MAILBOXID"       // RFC 8474
	StatusDeletedStorage StatusItem = "DELETED-STORAGE" // RFC 9208
)

// Status is STATUS.
type Status struct {
	Mailbox string
	Items   []StatusItem
}

func (*Status) Name() string { return "STATUS" }

// StatusData is a STATUS response. Fields that the response lacks are nil.
type StatusData struct {
	Mailbox       string
	Messages      *uint32
	Recent        *uint32
	UIDNext       mailbox.UID // zero: not given
	UIDValidity   uint32      // zero: not given
	Unseen        *uint32
	Deleted       *uint32
	Size          *int64
	HighestModSeq *mailbox.ModSeq
	AppendLimit   *int64 // negative: NIL, no limit
	MailboxID     string

	DeletedStorage *int64 // octets that EXPUNGE would free (RFC 9208 §4.1.4)

	Unknown []NamedValue
}
