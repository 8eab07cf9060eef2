package imapclient

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
)

// What is not known to change nothing counts as a change.
func TestMayChange(t *testing.T) {
	peek, marks := &imap.BodySection{Peek: true}, &imap.BodySection{}
	for _, cmd := range []imap.Command{
		&imap.Noop{}, &imap.Select{}, &imap.Search{}, &imap.Status{}, &imap.List{}, &imap.Logout{},
		&imap.Fetch{Items: []imap.FetchItem{{Att: imap.FetchUID}, {Att: imap.FetchBodySection, Section: peek}}},
	} {
		require.False(t, newCall(cmd).mayChange(), cmd.Name())
	}
	for _, cmd := range []imap.Command{
		&imap.Store{}, &imap.Append{}, &imap.Copy{}, &imap.Move{}, &imap.Expunge{}, &imap.Close{}, &imap.Create{},
		&imap.Delete{}, &imap.Rename{}, &imap.Subscribe{}, &imap.SetACL{}, &imap.SetMetadata{}, &imap.SetQuota{},
		&imap.GenURLAuth{}, &imap.Raw{}, &imap.Replace{},
		&imap.Fetch{Items: []imap.FetchItem{{Att: imap.FetchBodySection, Section: marks}}},
		&imap.Fetch{Items: []imap.FetchItem{{Att: imap.FetchRaw, Name: "X"}}},
	} {
		require.True(t, newCall(cmd).mayChange(), cmd.Name())
	}
}
