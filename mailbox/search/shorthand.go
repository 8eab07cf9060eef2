package search

import (
	"math"
	"time"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// Messages by their system flags. They are for reading only.
var (
	Seen       Key = Flag{Flag: mailbox.FlagSeen}
	Unseen     Key = Flag{Flag: mailbox.FlagSeen, Absent: true}
	Answered   Key = Flag{Flag: mailbox.FlagAnswered}
	Unanswered Key = Flag{Flag: mailbox.FlagAnswered, Absent: true}
	Flagged    Key = Flag{Flag: mailbox.FlagFlagged}
	Unflagged  Key = Flag{Flag: mailbox.FlagFlagged, Absent: true}
	Deleted    Key = Flag{Flag: mailbox.FlagDeleted}
	Undeleted  Key = Flag{Flag: mailbox.FlagDeleted, Absent: true}
	Draft      Key = Flag{Flag: mailbox.FlagDraft}
	Undraft    Key = Flag{Flag: mailbox.FlagDraft, Absent: true}
)

// Keyword returns the key of the messages that have the flag.
func Keyword(f mailbox.Flag) Key { return Flag{Flag: f} }

// Unkeyword returns the key of the messages that lack the flag.
func Unkeyword(f mailbox.Flag) Key { return Flag{Flag: f, Absent: true} }

// From returns the key of the messages whose From field contains text, in a name
// or an address; see [Header].
func From(text string) Key { return Header{"From", text} }

// To is as From, for the To field.
func To(text string) Key { return Header{"To", text} }

// Cc is as From, for the Cc field.
func Cc(text string) Key { return Header{"Cc", text} }

// Bcc is as From, for the Bcc field.
func Bcc(text string) Key { return Header{"Bcc", text} }

// Subject returns the key of the messages whose subject contains text.
func Subject(text string) Key { return Header{"Subject", text} }

// Larger returns the key of the messages with more than n octets.
func Larger(n int64) Key { return Size{Larger: true, N: n} }

// Smaller returns the key of the messages with fewer than n octets.
func Smaller(n int64) Key { return Size{N: n} }

// UIDs returns the key of the messages of the set.
func UIDs(set mailbox.UIDSet) Key { return UID{set} }

// Before returns the key of the messages received before the day of t. The day
// is that of t in its own zone, here and in the functions below; see [Date].
func Before(t time.Time) Key { return Date{InternalDate, DateBefore, dayOf(t)} }

// On returns the key of the messages received on the day of t.
func On(t time.Time) Key { return Date{InternalDate, DateOn, dayOf(t)} }

// Since returns the key of the messages received on the day of t or later.
func Since(t time.Time) Key { return Date{InternalDate, DateSince, dayOf(t)} }

// SentBefore is as Before, for the date of the Date field. It does not match
// messages without one, and nor do SentOn and SentSince.
func SentBefore(t time.Time) Key { return Date{SentDate, DateBefore, dayOf(t)} }

// SentOn is as On, for the date of the Date field.
func SentOn(t time.Time) Key { return Date{SentDate, DateOn, dayOf(t)} }

// SentSince is as Since, for the date of the Date field.
func SentSince(t time.Time) Key { return Date{SentDate, DateSince, dayOf(t)} }

// Younger returns the key of the messages received at most d ago (RFC 5032). IMAP
// counts whole seconds, at least one: a fraction is ignored.
func Younger(d time.Duration) Key { return Within{Younger: true, Seconds: seconds(d)} }

// Older returns the key of the messages received at least d ago. A fraction of a
// second counts as a second.
func Older(d time.Duration) Key {
	return Within{Seconds: seconds(d + min(time.Second-1, math.MaxInt64-d))}
}

// seconds returns the whole seconds of d that an nz-number can hold.
func seconds(d time.Duration) uint32 {
	return uint32(min(max(int64(d/time.Second), 1), math.MaxUint32))
}

// dayOf returns the day of t in the zone that t has, as midnight UTC.
func dayOf(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}
