package mailboxtest

import (
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// testDamage damages one message of three and checks that it costs itself only.
func testDamage(t *testing.T, f *fixture) {
	if f.Damage == nil {
		t.Skip("Options.Damage is not set")
	}
	m := f.box(t, "INBOX")
	f.box(t, "other")
	put := fill(t, m, 5)
	bad := put[2]
	f.Damage(t, f.store, user, "INBOX", bad)
	damaged := 0
	for want := mailbox.WantFlags; want != 0; want <<= 1 {
		var seen mailbox.UIDSet
		for msg, err := range m.Messages(f.ctx, mailbox.AllUIDs(), want) {
			var one *mailbox.MessageError
			switch {
			case errors.As(err, &one):
				require.Nil(t, msg)
				require.Equal(t, bad, one.UID)
				seen.Add(one.UID)
				damaged++
			case err != nil:
				require.NoError(t, err)
			default:
				seen.Add(msg.UID)
				if c := msg.Content; c != nil && want == mailbox.WantContent {
					// Only the octets may be damaged: then the Content tells.
					b, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
					if msg.UID == bad && (err != nil || string(b) != text("m2")) {
						require.ErrorAs(t, err, &one, "wrong octets are not handed out as right ones")
						require.Equal(t, bad, one.UID)
						damaged++
					} else {
						require.NoError(t, err)
					}
				}
			}
		}
		require.Equal(t, mailbox.UIDSetOf(put...).String(), seen.String(), "the iteration goes on, want %b", want)
	}
	require.NotZero(t, damaged, "Options.Damage damages what can be read")

	// All else works, and the message can be removed.
	require.EqualValues(t, 5, status(t, m).Messages)
	snap, err := m.Snapshot(f.ctx)
	require.NoError(t, err)
	require.Equal(t, 5, snap.UIDs.Len())
	_, err = m.SetFlags(f.ctx, mailbox.AllUIDs(), mailbox.FlagChange{Flags: mailbox.NewFlagSet(mailbox.FlagDeleted)})
	require.NoError(t, err)
	fill(t, m, 1)
	_, err = m.Copy(f.ctx, mailbox.UIDSetOf(put[0], put[1]), "other")
	require.NoError(t, err)
	res, err := m.Expunge(f.ctx, mailbox.UIDSetOf(bad), mailbox.FlagSet{})
	require.NoError(t, err)
	require.Equal(t, mailbox.UIDSetOf(bad).String(), res.SourceUIDs().String())
	require.Len(t, contents(t, m, mailbox.AllUIDs()), 5)
}
