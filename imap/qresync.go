package imap

import "github.com/posthorn-mail/posthorn/mailbox"

// QResync is what a client remembers of a mailbox that it selects again (RFC
// 7162 §3.2.5).
type QResync struct {
	UIDValidity uint32
	ModSeq      mailbox.ModSeq
	KnownUIDs   mailbox.UIDSet // empty: all below the lowest that has vanished or changed
	SeqMatch    *SeqMatch
}

// SeqMatch pairs sequence numbers with the UIDs that they had; both sets have
// the same number of elements.
type SeqMatch struct {
	Seqs NumSet
	UIDs NumSet
}

// VanishedData is a VANISHED response (RFC 7162 §3.2.10).
type VanishedData struct {
	Earlier bool
	UIDs    mailbox.UIDSet
}
