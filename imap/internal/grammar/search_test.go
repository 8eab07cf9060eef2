package grammar

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
)

func TestSearch(t *testing.T) {
	deleted := imap.SearchFlag{Flag: mailbox.FlagDeleted}
	unseen := imap.SearchFlag{Flag: mailbox.FlagSeen, Absent: true}
	for _, tc := range []struct {
		args string
		want imap.SearchKey
	}{
		{"ALL", imap.SearchAll{}},
		{"FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\"", imap.SearchAnd{ // RFC 3501 §6.4.4
			imap.SearchFlag{Flag: mailbox.FlagFlagged},
			imap.SearchDate{Op: imap.Since, Date: day(1994, time.February, 1)},
			imap.SearchNot{Key: imap.SearchHeader{Field: "From", Value: "Smith"}},
		}},
		{"TEXT \"string not in mailbox\"", imap.SearchText{Value: "string not in mailbox"}},
		{"charset UTF-8 TEXT {6}\r\n\u043f\u0440\u0438", imap.SearchText{Value: "при"}},
		{"CHARSET koi8-r SUBJECT {3+}\r\n\xd0\xd2\xc9", imap.SearchHeader{Field: "Subject", Value: "при"}},
		{"CHARSET \"us-ascii\" BODY x", imap.SearchBody{Value: "x"}},
		{"SUBJECT \"\u00e9\"", imap.SearchHeader{Field: "Subject", Value: "é"}},
		{"2:4,7", imap.SearchSeq{Set: nums(2, 4, 7, 7)}},
		{"* UID 1:*", imap.SearchAnd{imap.SearchSeq{Set: nums(imap.Star, imap.Star)}, imap.SearchUID{Set: nums(1, imap.Star)}}},
		{"$ SMALLER 4096", imap.SearchAnd{imap.SearchSeq{Set: imap.NumSet{Saved: true}}, imap.SearchSize{N: 4096}}},
		{"OR SEEN OR (DELETED UNSEEN) UNDRAFT", imap.SearchOr{
			A: imap.SearchFlag{Flag: mailbox.FlagSeen},
			B: imap.SearchOr{A: imap.SearchAnd{deleted, unseen}, B: imap.SearchFlag{Flag: mailbox.FlagDraft, Absent: true}},
		}},
		{"((DELETED))", deleted},
		{"NOT NOT DELETED", imap.SearchNot{Key: imap.SearchNot{Key: deleted}}},
		{"NEW", imap.SearchAnd{imap.SearchRecent{}, unseen}},
		{"OLD", imap.SearchRecent{Absent: true}},
		{"KEYWORD $Forwarded UNKEYWORD x", imap.SearchAnd{imap.SearchFlag{Flag: "$Forwarded"}, imap.SearchFlag{Flag: "x", Absent: true}}},
		{"HEADER Message-ID <a@b>", imap.SearchHeader{Field: "Message-ID", Value: "<a@b>"}},
		{"HEADER X-Foo \"\"", imap.SearchHeader{Field: "X-Foo"}},
		{"SENTBEFORE \"31-Dec-2020\"", imap.SearchDate{Field: imap.SentDate, Op: imap.Before, Date: day(2020, time.December, 31)}},
		{"SAVEDON 3-mar-2020", imap.SearchDate{Field: imap.SaveDate, Op: imap.On, Date: day(2020, time.March, 3)}},
		{"MODSEQ 620162338", imap.SearchModSeq{N: 620162338}},
		{"MODSEQ \"/flags/\\\\draft\" all 620162338", imap.SearchModSeq{N: 620162338, Entry: `/flags/\draft`, Type: "all"}},
		{"YOUNGER 259200", imap.SearchWithin{Younger: true, Seconds: 259200}},
		{"EMAILID M6d99ac3275bb4e", imap.SearchEmailID{ID: "M6d99ac3275bb4e"}},

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
