package imap

import "github.com/posthorn-mail/posthorn/mailbox"

// Store is STORE, or UID STORE.
type Store struct {
	UID    bool
	Set    NumSet
	Op     mailbox.FlagOp
	Silent bool // ".SILENT"
	Flags  []mailbox.Flag

	// UnchangedSince is the modifier of RFC 7162 §3.1.3; nil if it was not
	// given, since zero is a valid value.
	UnchangedSince *mailbox.ModSeq
}

func (*Store) Name() string { return "STORE" }
