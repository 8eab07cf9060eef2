package imapstore_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/internal/peers"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/imapstore"
	"github.com/posthorn-mail/posthorn/sasl"
)

// TestObjectID lets another client rename and delete mailboxes on Cyrus, which has
// MAILBOXID: handles follow, whatever their names.
func TestObjectID(t *testing.T) {
	ctx := t.Context()
	d := peers.CyrusIMAP(t, peers.NewCertificate(t))
	dial := func(ctx context.Context, account string) (*imapclient.Client, error) {
		return imapclient.Dial(ctx, d.Addr("imap"), &imapclient.Options{AllowInsecureAuth: true,
			Credentials: &sasl.Credentials{Username: account, Password: peers.IMAPPassword}})
	}
	other, err := dial(ctx, peers.Alice)
	require.NoError(t, err)
	defer other.Close()
	t.Log(other.Capabilities())
	require.True(t, other.Capabilities().Has(imap.CapObjectID))
	store := &imapstore.Store{Dial: dial, MaxConns: 2}
	defer store.Close()
	a, err := store.Account(ctx, peers.Alice)
	require.NoError(t, err)
	defer a.Close()
	info, err := a.Create(ctx, "one", nil)
	require.NoError(t, err)
	m, err := a.Mailbox(ctx, "one")
	require.NoError(t, err)
	require.Equal(t, info, m.Info())
	body := letter(1)
	add := func() error {
		_, err := m.Append(ctx, mailbox.Incoming{Body: strings.NewReader(body), Size: int64(len(body))})
		return err
	}
	require.NoError(t, add())
	for msg, err := range m.Messages(ctx, mailbox.AllUIDs(), mailbox.WantEntry|mailbox.WantSummary|mailbox.WantContent) {
		require.NoError(t, err)
		require.NotEmpty(t, msg.EmailID)
		require.Equal(t, "letter 1", msg.Envelope.Subject)
		require.NotEmpty(t, msg.Preview)
	}
	require.NoError(t, other.Rename(ctx, "one", "two"))
	require.NoError(t, other.Create(ctx, "one"))
	snap, err := m.Snapshot(ctx)
	require.NoError(t, err)
	require.Equal(t, 1, snap.UIDs.Len(), "it is the mailbox that was renamed")
	list, err := a.Mailboxes(ctx, mailbox.ListStatus)
	require.NoError(t, err)
	for _, x := range list {
		if x.Name == "two" {
			require.Equal(t, info.ID, x.ID)
			require.EqualValues(t, 1, x.Status.Messages)
		}
	}
	require.NoError(t, add())
	st, err := m.Status(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 2, st.Messages)
	require.NoError(t, other.Delete(ctx, "two"))
	_, err = m.Status(ctx)
	require.ErrorIs(t, err, mailbox.ErrNotExist)
}
