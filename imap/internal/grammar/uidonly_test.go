package grammar

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
)

func TestUIDFetch(t *testing.T) {
	var e wire.Encoder
	BeginUIDFetch(&e, 25996)
	WriteItemName(&e, imap.FetchFlags, nil)
	e.Flags(mailbox.FlagSeen)
	EndFetch(&e)
	require.Equal(t, "* 25996 UIDFETCH (FLAGS (\\Seen))\r\n", string(e.B)) // RFC 9586 §3
	r := responsesOf(string(e.B) + "* 7 UIDFETCH x\r\n* 4 EXISTS\r\n")
	resp, err := r.Read()
	require.NoError(t, err)
	require.Equal(t, &Fetch{UID: 25996}, resp)
	items, _ := itemsOf(t, r)
	require.Len(t, items, 1)
	require.Equal(t, mailbox.NewFlagSet(mailbox.FlagSeen), items[0].Flags)
	_, err = r.Read()
	require.Error(t, err)
	resp, err = r.Read()
	require.NoError(t, err)
	require.Equal(t, &Count{"EXISTS", 4}, resp)
	require.Equal(t, imap.CodeUIDRequired, status(t, "07 BAD [UIDREQUIRED] Message numbers are not allowed once UIDONLY is enabled").Code)
}
