package imap

import (
	"time"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// Search is SEARCH, or UID SEARCH (RFC 9051 §6.4.4).
type Search struct {
	UID bool

	// Charset is what the client named, empty if it named none. The strings
	// of Key have been converted from it: they are UTF-8.
	Charset string
	Key     SearchKey // never nil

	// Extended tells that RETURN was given (RFC 4731), and Return what it
	// asked for; RETURN () means ALL.
	Extended bool
	Return   SearchReturn
}

func (*Search) Name() string { return "SEARCH" }

// SearchReturn is a set of result options (RFC 4731 §3.1, RFC 5182).
type SearchReturn uint8

// The result options.
const (
	ReturnMin SearchReturn = 1 << iota
	ReturnMax
	ReturnAll
	ReturnCount
	ReturnSave
)

// A SearchKey is a node of a search program. The types are those of this
// package whose names begin with Search. An extension adds types.
type SearchKey interface{ searchKey() }

// The keys of RFC 9051 §6.4.4. Keys that are shorthands have been replaced by
// what they stand for: ANSWERED and its kin are SearchFlag, FROM and its kin
// are SearchHeader, NEW is And{SearchRecent, Not{Seen}}.
type (
	SearchAll struct{}

	// SearchAnd matches what all its keys match; SearchAll is not needed in it.
	SearchAnd []SearchKey
	SearchOr  struct{ A, B SearchKey }
	SearchNot struct{ Key SearchKey }

	SearchSeq struct{ Set NumSet } // by sequence number
	SearchUID struct{ Set NumSet }

	// SearchFlag matches messages that have the flag, or lack it with Absent.
	SearchFlag struct {
		Flag   mailbox.Flag
		Absent bool
	}

	// SearchRecent matches messages with \Recent (RFC 3501), or without it
	// (OLD) with Absent.
	SearchRecent struct{ Absent bool }

	// SearchDate compares a date without regard to time and zone: Date is
	// midnight UTC of the day.
	SearchDate struct {
		Field DateField
		Op    DateOp
		Date  time.Time
	}

	// SearchHeader matches messages that have a field of that name whose text
	// contains Value; every such field if Value is empty.
	SearchHeader struct{ Field, Value string }

	SearchBody struct{ Value string } // in the body
	SearchText struct{ Value string } // in header or body

	// SearchSize compares the size in octets: above N with Larger, otherwise
	// below.
	SearchSize struct {
		Larger bool
		N      int64
	}

	// SearchModSeq matches messages whose ModSeq is at least N (RFC 7162
	// §3.1.5). Entry and Type are the metadata item that the client named, if
	// it did; servers with one ModSeq for a message take no heed of it.
	SearchModSeq struct {
		N           mailbox.ModSeq
		Entry, Type string
	}

	// SearchWithin matches messages by the age of their internal date: at
	// most Seconds with Younger, otherwise at least (RFC 5032).
	SearchWithin struct {
		Younger bool
		Seconds uint32
	}

	SearchEmailID  struct{ ID string } // RFC 8474 §6.3.1
	SearchThreadID struct{ ID string }

	// SearchSaveDateSupported matches all messages where the mailbox knows
	// save dates, and none elsewhere (RFC 8514 §4.3).
	SearchSaveDateSupported struct{}
)

// DateField is the date that a SearchDate looks at.
type DateField uint8

const (
	InternalDate DateField = iota
	SentDate               // the Date field
	SaveDate               // RFC 8514
)

// DateOp is the comparison of a SearchDate.
type DateOp uint8

const (
	Before DateOp = iota // earlier than the day
	On
	Since // the day or later
)

func (SearchAll) searchKey()               {}
func (SearchAnd) searchKey()               {}
func (SearchOr) searchKey()                {}
func (SearchNot) searchKey()               {}
func (SearchSeq) searchKey()               {}
func (SearchUID) searchKey()               {}
func (SearchFlag) searchKey()              {}
func (SearchRecent) searchKey()            {}
func (SearchDate) searchKey()              {}
func (SearchHeader) searchKey()            {}
func (SearchBody) searchKey()              {}
func (SearchText) searchKey()              {}
func (SearchSize) searchKey()              {}
func (SearchModSeq) searchKey()            {}
func (SearchWithin) searchKey()            {}
func (SearchEmailID) searchKey()           {}
func (SearchThreadID) searchKey()          {}
func (SearchSaveDateSupported) searchKey() {}

// SearchData is a SEARCH response (RFC 3501 §7.2.5). Nums are sequence numbers
// or UIDs, as the command asked for, in the order that the server sent.
type SearchData struct {
	Nums   []uint32
	ModSeq mailbox.ModSeq // zero: not given
}

// ESearchData is an ESEARCH response (RFC 9051 §7.3.4). Min, Max and Count are
// nil, and All is empty, where the response lacks them.
type ESearchData struct {
	Tag             string // of the command that it answers, if given
	UID             bool
	Min, Max, Count *uint32
	All             NumSet // without "*"
	ModSeq          mailbox.ModSeq
}
