package imap

import (
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// Search is SEARCH, or UID SEARCH (RFC 9051 §6.4.4).
type Search struct {
	UID bool

	// Charset is the charset that the client named, or empty. The strings of
	// Key are already converted from it to UTF-8.
	Charset string

	// NoCharset makes a client leave out CHARSET even if Key has strings that
	// are not US-ASCII, for servers that refuse it.
	NoCharset bool

	Key search.Key // never nil; keys of package search and of this one

	// Extended says that RETURN was given (RFC 4731), and Return and Partial
	// hold its options; RETURN () means ALL.
	Extended bool
	Return   SearchReturn
	Partial  *PartialRange // RFC 9394 §3.1, RFC 5267 §4.4; not with ReturnAll
	Update   []FetchItem   // what to tell of new messages with ReturnUpdate (RFC 5465 §7)
}

func (*Search) Name() string { return "SEARCH" }

// SearchReturn is a set of result options of SEARCH, SORT and ESEARCH (RFC 4731
// §3.1, RFC 5182).
type SearchReturn uint8

// The result options.
const (
	ReturnMin SearchReturn = 1 << iota
	ReturnMax
	ReturnAll
	ReturnCount
	ReturnSave
	ReturnContext   // RFC 5267 §4.2: the client is likely to search for the same again
	ReturnUpdate    // RFC 5267 §4.3: tell changes of the result
	ReturnRelevancy // RFC 6203 §4; needs a SearchFuzzy
)

// The search keys that only an IMAP session can evaluate. A server replaces them
// by keys of package search; see [search.Rewrite].
type (
	SearchSeq struct{ Set NumSet } // by sequence number
	SearchUID struct{ Set NumSet }

	// SearchRecent matches messages with \Recent (RFC 3501), or without it
	// (OLD) if Absent is set. NEW is the search.And of this key and UNSEEN.
	SearchRecent struct{ Absent bool }

	// SearchModSeq is MODSEQ with the metadata item that a client may name
	// (RFC 7162 §3.1.5). Servers that keep one ModSeq for each message
	// treat it as search.ModSeq.
	SearchModSeq struct {
		N           mailbox.ModSeq
		Entry, Type string
	}
)

// SearchKey marks the type as a search.Key.
func (SearchSeq) SearchKey() {}

// SearchKey marks the type as a search.Key.
func (SearchUID) SearchKey() {}

// SearchKey marks the type as a search.Key.
func (SearchRecent) SearchKey() {}

// SearchKey marks the type as a search.Key.
func (SearchModSeq) SearchKey() {}

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
	Mailbox         string // RFC 7377 §2.1; empty: the selected one
	UIDValidity     uint32 // of Mailbox
	UID             bool
	Min, Max, Count *uint32
	All             NumSet       // without "*"; in the order asked for if it answers SORT
	Partial         *PartialData // RFC 9394 §3.1
	ModSeq          mailbox.ModSeq
	Relevancy       []uint8        // from 1 to 100, of the messages of All or Partial in their order (RFC 6203 §4)
	Updates         []SearchUpdate // RFC 5267 §4.3, to be applied in this order
	Unknown         []NamedValue
}
