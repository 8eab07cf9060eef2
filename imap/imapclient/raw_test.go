package imapclient_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
)

func TestRaw(t *testing.T) {
	ctx := t.Context()
	c := scripted(t, "XAPPLEPUSHSERVICE LITERAL+", `
C: {{tag:}} XAPPLEPUSHSERVICE aps-version "2" (INBOX Notes) NIL {4+}
C- "a\r\nb\r\n"
S: * 3 EXISTS
S: * XAPPLEPUSHSERVICE "aps-version" "2" (a ("b" NIL)) ${lit "c\r\nd"}
S: * 5 XAPPLEPUSHSERVICE
S: * LIST () "/" unasked
S: ${tag} OK [X-CODE 1 2] done
C: {{tag:}} LIST "" *
S: * LIST (\Marked) "/" &AOQ-
S: * LIST (bad
S: ${tag} OK done
C: {{tag:}} FETCH 1 BODY.PEEK[]
S: * 1 FETCH (BODY[] ${lit "a: b\r\n"} UID 7)
S: * 1 FETCH (FLAGS ())
S: ${tag} NO [UNAVAILABLE] sorry
C: {{tag:}} RAW1
S: * OK [ALERT] careful
S: ${tag} OK done
C: {{tag:}} NOOP
S: ${tag} OK done
`, nil)
	reply, err := c.Raw(ctx, imapclient.RawCommand{
		Name:      "XAPPLEPUSHSERVICE",
		Args:      []imap.Value{imap.Atom("aps-version"), imap.String("2"), imap.ListOf(imap.Atom("INBOX"), imap.Atom("Notes")), imap.NIL(), imap.String("a\r\nb")},
		Responses: []string{"xapplepushservice"},
	})
	require.NoError(t, err)
	require.Len(t, reply.Responses, 2)
	require.Equal(t, "XAPPLEPUSHSERVICE", reply.Responses[0].Name)
	require.Equal(t, []imap.Value{imap.String("aps-version"), imap.String("2"),
		imap.ListOf(imap.Atom("a"), imap.ListOf(imap.String("b"), imap.NIL())), imap.String("c\r\nd")}, reply.Responses[0].Values)
	require.Equal(t, "* XAPPLEPUSHSERVICE \"aps-version\" \"2\" (a (\"b\" NIL)) {4}\r\nc\r\nd", string(reply.Responses[0].Raw))
	require.Equal(t, uint32(5), reply.Responses[1].Number)
	require.Empty(t, reply.Responses[1].Values)
	require.Equal(t, imap.Code("X-CODE"), reply.Code)
	require.Equal(t, "1 2", reply.CodeArgs)
	require.Equal(t, "done", reply.Text)

	// Names that the grammar knows, and a response that can't be read.
	reply, err = c.Raw(ctx, imapclient.RawCommand{Name: "LIST", Args: []imap.Value{imap.String(""), imap.Atom("*")}, Responses: []string{"LIST"}})
	require.NoError(t, err)
	require.Len(t, reply.Responses, 2)
	require.Equal(t, []imap.Value{imap.ListOf(imap.Atom(`\Marked`)), imap.String("/"), imap.Atom("&AOQ-")}, reply.Responses[0].Values)
	require.NoError(t, reply.Responses[0].Err)
	require.Error(t, reply.Responses[1].Err)
	require.Equal(t, "* LIST (bad", string(reply.Responses[1].Raw))

	// Octets of a message, and a refusal.
	reply, err = c.Raw(ctx, imapclient.RawCommand{Name: "FETCH", Args: []imap.Value{imap.Atom("1"), imap.Atom("BODY.PEEK[]")}, Responses: []string{"FETCH"}})
	require.ErrorIs(t, err, &imap.Error{Code: imap.CodeUnavailable})
	require.Len(t, reply.Responses, 2)
	require.Equal(t, uint32(1), reply.Responses[0].Number)
	require.Equal(t, imap.ListOf(imap.Atom("BODY[]"), imap.String("a: b\r\n"), imap.Atom("UID"), imap.Atom("7")), reply.Responses[0].Values[0])

	// A status response.
	reply, err = c.Raw(ctx, imapclient.RawCommand{Name: "RAW1", Responses: []string{"OK"}})
	require.NoError(t, err)
	require.Equal(t, "* OK [ALERT] careful", string(reply.Responses[0].Raw))

	// Nothing of these is sent.
	for _, cmd := range []imapclient.RawCommand{
		{Name: "X\r\nY"}, {Name: "X Y"}, {Name: ""},
		{Name: "X", Args: []imap.Value{imap.Atom("a b")}}, {Name: "X", Args: []imap.Value{imap.Atom("{3+}")}},
		{Name: "X", Args: []imap.Value{imap.String("a\x00")}},
	} {
		_, err := c.Raw(ctx, cmd)
		require.Error(t, err, cmd)
	}
	var unsupported *imapclient.UnsupportedError
	_, err = c.Raw(ctx, imapclient.RawCommand{Name: "select", Args: []imap.Value{imap.Atom("INBOX")}})
	require.ErrorAs(t, err, &unsupported)
	require.NoError(t, c.Noop(ctx))
}

func TestRawLimit(t *testing.T) {
	c := scripted(t, "", `
C: {{tag:}} X
S: * X ${lit 600 "0123456789"}
S: * X ${lit 600 "0123456789"}
S: ${tag} OK done
C: {{tag:}} NOOP
S: ${tag} OK done
`, &imapclient.Options{Limits: imapclient.Limits{Result: 10000}})
	reply, err := c.Raw(t.Context(), imapclient.RawCommand{Name: "X", Responses: []string{"X"}})
	var limit *imapclient.LimitError
	require.ErrorAs(t, err, &limit)
	require.Len(t, reply.Responses, 1)
	require.NoError(t, c.Noop(t.Context()))
}

// The name of a mailbox is encoded when it is sent: after ENABLE, which follows the login.
func TestRawMailboxName(t *testing.T) {
	ctx := t.Context()
	c := scripted(t, "", `
C: {{tag:}} LIST "" *
S: * LIST () "/" "&BBAEMQQyACYEMwQ0BDU-"
S: ${tag} OK done
C: {{tag:}} X "Entw&APw-rfe &- Co" (&BBAEMQQyACYEMwQ0BDU-)
S: ${tag} OK done
C: {{tag:}} LIST "" "&BBAEMQQyACYEMwQ0BDU-"
S: ${tag} OK done
`, nil)
	_, err := c.List(ctx, nil)
	require.NoError(t, err)
	_, err = c.Raw(ctx, imapclient.RawCommand{Name: "X", Args: []imap.Value{imap.MailboxName("Entwürfe & Co"), imap.ListOf(imap.MailboxName("Абв&где"))}})
	require.NoError(t, err)
	_, err = c.List(ctx, &imapclient.ListOptions{Patterns: []string{"Абв&где"}})
	require.NoError(t, err)
	c = scripted(t, "ENABLE UTF8=ACCEPT", `
C: {{t1:}} ENABLE UTF8=ACCEPT
S: * ENABLED UTF8=ACCEPT
S: ${t1} OK done
C: {{tag:}} X "Entwürfe & Co"
S: ${tag} OK done
`, nil)
	_, err = c.Raw(ctx, imapclient.RawCommand{Name: "X", Args: []imap.Value{imap.MailboxName("Entwürfe & Co")}})
	require.NoError(t, err)
}
