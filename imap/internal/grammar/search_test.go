package grammar

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

func TestSearch(t *testing.T) {
	deleted := search.Flag{Flag: mailbox.FlagDeleted}
	unseen := search.Flag{Flag: mailbox.FlagSeen, Absent: true}
	for _, tc := range []struct {
		args string
		want search.Key
	}{
		{"ALL", search.All{}},
		{"FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\"", search.And{ // RFC 3501 §6.4.4
			search.Flag{Flag: mailbox.FlagFlagged},
			search.Date{Op: search.DateSince, Day: day(1994, time.February, 1)},
			search.Not{Key: search.Header{Field: "From", Value: "Smith"}},
		}},
		{"TEXT \"string not in mailbox\"", search.Text{Value: "string not in mailbox"}},
		{"charset UTF-8 TEXT {6}\r\n\u043f\u0440\u0438", search.Text{Value: "при"}},
		{"CHARSET koi8-r SUBJECT {3+}\r\n\xd0\xd2\xc9", search.Header{Field: "Subject", Value: "при"}},
		{"CHARSET \"us-ascii\" BODY x", search.Body{Value: "x"}},
		{"SUBJECT \"\u00e9\"", search.Header{Field: "Subject", Value: "é"}},
		{"2:4,7", imap.SearchSeq{Set: nums(2, 4, 7, 7)}},
		{"* UID 1:*", search.And{imap.SearchSeq{Set: nums(imap.Star, imap.Star)}, imap.SearchUID{Set: nums(1, imap.Star)}}},
		{"$ SMALLER 4096", search.And{imap.SearchSeq{Set: imap.NumSet{Saved: true}}, search.Size{N: 4096}}},
		{"OR SEEN OR (DELETED UNSEEN) UNDRAFT", search.Or{
			A: search.Flag{Flag: mailbox.FlagSeen},
			B: search.Or{A: search.And{deleted, unseen}, B: search.Flag{Flag: mailbox.FlagDraft, Absent: true}},
		}},
		{"((DELETED))", deleted},
		{"NOT NOT DELETED", search.Not{Key: search.Not{Key: deleted}}},
		{"NEW", search.And{imap.SearchRecent{}, unseen}},
		{"OLD", imap.SearchRecent{Absent: true}},
		{"KEYWORD $Forwarded UNKEYWORD x", search.And{search.Flag{Flag: "$Forwarded"}, search.Flag{Flag: "x", Absent: true}}},
		{"HEADER Message-ID <a@b>", search.Header{Field: "Message-ID", Value: "<a@b>"}},
		{"HEADER X-Foo \"\"", search.Header{Field: "X-Foo"}},
		{"SENTBEFORE \"31-Dec-2020\"", search.Date{Field: search.SentDate, Op: search.DateBefore, Day: day(2020, time.December, 31)}},
		{"SAVEDON 3-mar-2020", search.Date{Field: search.SaveDate, Op: search.DateOn, Day: day(2020, time.March, 3)}},
		{"MODSEQ 620162338", search.ModSeq{N: 620162338}},
		{"MODSEQ \"/flags/\\\\draft\" all 620162338", imap.SearchModSeq{N: 620162338, Entry: `/flags/\draft`, Type: "all"}},
		{"YOUNGER 259200", search.Within{Younger: true, Seconds: 259200}},
		{"EMAILID M6d99ac3275bb4e", search.EmailID{ID: "M6d99ac3275bb4e"}},

		{"", nil},
		{"()", nil},
		{"(SEEN", nil},
		{"SEEN)", nil},
		{"OR SEEN", nil},
		{"NOT", nil},
		{"FROBNICATE", nil},
		{"SINCE 30-Feb-2020", nil},
		{"SINCE 1-Feb-20", nil},
		{"LARGER x", nil},
		{"CHARSET UTF-8", nil},
	} {
		t.Run(tc.args, func(t *testing.T) {
			got, err := parseOne(t, "UID SEARCH "+tc.args)
			if tc.want == nil {
				var e *imap.Error
				require.ErrorAs(t, err, &e)
				require.Equal(t, imap.BAD, e.Status)
				return
			}
			require.NoError(t, err)
			c := got.(*imap.Search)
			require.True(t, c.UID)
			require.Equal(t, tc.want, c.Key)
			writeAndReadBack(t, c)
		})
	}
}

// search.UID is written as UID, and read as imap.SearchUID.
func TestSearchUIDSet(t *testing.T) {
	e := wire.Encoder{Mode: wire.LiteralPlus}
	writeKey(&e, search.UID{Set: mailbox.UIDSetOf(3, 4, 9)})
	require.NoError(t, e.Err)
	require.Equal(t, "UID 3:4,9", string(e.B))
	writeKey(&e, search.UID{})
	require.Error(t, e.Err, "an empty set")
}

func TestSearchReturn(t *testing.T) {
	for args, want := range map[string]imap.SearchReturn{
		"RETURN () SEEN":          imap.ReturnAll,
		"RETURN (MIN count) SEEN": imap.ReturnMin | imap.ReturnCount,
		"RETURN (SAVE) SEEN":      imap.ReturnSave,
	} {
		got, err := parseOne(t, "SEARCH "+args)
		require.NoError(t, err)
		require.True(t, got.(*imap.Search).Extended)
		require.Equal(t, want, got.(*imap.Search).Return)
		writeAndReadBack(t, got)
	}
	_, err := parseOne(t, "SEARCH RETURN (FOO) ALL")
	require.Error(t, err)
}

func TestSearchBadCharset(t *testing.T) {
	for _, args := range []string{"CHARSET x-klingon ALL", "CHARSET utf-16le TEXT a", "TEXT {1+}\r\n\xff", "CHARSET utf-8 TEXT {1+}\r\n\xff"} {
		_, err := parseOne(t, "SEARCH "+args)
		require.True(t, errors.Is(err, &imap.Error{Status: imap.NO, Code: imap.CodeBadCharset}), "%v", err)
	}
}
