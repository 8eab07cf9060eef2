package imap

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

func TestACLRights(t *testing.T) {
	require.Equal(t, Rights("lrs"), RightsOf(mailbox.RightLookup|mailbox.RightRead|mailbox.RightSeen))
	require.Equal(t, mailbox.AllRights, RightsOf(mailbox.AllRights).Known())
	require.Equal(t, mailbox.RightLookup|mailbox.RightCreate|mailbox.RightDelete, Rights("l0cQn").Known())
	require.Zero(t, Rights("").Known())
	require.True(t, Rights("lrs").Has("sl"))
	require.False(t, Rights("lrs").Has("lx"))
	require.True(t, Rights("lr09").Valid())
	require.True(t, Rights("").Valid())
	for _, r := range []Rights{"L", "l r", "l\r\n", "é", "lXr"} {
		require.False(t, r.Valid(), r)
	}
}
