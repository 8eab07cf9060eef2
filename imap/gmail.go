package imap

// GmailData is what Gmail tells of a message besides the standard items: X-GM-EXT-1
// (https://developers.google.com/gmail/imap/imap-extensions).
type GmailData struct {
	MessageID uint64 // X-GM-MSGID: the same in all mailboxes
	ThreadID  uint64 // X-GM-THRID
	// Labels are those of the message, without the selected mailbox's own. A label
	// of the system has a backslash: "\Inbox", "\Sent", "\Important", "\Starred".
	Labels []string
}

// Search keys of X-GM-EXT-1. Only Gmail can evaluate them.
type (
	// SearchGmail is X-GM-RAW: a query as in Gmail's search box.
	SearchGmail struct{ Query string }

	SearchGmailMessageID struct{ ID uint64 }
	SearchGmailThreadID  struct{ ID uint64 }
	SearchGmailLabel     struct{ Label string }
)

// SearchKey marks the type as a search.Key.
func (SearchGmail) SearchKey() {}

// SearchKey marks the type as a search.Key.
func (SearchGmailMessageID) SearchKey() {}

// SearchKey marks the type as a search.Key.
func (SearchGmailThreadID) SearchKey() {}

// SearchKey marks the type as a search.Key.
func (SearchGmailLabel) SearchKey() {}
