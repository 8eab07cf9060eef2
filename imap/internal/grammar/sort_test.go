package grammar

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

func TestSort(t *testing.T) {
	undeleted := search.Flag{Flag: mailbox.FlagDeleted, Absent: true}
	for line, want := range map[string]*imap.Sort{
		// RFC 5256 §3.
		"SORT (SUBJECT) UTF-8 ON 1-Feb-1994": {
			Search: imap.Search{Charset: "UTF-8", Key: search.Date{Op: search.DateOn, Day: day(1994, 2, 1)}},
			By:     []search.SortKey{{By: search.SortSubject}},
		},
		"SORT (subject reverse date) UTF-8 ALL": {
			Search: imap.Search{Charset: "UTF-8", Key: search.All{}},
			By:     []search.SortKey{{By: search.SortSubject}, {By: search.SortDate, Reverse: true}},
		},
		`SORT (SUBJECT) US-ASCII TEXT "not in mailbox"`: {
			Search: imap.Search{Charset: "US-ASCII", Key: search.Text{Value: "not in mailbox"}},
			By:     []search.SortKey{{By: search.SortSubject}},
		},
		// RFC 5267 §3.3, §4.3.1.
		"UID SORT RETURN () (REVERSE DATE) UTF-8 UNDELETED UNKEYWORD $Junk": {
			Search: imap.Search{UID: true, Charset: "UTF-8", Extended: true, Return: imap.ReturnAll, Key: search.And{undeleted, search.Flag{Flag: "$Junk", Absent: true}}},
			By:     []search.SortKey{{By: search.SortDate, Reverse: true}},
		},
		// RFC 6203 §6.
		`SORT RETURN (PARTIAL 1:10) (RELEVANCY) UTF-8 FUZZY TEXT "World"`: {
			Search: imap.Search{
				Charset: "UTF-8", Extended: true, Partial: &imap.PartialRange{First: 1, Last: 10},
				Key: imap.SearchFuzzy{Key: search.Text{Value: "World"}},
			},
			By: []search.SortKey{{By: imap.SortRelevancy}},
		},
		"SORT (SUBJECT) koi8-r SUBJECT {3+}\r\n\xd0\xd2\xc9": {
			Search: imap.Search{Charset: "koi8-r", Key: search.Header{Field: "Subject", Value: "при"}},
			By:     []search.SortKey{{By: search.SortSubject}},
		},
		"SORT () UTF-8 ALL": nil, "SORT (SUBJECT) ALL": nil, "SORT (SUBJECT) UTF-8": nil, "SORT (REVERSE) UTF-8 ALL": nil, "SORT SUBJECT UTF-8 ALL": nil,
	} {
		t.Run(line, func(t *testing.T) {
			got, err := parseOne(t, line)
			if want == nil {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, want, got)
			require.Equal(t, "SORT", got.Name())
			writeAndReadBack(t, got)
		})
	}
}

func TestSortData(t *testing.T) {
	for line, want := range map[string]Response{
		"* SORT 2 84 882":                    &imap.SortData{Nums: []uint32{2, 84, 882}},
		"* SORT":                             &imap.SortData{},
		"* SORT 5 3 4 1 2 (MODSEQ 17162500)": &imap.SortData{Nums: []uint32{5, 3, 4, 1, 2}, ModSeq: 17162500},
		`* ESEARCH (TAG "E01") UID ALL 23765,23764,23763:23761`: &imap.ESearchData{ // RFC 5267 §3.3
			Tag: "E01", UID: true, All: nums(23765, 23765, 23764, 23764, 23763, 23761)},
	} {
		got, err := readOne(t, line)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestSortCannotBeWritten(t *testing.T) {
	for _, c := range []*imap.Sort{
		{Search: imap.Search{Key: search.All{}}},
		{Search: imap.Search{Key: search.All{}}, By: []search.SortKey{{By: 99}}},
	} {
		var e wire.Encoder
		WriteCommand(&e, c)
		require.Error(t, e.Err)
	}
}

// SORT with result options needs ESORT (RFC 5267 §3.1).
func TestExtendedSortNotOffered(t *testing.T) {
	for _, c := range []imap.Cap{imap.CapESort, imap.CapESearch} {
		p := newPeer("a SORT RETURN (ALL) (DATE) UTF-8 ALL\r\nz NOOP\r\n", wire.LimitsAfterLogin())
		p.SetOffered(func(x imap.Cap) bool { return x == imap.CapSort || x == c })
		_, _, err := p.ReadCommand()
		require.Equal(t, c == imap.CapESort, err == nil, "%s: %v", c, err)
		inStep(t, p)
	}
}
