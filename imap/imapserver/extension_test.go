package imapserver

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/internal/transcript"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/memory"
	"github.com/posthorn-mail/posthorn/sasl"
)

// What an extension does to other commands: to SELECT where it is offered, and to
// what is told unasked once it is enabled.
func TestExtension(t *testing.T) {
	ext := extension{
		caps:   []imap.Cap{"X-EXT"},
		enable: func(*Conn) {},
		onSelect: func(c *Conn, _ *imap.Select, st mailbox.Status) error {
			return c.respond(&grammar.StatusLine{Cond: imap.OK, Code: imap.CodeHighestModSeq, Arg: st.HighestModSeq, Text: "highest"})
		},
		withFlags: func(_ *Conn, e *wire.Encoder, entry mailbox.Entry) {
			grammar.WriteItemName(e, imap.FetchModSeq, nil)
			grammar.WriteModSeq(e, entry.ModSeq)
		},
		tellGone: func(c *Conn, gone mailbox.UIDSet) error { return c.respond(&imap.VanishedData{UIDs: gone}) },
	}
	transcript.RunDir(t, "testdata/extension/*.txt", func(t testing.TB, script *transcript.Script) transcript.Dial {
		store := memory.New(nil)
		t.Cleanup(func() { store.Close() })
		require.NoError(t, store.CreateAccount(t.Context(), "fred"))
		anyone := sasl.AuthFunc(func(_ context.Context, user, _ string) (string, error) { return user, nil })
		srv := &Server{Store: store, Authenticator: anyone, AllowInsecureAuth: true}
		without := imap.Cap(script.Option("without"))
		srv.Capabilities = func(_ *Conn, caps imap.CapSet) imap.CapSet { return caps.Without(without) }
		require.NoError(t, srv.setup())
		srv.proto.extensions = append(srv.proto.extensions, ext)
		return transcript.DialTCP(testutil.Serve(t, srv))
	})
}
