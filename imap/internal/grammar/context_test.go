package grammar

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

func TestContext(t *testing.T) {
	deleted := search.Flag{Flag: mailbox.FlagDeleted}
	for line, want := range map[string]imap.Command{
		// RFC 5267 §4.2, §4.3, §4.3.5.
		"SEARCH RETURN (CONTEXT COUNT) DELETED":    &imap.Search{Extended: true, Return: imap.ReturnContext | imap.ReturnCount, Key: deleted},
		"UID SEARCH RETURN (UPDATE COUNT) DELETED": &imap.Search{UID: true, Extended: true, Return: imap.ReturnUpdate | imap.ReturnCount, Key: deleted},
		"SORT RETURN (UPDATE) (DATE) UTF-8 DELETED": &imap.Sort{
			Search: imap.Search{Charset: "UTF-8", Extended: true, Return: imap.ReturnUpdate, Key: deleted}, By: []search.SortKey{{By: search.SortDate}}},
		`CANCELUPDATE "B01"`:       &imap.CancelUpdate{Tags: []string{"B01"}},
		`CANCELUPDATE "B01" "B02"`: &imap.CancelUpdate{Tags: []string{"B01", "B02"}},
		// RFC 5465 §7.
		`SEARCH RETURN (COUNT UPDATE (UID BODY[HEADER.FIELDS (TO)])) FROM "boss"`: &imap.Search{
			Extended: true, Return: imap.ReturnUpdate | imap.ReturnCount, Key: search.Header{Field: "From", Value: "boss"},
			Update: []imap.FetchItem{{Att: imap.FetchUID}, {Att: imap.FetchBodySection, Section: &imap.BodySection{
				Spec: imap.SectionHeaderFields, Fields: []string{"TO"}, Text: "HEADER.FIELDS (TO)"}}}},
		"CANCELUPDATE": nil, "SEARCH RETURN (UPDATE ()) ALL": nil,
	} {
		got, err := parseOne(t, line)
		if want == nil {
			require.Error(t, err, line)
			continue
		}
		require.NoError(t, err, line)
		require.Equal(t, want, got)
		writeAndReadBack(t, got)
	}
	var e wire.Encoder
	WriteCommand(&e, &imap.CancelUpdate{})
	require.Error(t, e.Err)
}

func TestUpdates(t *testing.T) {
	add := func(pos uint32, set imap.NumSet) imap.SearchUpdate {
		return imap.SearchUpdate{Position: pos, Nums: set}
	}
	remove := imap.SearchUpdate{Remove: true, Nums: nums(32768, 32768)}
	for line, want := range map[string][]imap.SearchUpdate{
		// RFC 5267 §4.3.3, §4.3.4.
		"ADDTO (0 32768:32769)":                  {add(0, nums(32768, 32769))},
		"ADDTO (1 2733 1 2732 1 2731)":           {add(1, nums(2733, 2733)), add(1, nums(2732, 2732)), add(1, nums(2731, 2731))},
		"ADDTO (1 2733) ADDTO (1 2731:2732)":     {add(1, nums(2733, 2733)), add(1, nums(2731, 2732))},
		"REMOVEFROM (0 32768)":                   {remove},
		"REMOVEFROM (0 32768) ADDTO (1 1) UNK 1": {remove, add(1, nums(1, 1))},
	} {
		got, err := readOne(t, `* ESEARCH (TAG "B01") UID `+line)
		require.NoError(t, err, line)
		require.Equal(t, want, got.(*imap.ESearchData).Updates)
		var e wire.Encoder
		WriteResponse(&e, got)
		require.NoError(t, e.Err)
		again, err := readOne(t, string(e.B[:len(e.B)-2]))
		require.NoError(t, err)
		require.Equal(t, want, again.(*imap.ESearchData).Updates)
	}
	require.Equal(t, "B02", status(t, `* NO [NOUPDATE "B02"] Too many contexts`).Arg) // §4.3.1
}
