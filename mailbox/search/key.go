package search

import (
	"iter"
	"time"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// A Key is a node of a search: the types of this package, and those that
// another package adds for its own use. The method only marks the type.
//
// Keys are values; many goroutines may use a tree while none changes it.
type Key interface{ SearchKey() }

// The keys of RFC 9051 §6.4.4. One key replaces the shorthands of
// IMAP: Flag is ANSWERED, SEEN and so on, Header is FROM, TO and so on. [Unseen],
// [From] and others have the names of these shorthands.
type (
	// All matches every message.
	All struct{}

	// And matches the messages that all its keys match; if it is empty, every
	// message.
	And []Key

	Or  struct{ A, B Key }
	Not struct{ Key Key }

	// UID matches the messages of the set.
	UID struct{ Set mailbox.UIDSet }

	// Flag matches messages that have the flag, or lack it if Absent is set.
	Flag struct {
		Flag   mailbox.Flag
		Absent bool
	}

	// Date compares a date of the message, without regard to its time and
	// zone, with a day, given as midnight UTC.
	Date struct {
		Field DateField
		Op    DateOp
		Day   time.Time
	}

	// Header matches messages that have a field of that name whose text
	// contains Value; if Value is empty, the field need only exist.
	Header struct{ Field, Value string }

	Body struct{ Value string } // in the body
	Text struct{ Value string } // in header or body

	// Size compares the size in octets: above N if Larger is set, otherwise
	// below.
	Size struct {
		Larger bool
		N      int64
	}

	// ModSeq matches messages whose ModSeq is at least N (RFC 7162 §3.1.5).
	ModSeq struct{ N mailbox.ModSeq }

	// Within matches messages by the age of their internal date: at most
	// Seconds if Younger is set, otherwise at least Seconds (RFC 5032).
	Within struct {
		Younger bool
		Seconds uint32
	}

	EmailID  struct{ ID string } // RFC 8474 §6.3.1
	ThreadID struct{ ID string }

	// SaveDateSupported matches all messages if the mailbox has save dates,
	// and none otherwise (RFC 8514 §4.3).
	SaveDateSupported struct{}
)

// DateField is the date that a Date compares.
type DateField uint8

// The dates of a message.
const (
	InternalDate DateField = iota
	SentDate               // the Date field
	SaveDate               // RFC 8514
)

// DateOp is the comparison of a Date.
type DateOp uint8

// The comparisons.
const (
	DateBefore DateOp = iota // earlier than the day
	DateOn
	DateSince // the day or later
)

func (All) SearchKey()               {}
func (And) SearchKey()               {}
func (Or) SearchKey()                {}
func (Not) SearchKey()               {}
func (UID) SearchKey()               {}
func (Flag) SearchKey()              {}
func (Date) SearchKey()              {}
func (Header) SearchKey()            {}
func (Body) SearchKey()              {}
func (Text) SearchKey()              {}
func (Size) SearchKey()              {}
func (ModSeq) SearchKey()            {}
func (Within) SearchKey()            {}
func (EmailID) SearchKey()           {}
func (ThreadID) SearchKey()          {}
func (SaveDateSupported) SearchKey() {}

// Leaves yields the keys of a tree that contain no others, from left to right.
func Leaves(key Key) iter.Seq[Key] {
	return func(yield func(Key) bool) { leaves(key, yield) }
}

func leaves(key Key, yield func(Key) bool) bool {
	switch k := key.(type) {
	case And:
		for _, sub := range k {
			if !leaves(sub, yield) {
				return false
			}
		}
		return true
	case Or:
		return leaves(k.A, yield) && leaves(k.B, yield)
	case Not:
		return leaves(k.Key, yield)
	}
	return yield(key)
}

// Rewrite returns a copy of the tree in which each key that contains no others is
// replaced by the result of f. It returns the first error of f.
func Rewrite(key Key, f func(Key) (Key, error)) (Key, error) {
	switch k := key.(type) {
	case And:
		out := make(And, len(k))
		for i, sub := range k {
			var err error
			if out[i], err = Rewrite(sub, f); err != nil {
				return nil, err
			}
		}
		return out, nil
	case Or:
		a, err := Rewrite(k.A, f)
		if err != nil {
			return nil, err
		}
		b, err := Rewrite(k.B, f)
		if err != nil {
			return nil, err
		}
		return Or{a, b}, nil
	case Not:
		sub, err := Rewrite(k.Key, f)
		if err != nil {
			return nil, err
		}
		return Not{sub}, nil
	}
	return f(key)
}
