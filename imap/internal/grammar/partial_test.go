package grammar

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

func TestPartial(t *testing.T) {
	for args, want := range map[string]*imap.PartialRange{
		// RFC 9394 §3.1.
		"RETURN (PARTIAL -1:-100) UNDELETED":         {First: -1, Last: -100},
		"RETURN (PARTIAL 23500:24000) UNDELETED":     {First: 23500, Last: 24000},
		"RETURN (COUNT PARTIAL 500:400) UNDELETED":   {First: 500, Last: 400},
		"RETURN (PARTIAL 1:4294967295) ALL":          {First: 1, Last: 4294967295},
		"RETURN (PARTIAL 1:-100) ALL":                nil,
		"RETURN (PARTIAL -1:100) ALL":                nil,
		"RETURN (PARTIAL 0:1) ALL":                   nil,
		"RETURN (PARTIAL 1:*) ALL":                   nil,
		"RETURN (PARTIAL 1) ALL":                     nil,
		"RETURN (PARTIAL 1:4294967296) ALL":          nil,
		"RETURN (PARTIAL 1:2 ALL) ALL":               nil,
		"RETURN (PARTIAL 1:2 PARTIAL 1:2) UNDELETED": nil,
	} {
		got, err := parseOne(t, "UID SEARCH "+args)
		if want == nil {
			require.Error(t, err, args)
			continue
		}
		require.NoError(t, err, args)
		require.Equal(t, want, got.(*imap.Search).Partial)
		require.Zero(t, got.(*imap.Search).Return&imap.ReturnAll)
		writeAndReadBack(t, got)
	}
	for _, r := range []imap.PartialRange{{}, {First: 1}, {First: 1, Last: -1}, {First: -1, Last: 1}, {First: 1, Last: 1 << 32}, {First: -1 << 63, Last: -1}} {
		var e wire.Encoder
		WriteCommand(&e, &imap.Search{Key: search.All{}, Extended: true, Partial: &r})
		require.Error(t, e.Err, "%v", r)
	}
}

// Ranges from the end need PARTIAL (RFC 9394 §3.1); RFC 5267 has the others.
func TestPartialFromEndNotOffered(t *testing.T) {
	for args, ok := range map[string]bool{"PARTIAL 1:2": true, "PARTIAL -1:-2": false} {
		p := newPeer("a SEARCH RETURN ("+args+") ALL\r\nz NOOP\r\n", wire.LimitsAfterLogin())
		p.SetOffered(func(x imap.Cap) bool { return x == imap.CapContextSearch })
		_, _, err := p.ReadCommand()
		require.Equal(t, ok, err == nil, "%v", err)
		inStep(t, p)
	}
}

func TestPartialData(t *testing.T) {
	for line, want := range map[string]*imap.ESearchData{
		`* ESEARCH (TAG "A04") UID PARTIAL (24000:24500 NIL)`: { // RFC 9394 §3.1
			Tag: "A04", UID: true, Partial: &imap.PartialData{Range: imap.PartialRange{First: 24000, Last: 24500}}},
		`* ESEARCH (TAG "A01") UID PARTIAL (-1:-100 7,9:11)`: {
			Tag: "A01", UID: true, Partial: &imap.PartialData{Range: imap.PartialRange{First: -1, Last: -100}, Nums: nums(7, 7, 9, 11)}},
		`* ESEARCH (TAG "C3") PARTIAL (1:10 42,9,34)`: { // RFC 6203 §6
			Tag: "C3", Partial: &imap.PartialData{Range: imap.PartialRange{First: 1, Last: 10}, Nums: nums(42, 42, 9, 9, 34, 34)}},
	} {
		got, err := readOne(t, line)
		require.NoError(t, err, line)
		require.Equal(t, want, got)
	}
}

func TestPartialFetch(t *testing.T) {
	got, err := parseOne(t, "UID FETCH 25900:26600 (UID FLAGS) (PARTIAL -1:-3)") // RFC 9394 §3.3
	require.NoError(t, err)
	require.Equal(t, &imap.PartialRange{First: -1, Last: -3}, got.(*imap.Fetch).Partial)
	writeAndReadBack(t, got)
	got, err = parseOne(t, "UID FETCH 25900:26600 (UID FLAGS) (CHANGEDSINCE 98305 PARTIAL -1:-30)") // §3.4
	require.NoError(t, err)
	require.Equal(t, modSeq(98305), got.(*imap.Fetch).ChangedSince)
	writeAndReadBack(t, got)
	_, err = parseOne(t, "FETCH 1:* (UID FLAGS) (PARTIAL -1:-3)")
	require.Error(t, err)
}
