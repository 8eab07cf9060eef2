package search_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

func TestShorthands(t *testing.T) {
	late := time.Date(2020, 3, 3, 23, 30, 0, 0, time.FixedZone("", -7*3600)) // 4 March in UTC
	for _, tc := range []struct{ got, want search.Key }{
		{search.Seen, flag(mailbox.FlagSeen)},
		{search.Unseen, unflag(mailbox.FlagSeen)},
		{search.Answered, flag(mailbox.FlagAnswered)},
		{search.Unanswered, unflag(mailbox.FlagAnswered)},
		{search.Flagged, flag(mailbox.FlagFlagged)},
		{search.Unflagged, unflag(mailbox.FlagFlagged)},
		{search.Deleted, flag(mailbox.FlagDeleted)},
		{search.Undeleted, unflag(mailbox.FlagDeleted)},
		{search.Draft, flag(mailbox.FlagDraft)},
		{search.Undraft, unflag(mailbox.FlagDraft)},
		{search.Keyword("$Junk"), flag("$Junk")},
		{search.Unkeyword("$Junk"), unflag("$Junk")},
		{search.From("a"), header("From", "a")},
		{search.To("a"), header("To", "a")},
		{search.Cc("a"), header("Cc", "a")},
		{search.Bcc("a"), header("Bcc", "a")},
		{search.Subject("a"), header("Subject", "a")},
		{search.Larger(7), search.Size{Larger: true, N: 7}},
		{search.Smaller(7), search.Size{N: 7}},
		{search.UIDs(mailbox.UIDSetOf(2, 3)), uid(2, 3)},
		{search.Before(late), search.Date{Op: search.DateBefore, Day: day(2020, 3, 3)}},
		{search.On(late), search.Date{Op: search.DateOn, Day: day(2020, 3, 3)}},
		{search.Since(late), search.Date{Op: search.DateSince, Day: day(2020, 3, 3)}},
		{search.Since(late.UTC()), search.Date{Op: search.DateSince, Day: day(2020, 3, 4)}},
		{search.SentBefore(late), search.Date{Field: search.SentDate, Op: search.DateBefore, Day: day(2020, 3, 3)}},
		{search.SentOn(late), search.Date{Field: search.SentDate, Op: search.DateOn, Day: day(2020, 3, 3)}},
		{search.SentSince(late), search.Date{Field: search.SentDate, Op: search.DateSince, Day: day(2020, 3, 3)}},
		{search.Younger(time.Minute), search.Within{Younger: true, Seconds: 60}},
		{search.Younger(1900 * time.Millisecond), search.Within{Younger: true, Seconds: 1}},
		{search.Older(1900 * time.Millisecond), search.Within{Seconds: 2}},
		{search.Older(time.Hour), search.Within{Seconds: 3600}},
		{search.Younger(-time.Hour), search.Within{Younger: true, Seconds: 1}},
		{search.Older(0), search.Within{Seconds: 1}},
		{search.Older(math.MaxInt64), search.Within{Seconds: math.MaxUint32}},
	} {
		require.Equal(t, tc.want, tc.got)
	}
}
