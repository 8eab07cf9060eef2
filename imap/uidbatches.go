package imap

import "github.com/posthorn-mail/posthorn/mailbox"

// UIDBatches is UIDBATCHES (RFC 10022): it asks for ranges of UIDs that have Size
// messages each. First and Last say which of the batches to return, counted from
// 1 at the highest UIDs; both are zero for all.
type UIDBatches struct {
	Size        uint32
	First, Last uint32
}

func (*UIDBatches) Name() string { return "UIDBATCHES" }

// UIDBatchesData is a UIDBATCHES response. The batches descend.
type UIDBatchesData struct {
	Tag     string
	Batches []mailbox.UIDRange
}
