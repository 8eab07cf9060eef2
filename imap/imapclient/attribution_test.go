package imapclient_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/internal/transcript"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// One of two commands asks for an item of the other. Their answers come in the other
// order.
func TestSharedItem(t *testing.T) {
	bubbleTest(t, selected+`C: {{a:}} UID FETCH 1 (UID RFC822.SIZE ENVELOPE)
C: {{b:}} UID FETCH 1 (UID FLAGS RFC822.SIZE)
S: * 1 FETCH (FLAGS (news) UID 1)
S: * 1 FETCH (RFC822.SIZE 7 FLAGS (\Seen) UID 1)
S: ${b} OK done
S: * 1 FETCH (RFC822.SIZE 7 ENVELOPE (NIL "hi" NIL NIL NIL NIL NIL NIL NIL NIL) UID 1)
S: ${a} OK done
`, func(t *testing.T, srv *transcript.Server) {
		_, m := inbox(t, srv)
		var both sync.WaitGroup
		both.Go(func() {
			msgs := fetch(t.Context(), m, imapclient.UIDs(1), imapclient.Size|imapclient.Envelope).clean(t, 1)
			require.Equal(t, "hi", msgs[0].Subject())
		})
		synctest.Wait()
		msgs := fetch(t.Context(), m, imapclient.UIDs(1), imapclient.Flags|imapclient.Size).clean(t, 1)
		require.True(t, msgs[0].Entry.Flags.Has(mailbox.FlagSeen))
		both.Wait()
	})
}

// Two commands ask for the same. The second one is answered first, which looks like an
// answer to the first one; the answer to that comes when the second one has ended.
func TestSameItems(t *testing.T) {
	bubbleTest(t, selected+`C: {{a:}} UID FETCH 1:2 (UID BODY.PEEK[]<0.262144>)
C: {{b:}} UID FETCH 2 (UID BODY.PEEK[]<0.262144>)
S: * 2 FETCH (BODY[]<0> ${lit "two"} UID 2)
S: ${b} OK done
S: * 1 FETCH (BODY[]<0> ${lit "one"} UID 1)
S: * 2 FETCH (BODY[]<0> ${lit "two"} UID 2)
S: ${a} OK done
C: {{a:}} NOOP
S: ${a} OK done
`, func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		read := func(uids ...mailbox.UID) {
			n := 0
			for msg, err := range m.Fetch(t.Context(), imapclient.UIDs(uids...), imapclient.Whole()) {
				require.NoError(t, err)
				b, err := msg.Body().Bytes(100)
				require.NoError(t, err)
				require.Equal(t, []string{"", "one", "two"}[msg.UID], string(b))
				n++
			}
			require.Equal(t, len(uids), n)
		}
		var both sync.WaitGroup
		both.Go(func() { read(1, 2) })
		synctest.Wait()
		read(2)
		both.Wait()
		usable(t, c)
		require.Zero(t, c.Held())
	})
}

// A response does not say how many octets were asked for: such commands are not in
// flight together. It says which was the first.
func TestRanges(t *testing.T) {
	bubbleTest(t, selected+`C: {{a:}} UID FETCH 1 (UID BODY.PEEK[]<0.4>)
C: {{b:}} UID FETCH 1 (UID BODY.PEEK[]<4.3>)
S: * 1 FETCH (UID 1 BODY[]<4> ${lit "efg"})
S: ${b} OK done
SILENT 1m
S: * 1 FETCH (UID 1 BODY[]<0> ${lit "abcd"})
S: ${a} OK done
C: {{c:}} UID FETCH 1 (UID BODY.PEEK[]<0.262144>)
S: * 1 FETCH (UID 1 BODY[]<0> ${lit "abcdefghi"})
S: ${c} OK done
C: {{a:}} NOOP
S: ${a} OK done
`, func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		var all sync.WaitGroup
		read := func(s imapclient.Section, want string) {
			all.Go(func() {
				msg, err := m.Message(t.Context(), 1, s)
				require.NoError(t, err)
				b, err := msg.Body(s).Bytes(100)
				require.NoError(t, err)
				require.Equal(t, want, string(b))
				require.NoError(t, msg.Close())
			})
			synctest.Wait()
		}
		read(imapclient.Whole().Range(0, 4), "abcd")
		read(imapclient.Whole().Range(4, 3), "efg")
		read(imapclient.Whole(), "abcdefghi")
		all.Wait()
		usable(t, c)
	})
	bubbleTest(t, selected+`C: {{a:}} UID FETCH 1 (UID BODY.PEEK[]<0.4> BODY.PEEK[]<9.4>)
S: * 1 FETCH (UID 1 BODY[]<9> ${lit "jklm"} BODY[]<0> ${lit "abcd"})
S: ${a} OK done
C: {{a:}} NOOP
S: ${a} OK done
`, func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		one, two := imapclient.Whole().Range(0, 4), imapclient.Whole().Range(9, 4)
		msg, err := m.Message(t.Context(), 1, one, two)
		require.NoError(t, err)
		for _, x := range []struct {
			s    imapclient.Section
			want string
		}{{one, "abcd"}, {two, "jklm"}} {
			b, err := msg.Body(x.s).Bytes(100)
			require.NoError(t, err)
			require.Equal(t, x.want, string(b))
		}
		require.NoError(t, msg.Close())
		usable(t, c)
	})
}

// Three commands ask for the same, and one of them is given up. Each answer is the
// answer to all, with octets of its own.
func TestSameItemsGivenUp(t *testing.T) {
	long := strings.Repeat("0123456789", 9000) // more than the first piece of a blob
	script := selected
	for _, tag := range []string{"a", "b", "c"} {
		script += "C: {{" + tag + ":}} UID FETCH 1 (UID BODY.PEEK[]<0.262144>)\n"
	}
	bubbleTest(t, script+`SILENT 1m
S: * 1 FETCH (BODY[]<0> ${lit "`+long+`"} UID 1)
S: ${a} OK done
S: ${b} OK done
S: ${c} OK done
C: {{a:}} NOOP
S: ${a} OK done
`, func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		var all sync.WaitGroup
		for i := range 3 {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			all.Go(func() {
				msg, err := m.Message(ctx, 1, imapclient.Whole())
				if i == 1 {
					require.ErrorIs(t, err, context.Canceled)
					return
				}
				require.NoError(t, err)
				b, err := msg.Body().Bytes(100000)
				require.NoError(t, err)
				require.Equal(t, long, string(b))
				require.NoError(t, msg.Close())
			})
			synctest.Wait()
			if i == 1 {
				cancel()
				synctest.Wait()
			}
		}
		all.Wait()
		usable(t, c)
		require.Zero(t, c.Held())
	})
}

// A part as it is and the same part decoded: with BINARY they have names of their own,
// without it the header of the part tells them apart.
func TestSamePartDecoded(t *testing.T) {
	read := func(t *testing.T, m *imapclient.Mailbox, s imapclient.Section, want string) {
		msg, err := m.Message(t.Context(), 1, s)
		require.NoError(t, err)
		b, err := msg.Body().Bytes(100)
		require.NoError(t, err)
		require.Equal(t, want, string(b))
		require.NoError(t, msg.Close())
	}
	both := func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		var all sync.WaitGroup
		all.Go(func() { read(t, m, imapclient.Part(1).Decoded(), "hi") })
		synctest.Wait()
		all.Go(func() { read(t, m, imapclient.Part(1), "aGk=") })
		all.Wait()
		usable(t, c)
		require.Zero(t, c.Held())
	}
	bubbleTest(t, strings.Replace(selected, "IDLE", "IDLE BINARY", 1)+`C: {{a:}} UID FETCH 1 (UID BINARY.PEEK[1]<0.262144>)
C: {{b:}} UID FETCH 1 (UID BODY.PEEK[1]<0.262144>)
S: * 1 FETCH (BODY[1]<0> "aGk=" UID 1)
S: ${b} OK done
S: * 1 FETCH (BINARY[1]<0> "hi" UID 1)
S: ${a} OK done
C: {{a:}} NOOP
S: ${a} OK done
`, both)
	bubbleTest(t, selected+`C: {{a:}} UID FETCH 1 (UID BODY.PEEK[1]<0.262144> BODY.PEEK[1.MIME])
C: {{b:}} UID FETCH 1 (UID BODY.PEEK[1]<0.262144>)
S: * 1 FETCH (BODY[1]<0> "aGk=" UID 1)
S: ${b} OK done
S: * 1 FETCH (BODY[1]<0> "aGk=" BODY[1.MIME] ${lit "Content-Transfer-Encoding: base64"} UID 1)
S: ${a} OK done
C: {{a:}} NOOP
S: ${a} OK done
`, both)
}

// What a server can't have understood is not waited for: flags are the answer if
// nothing else was sent for.
func TestUnknownItem(t *testing.T) {
	bubbleTest(t, selected+`C: {{a:}} UID FETCH 1 (UID FLAGS)
S: * 1 FETCH (FLAGS (\Seen) UID 1)
S: ${a} OK done
C: {{a:}} NOOP
S: ${a} OK done
`, func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		msgs := fetch(t.Context(), m, imapclient.UIDs(1), imapclient.Flags|imapclient.SaveDate).clean(t, 1)
		require.True(t, msgs[0].Entry.Flags.Has(mailbox.FlagSeen))
		usable(t, c)
	})
}
