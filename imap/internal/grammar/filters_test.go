package grammar

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

func TestFilter(t *testing.T) {
	got, err := parseOne(t, `SEARCH UID 300:900 FILTER on-the-road SINCE "3-Dec-2002"`) // RFC 5466 §3.1
	require.NoError(t, err)
	require.Equal(t, search.And{
		imap.SearchUID{Set: nums(300, 900)}, imap.SearchFilter{Name: "on-the-road"}, search.Date{Op: search.DateSince, Day: day(2002, 12, 3)},
	}, got.(*imap.Search).Key)
	writeAndReadBack(t, got)
	_, err = parseOne(t, "SEARCH FILTER a/b")
	require.Error(t, err)
	for _, name := range []string{"", "a/b", "a b", "a\r\nb"} {
		var e wire.Encoder
		WriteCommand(&e, &imap.Search{Key: imap.SearchFilter{Name: name}})
		require.Error(t, e.Err, "%q", name)
	}
}
