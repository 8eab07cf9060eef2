package imap

// Replace is REPLACE, or UID REPLACE (RFC 8508): APPEND of one message, and EXPUNGE of
// another in the selected mailbox, in one step.
type Replace struct {
	UID     bool
	Num     uint32 // sequence number, or UID, of the message to remove; Star is the last
	Mailbox string
	Message AppendMessage
}

func (*Replace) Name() string { return "REPLACE" }
