package imap

// ESearch is the ESEARCH command (RFC 7377 §2), which searches several mailboxes.
// Its results are UIDs, whatever Search.UID says: an ESEARCH response for each
// mailbox with matching messages.
type ESearch struct {
	Search
	In []Scope // empty: the selected mailbox
}

func (*ESearch) Name() string { return "ESEARCH" }
