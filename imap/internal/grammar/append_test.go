package grammar

import (
	"io"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
)

func TestAppend(t *testing.T) {
	lim := wire.LimitsAfterLogin()
	p := newPeer("A003 APPEND saved-messages (\\Seen) \" 7-Feb-1994 21:52:25 -0800\" {5}\r\nhello\r\nz NOOP\r\n", lim)
	tag, cmd, err := p.ReadCommand()
	require.NoError(t, err)
	require.Equal(t, "A003", tag)
	c := cmd.(*imap.Append)
	require.Equal(t, "saved-messages", c.Mailbox)
	require.Equal(t, []mailbox.Flag{mailbox.FlagSeen}, c.Message.Flags)
	require.Equal(t, imap.Literal{Size: 5}, c.Message.Literal)
	require.True(t, c.Message.Date.Equal(time.Date(1994, 2, 8, 5, 52, 25, 0, time.UTC)))
	require.Empty(t, p.out.String())
	body, err := p.OpenLiteral()
	require.NoError(t, err)
	require.Equal(t, "+ Ready\r\n", p.out.String())
	b, err := io.ReadAll(body)
	require.NoError(t, err)
	require.Equal(t, "hello", string(b))
	next, err := p.NextMessage()
	require.NoError(t, err)
	require.Nil(t, next)
	inStep(t, p)

	t.Run("several", func(t *testing.T) { // RFC 3502 §6.3.11
		p := newPeer("a APPEND x (\\Seen) {3+}\r\nabc \"7-Feb-1994 21:52:25 +0000\" ~{2+}\r\n\x00b\r\nz NOOP\r\n", lim)
		_, _, err := p.ReadCommand()
		require.NoError(t, err)
		_, err = p.OpenLiteral() // not read: NextMessage skips it
		require.NoError(t, err)
		m, err := p.NextMessage()
		require.NoError(t, err)
		require.Equal(t, &imap.AppendMessage{Date: time.Date(1994, 2, 7, 21, 52, 25, 0, time.UTC), Literal: imap.Literal{Size: 2, NonSync: true, Binary: true}}, m)
		body, err := p.OpenLiteral()
		require.NoError(t, err)
		b, err := io.ReadAll(body)
		require.NoError(t, err)
		require.Equal(t, "\x00b", string(b))
		m, err = p.NextMessage()
		require.NoError(t, err)
		require.Nil(t, m)
		inStep(t, p)
	})
	t.Run("refused", func(t *testing.T) {
		for _, input := range []string{
			"a APPEND x {3}\r\nz NOOP\r\n",
			"a APPEND x {3+}\r\nabc {3+}\r\ndef\r\nz NOOP\r\n",
		} {
			p := newPeer(input, lim)
			_, _, err := p.ReadCommand()
			require.NoError(t, err)
			require.NoError(t, p.RefuseLiteral())
			require.Empty(t, p.out.String())
			inStep(t, p)
		}
	})
	t.Run("forgotten", func(t *testing.T) {
		p := newPeer("a APPEND x {3+}\r\nabc\r\nz NOOP\r\n", lim)
		_, _, err := p.ReadCommand()
		require.NoError(t, err)
		inStep(t, p)
	})
	t.Run("refused halfway", func(t *testing.T) {
		p := newPeer("a APPEND x {3+}\r\nabc {4+}\r\n1234\r\nz NOOP\r\n", lim)
		_, _, err := p.ReadCommand()
		require.NoError(t, err)
		body, err := p.OpenLiteral()
		require.NoError(t, err)
		_, err = body.Read(make([]byte, 1))
		require.NoError(t, err)
		require.NoError(t, p.RefuseLiteral())
		inStep(t, p)
	})
	t.Run("garbage behind", func(t *testing.T) {
		p := newPeer("a APPEND x {3+}\r\nabcGARBAGE\r\nz NOOP\r\n", lim)
		_, _, err := p.ReadCommand()
		require.NoError(t, err)
		_, err = p.OpenLiteral()
		require.NoError(t, err)
		_, err = p.NextMessage()
		var e *imap.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, imap.BAD, e.Status)
		inStep(t, p)
	})
	t.Run("written", func(t *testing.T) {
		e := wire.Encoder{Mode: wire.LiteralMinus}
		want := &imap.Append{Mailbox: "a b", Message: imap.AppendMessage{
			Flags: []mailbox.Flag{mailbox.FlagSeen, "$Junk"}, Date: time.Date(2026, 11, 1, 2, 3, 4, 0, time.UTC), Literal: imap.Literal{Size: 3, NonSync: true},
		}}
		e.Tag("a").SP()
		WriteCommand(&e, want)
		require.NoError(t, e.Err)
		require.Equal(t, "a APPEND \"a b\" (\\Seen $Junk) \" 1-Nov-2026 02:03:04 +0000\" {3+}\r\n", string(e.B))
		_, got, err := newPeer(string(e.B), lim).ReadCommand()
		require.NoError(t, err)
		require.Equal(t, want, got)

		e = wire.Encoder{}
		WriteCommand(&e, &imap.Append{Mailbox: "x", Message: imap.AppendMessage{Flags: []mailbox.Flag{"a\r\nb NOOP"}}})
		require.Error(t, e.Err)
	})
	t.Run("without literal", func(t *testing.T) {
		_, err := parseOne(t, "APPEND x abc")
		require.Error(t, err)
	})
}

// A NUL in a literal fails the reading of it, and the Reader is in step behind it
// (RFC 3501 §9, RFC 3516 §4.2).
func TestAppendNUL(t *testing.T) {
	for _, read := range []func(io.Reader) error{
		func(r io.Reader) error { _, err := io.ReadAll(r); return err },
		func(r io.Reader) error { _, err := io.ReadAll(iotest.OneByteReader(r)); return err },
		func(r io.Reader) error { _, err := r.(io.WriterTo).WriteTo(io.Discard); return err },
	} {
		for _, rest := range []string{"", " {3+}\r\nabc", " garbage"} {
			p := newPeer("a APPEND x {5+}\r\nhe\x00lo"+rest+"\r\nz NOOP\r\n", wire.LimitsAfterLogin())
			_, _, err := p.ReadCommand()
			require.NoError(t, err)
			body, err := p.OpenLiteral()
			require.NoError(t, err)
			want := &imap.Error{Status: imap.NO, Code: imap.CodeCannot}
			require.ErrorIs(t, read(body), want)
			require.ErrorIs(t, read(body), want)
			m, err := p.NextMessage()
			require.Nil(t, m)
			require.ErrorIs(t, err, want)
			inStep(t, p)
		}
	}
}
