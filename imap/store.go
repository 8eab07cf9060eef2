package imap

import "github.com/posthorn-mail/posthorn/mailbox"

// Store is STORE, or UID STORE.
type Store struct {
	UID    bool
	Set    NumSet
	Op     mailbox.FlagOp
	Silent bool // ".SILENT"

	// Item is what the command changes; it determines which field has the new
	// value.
	Item        StoreItem
	Flags       []mailbox.Flag
	Labels      []string     // StoreGmailLabels; see GmailData
	Annotations []Annotation // StoreAnnotation; Op and Silent have no meaning

	// UnchangedSince is the modifier of RFC 7162 §3.1.3; nil if it was not
	// given, since zero is a valid value.
	UnchangedSince *mailbox.ModSeq
}

// StoreItem names what STORE changes.
type StoreItem uint8

// What STORE can change.
const (
	StoreFlags       StoreItem = iota
	StoreGmailLabels           // X-GM-LABELS
	StoreAnnotation            // RFC 5257 §4.5
)

func (*Store) Name() string { return "STORE" }
