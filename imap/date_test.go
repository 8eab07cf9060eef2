package imap

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDateTime(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"17-Jul-1996 02:44:25 -0700", ""},
		{" 7-Feb-1994 21:52:25 +0530", ""},
		{"29-Feb-2024 00:00:00 +0000", ""},
		{"7-Feb-1994 21:52:25 -0800", " 7-Feb-1994 21:52:25 -0800"}, // node-imap
		{" 07-FEB-1994 21:52:25 -0000", " 7-Feb-1994 21:52:25 +0000"},
		{"30-Jun-2012 23:59:60 +0000", " 1-Jul-2012 00:00:00 +0000"},
	} {
		got, err := ParseDateTime(tc.in)
		require.NoError(t, err, tc.in)
		if tc.want == "" {
			tc.want = tc.in
		}
		require.Equal(t, tc.want, string(AppendDateTime(nil, got)))
	}
	for _, in := range []string{
		"", " ", "1", "17-Jul-1996", "17-Jul-96 02:44:25 -0700", "17-Jux-1996 02:44:25 -0700", "32-Jul-1996 02:44:25 -0700",
		"31-Jun-1996 02:44:25 -0700", "0-Jul-1996 02:44:25 -0700", "17-Jul-1996 24:44:25 -0700", "17-Jul-1996 02:60:25 -0700",
		"17-Jul-1996 02:44:25 0700", "17-Jul-1996 02:44:25 -07:00", "17-Jul-1996 02:44:25 -0760", "17-Jul-1996 02:44:25 -0700 ", "1x-Jul-1996 02:44:25 -0700",
	} {
		_, err := ParseDateTime(in)
		require.Error(t, err, in)
	}
	lmt := time.Date(1890, 1, 1, 0, 0, 0, 0, time.FixedZone("", 3208)) // its offset is not in whole minutes
	require.Equal(t, "31-Dec-1889 23:06:32 +0000", string(AppendDateTime(nil, lmt)))
}

func TestDate(t *testing.T) {
	for _, s := range []string{"1-Feb-1994", "31-Dec-2026"} {
		got, err := ParseDate(s)
		require.NoError(t, err)
		require.Equal(t, s, string(AppendDate(nil, got)))
	}
	got, err := ParseDate("01-feb-1994")
	require.NoError(t, err)
	require.Equal(t, "1-Feb-1994", string(AppendDate(nil, got)))
	for _, s := range []string{"", "-Feb-1994", "1-Feb-94", "30-Feb-1994", "1-Feb-1994 ", "1-Feb-19941", "001-Feb-1994"} {
		_, err := ParseDate(s)
		require.Error(t, err, s)
	}
	require.Equal(t, "1-Jan-9999", string(AppendDate(nil, time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC))))
}

func FuzzDateTime(f *testing.F) {
	f.Add(" 7-Feb-1994 21:52:25 -0800")
	f.Add("31-Dec-9999 23:59:60 +2359")
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDateTime(s)
		if err != nil || d.Year() > 9999 || d.Year() < 0 {
			return
		}
		again, err := ParseDateTime(string(AppendDateTime(nil, d)))
		require.NoError(t, err)
		require.True(t, d.Equal(again))
	})
}
