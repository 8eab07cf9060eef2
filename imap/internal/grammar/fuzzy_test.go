package grammar

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

func TestFuzzy(t *testing.T) {
	for args, want := range map[string]search.Key{
		// RFC 6203 §3 to §5.
		`FUZZY SUBJECT "IMAP break"`: imap.SearchFuzzy{Key: search.Header{Field: "Subject", Value: "IMAP break"}},
		"FUZZY SUBJECT work FROM user@example.com": search.And{
			imap.SearchFuzzy{Key: search.Header{Field: "Subject", Value: "work"}}, search.Header{Field: "From", Value: "user@example.com"}},
		"FUZZY (LARGER 900000 SMALLER 1100000)": imap.SearchFuzzy{Key: search.And{search.Size{Larger: true, N: 900000}, search.Size{N: 1100000}}},
	} {
		got, err := parseOne(t, "SEARCH "+args)
		require.NoError(t, err)
		require.Equal(t, want, got.(*imap.Search).Key)
		writeAndReadBack(t, got)
	}
	var e wire.Encoder
	WriteCommand(&e, &imap.Search{Key: imap.SearchFuzzy{Key: search.Text{Value: "é"}}})
	require.NoError(t, e.Err)
	require.Contains(t, string(e.B), "SEARCH CHARSET UTF-8 FUZZY TEXT ")
}

func TestRelevancy(t *testing.T) {
	got, err := parseOne(t, `SEARCH RETURN (RELEVANCY ALL) FUZZY TEXT "Helo"`)
	require.NoError(t, err)
	require.Equal(t, imap.ReturnAll|imap.ReturnRelevancy, got.(*imap.Search).Return)
	resp, err := readOne(t, `* ESEARCH (TAG "B1") ALL 1,5,10 RELEVANCY (4 99 42)`)
	require.NoError(t, err)
	require.Equal(t, &imap.ESearchData{Tag: "B1", All: nums(1, 1, 5, 5, 10, 10), Relevancy: []uint8{4, 99, 42}}, resp)
}
