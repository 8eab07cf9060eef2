package search

import "github.com/posthorn-mail/posthorn/mailbox"

// SortField is what messages are sorted by (RFC 5256 §3, RFC 5957).
type SortField uint8

// The sort fields.
const (
	SortArrival SortField = iota // internal date
	SortCc
	SortDate // sent date
	SortFrom
	SortSize
	SortSubject
	SortTo
	SortDisplayFrom // RFC 5957
	SortDisplayTo   // RFC 5957
)

// A SortKey is a criterion to sort by.
type SortKey struct {
	By      SortField
	Reverse bool
}

// Algorithm is a threading algorithm, as named in THREAD= capabilities.
type Algorithm string

// The algorithms.
const (
	OrderedSubject Algorithm = "ORDEREDSUBJECT" // RFC 5256 §3
	References     Algorithm = "REFERENCES"     // RFC 5256 §3
	Refs           Algorithm = "REFS"           // as References, without joining by subject
)

// A Thread is a message, or a place for one that is missing (UID zero), with
// its answers.
type Thread struct {
	UID      mailbox.UID
	Children []*Thread
}
