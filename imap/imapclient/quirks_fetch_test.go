package imapclient_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/internal/transcript"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// structure fetches the structures of all messages, and shows that the connection
// can be used afterwards.
func structure(t *testing.T, srv *transcript.Server, n int) []*imapclient.Message {
	t.Helper()
	c, m := inbox(t, srv)
	msgs := fetch(t.Context(), m, imapclient.All(), imapclient.Structure).clean(t, n)
	usable(t, c)
	return msgs
}

// envelopes does so with envelopes.
func envelopes(t *testing.T, srv *transcript.Server, n int) []*imapclient.Message {
	t.Helper()
	c, m := inbox(t, srv)
	msgs := fetch(t.Context(), m, imapclient.All(), imapclient.Envelope).clean(t, n)
	usable(t, c)
	return msgs
}

// Quirks of FETCH responses and of LIST.
var fetchQuirks = map[string]client{
	"q19-unescaped-quotes": func(t *testing.T, srv *transcript.Server) {
		msgs := envelopes(t, srv, 3)
		require.Equal(t, "first", msgs[0].Subject())
		require.Equal(t, `Ann"The"Boss`, msgs[0].Envelope.From[0].Name)
		require.Equal(t, `<"1"@example.org>`, msgs[0].Envelope.MessageID)
		require.Equal(t, "second", msgs[1].Subject())
		require.Equal(t, "ann", msgs[1].Envelope.From[0].Local)
		require.Equal(t, "third, from the header", msgs[2].Subject())
	},
	"q20-stray-backslash": func(t *testing.T, srv *transcript.Server) {
		msgs := envelopes(t, srv, 2)
		require.Equal(t, "power6900637", msgs[0].Envelope.From[0].Local)
		require.Equal(t, "sina.com", msgs[0].Envelope.From[0].Domain)
		require.Equal(t, "two", msgs[1].Subject())
	},
	"q21-four-quotes": func(t *testing.T, srv *transcript.Server) {
		msgs := structure(t, srv, 2)
		part := msgs[0].Structure.Children[1]
		require.Equal(t, "2154973550.pdf", part.Filename())
		require.Equal(t, int64(65322), part.BodySize)
		require.Equal(t, "base64", part.Encoding)
		require.Equal(t, "plain", msgs[1].Structure.Subtype)
	},
	"q22-empty-parameters": func(t *testing.T, srv *transcript.Server) {
		p := structure(t, srv, 1)[0].Structure
		require.Empty(t, p.Params)
		require.Equal(t, "7bit", p.Encoding)
		require.Equal(t, int64(6002), p.BodySize)
		require.Equal(t, int64(79), p.Lines)
	},
	"q23-nil-parameter": func(t *testing.T, srv *transcript.Server) {
		p := structure(t, srv, 1)[0].Structure
		require.Equal(t, "alternative", p.Subtype)
		require.Equal(t, []message.Param{{Name: "boundary"}}, p.Params)
	},
	"q24-float-sizes": func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		msgs := fetch(t.Context(), m, imapclient.All(), imapclient.Size|imapclient.Structure).clean(t, 1)
		require.Equal(t, int64(9373600), msgs[0].Entry.Size)
		require.Equal(t, int64(3450270), msgs[0].Structure.BodySize)
		usable(t, c)
	},
	"q25-bare-disposition": func(t *testing.T, srv *transcript.Server) {
		p := structure(t, srv, 1)[0].Structure
		require.Equal(t, "inline", p.Disposition)
		require.Equal(t, "quoted-printable", p.Encoding)
		require.Equal(t, int64(31), p.Lines)
	},
	"q26-multipart-basic": func(t *testing.T, srv *transcript.Server) {
		msgs := structure(t, srv, 2)
		p := msgs[0].Structure
		require.Equal(t, "mixed", p.Subtype)
		require.Len(t, p.Children, 2)
		require.Equal(t, "related", p.Children[1].Subtype)
		require.Empty(t, p.Children[1].Children)
		require.Equal(t, "plain", msgs[1].Structure.Subtype)
	},
	"q27-no-subtype": func(t *testing.T, srv *transcript.Server) {
		p := structure(t, srv, 1)[0].Structure.Children[1]
		require.Equal(t, "application", p.Type)
		require.Equal(t, "x-zip", p.Subtype)
		require.Equal(t, int64(44), p.BodySize)
	},
	"q28-nil-parts": func(t *testing.T, srv *transcript.Server) {
		p := structure(t, srv, 1)[0].Structure
		require.Equal(t, "rfc822", p.Subtype)
		require.Equal(t, int64(17), p.Lines)
		inner := p.Children[0]
		require.Equal(t, "inner", inner.Envelope.Subject)
		require.Equal(t, "multipart", inner.Type)
		require.Equal(t, "alternative", inner.Subtype)
		require.Empty(t, inner.Children)
	},
	"q29-nil-address": func(t *testing.T, srv *transcript.Server) {
		from := envelopes(t, srv, 1)[0].Envelope.From
		require.Len(t, from, 1)
		require.Equal(t, "xxxxxxx", from[0].Local)
		require.Equal(t, "=?utf-8?q?Ann?=", from[0].Name)
	},
	"q30-empty-host": func(t *testing.T, srv *transcript.Server) {
		from := envelopes(t, srv, 1)[0].Envelope.From
		require.Equal(t, []message.Address{{Local: "Mail Delivery System"}}, from)
	},
	"q31-empty-addresses": func(t *testing.T, srv *transcript.Server) {
		env := envelopes(t, srv, 1)[0].Envelope
		require.Len(t, env.From, 1)
		require.Empty(t, env.To)
		require.Empty(t, env.Bcc)
		require.Equal(t, "<1@example.org>", env.MessageID)
	},
	"q32-raw-octets": func(t *testing.T, srv *transcript.Server) {
		for _, msg := range envelopes(t, srv, 2) { // UTF-8, ISO 8859-1
			require.Equal(t, "Få et", msg.Subject())
			require.Equal(t, "Clément", msg.Envelope.From[0].Name)
		}
	},
	"q33-wrong-utf7": func(t *testing.T, srv *transcript.Server) {
		c := connect(t, srv, nil)
		names, err := c.List(t.Context(), nil)
		require.NoError(t, err)
		require.Len(t, names, 2)
		name := names[0].Name
		require.Equal(t, "Абв&где", name)
		_, err = c.Select(t.Context(), name, nil)
		require.NoError(t, err)
		st, err := c.Status(t.Context(), name, imap.StatusMessages)
		require.NoError(t, err)
		require.Equal(t, uint32(1), *st.Messages)
		usable(t, c)
	},
	"q34-rfc822-missing": func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		n := 0
		for msg, err := range m.Fetch(t.Context(), imapclient.All(), imapclient.Whole()) {
			require.NoError(t, err)
			n++
			require.Equal(t, mailbox.UID(n), msg.UID)
			b, err := msg.Body().Bytes(100)
			if n == 1 {
				require.ErrorIs(t, err, imapclient.ErrItemMissing)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, "x: y\r\n\r\nhi", string(b))
		}
		require.Equal(t, 2, n)
		usable(t, c)
	},
	"q35-exchange-nothing": func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		_, err := m.Message(t.Context(), 20004, imapclient.Whole())
		require.ErrorIs(t, err, mailbox.ErrNotExist)
		msg, err := m.Message(t.Context(), 20004, imapclient.Whole().MarkSeen())
		require.NoError(t, err)
		b, err := msg.Body().Bytes(1000)
		require.NoError(t, err)
		require.True(t, imapclient.RetrievalFailed(b))
		require.NoError(t, msg.Close())
		usable(t, c)
		require.False(t, imapclient.RetrievalFailed([]byte("From: a\r\n\r\nSubject: Retrieval using the IMAP4 protocol failed for the following message: 1\r\n")))
	},
	"q36-below-the-range": func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		above := func(uid mailbox.UID) imapclient.Set {
			return imapclient.UIDSet(mailbox.UIDRangeSet(uid, mailbox.MaxUID))
		}
		fetch(t.Context(), m, above(1620), imapclient.Flags).clean(t, 0)
		msgs := fetch(t.Context(), m, above(1600), imapclient.Flags).clean(t, 1)
		require.Equal(t, mailbox.UID(1620), msgs[0].UID)
		require.True(t, msgs[0].Entry.Flags.Has(mailbox.FlagFlagged))
		usable(t, c)
	},
	"q37-numbers-wrong": func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		require.NoError(t, m.AddFlags(t.Context(), imapclient.UIDs(12), mailbox.FlagDeleted))
		require.NoError(t, c.Noop(t.Context()))
		require.Equal(t, 2, m.Exists())
		msgs := fetch(t.Context(), m, imapclient.UIDs(11, 12, 13), imapclient.Size).clean(t, 2)
		require.Equal(t, mailbox.UID(13), msgs[1].UID)
		require.Equal(t, int64(300), msgs[1].Entry.Size)
		usable(t, c)
	},
}
