package grammar

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

func encode(f func(e *wire.Encoder)) string {
	var e wire.Encoder
	f(&e)
	if e.Err != nil {
		return "error: " + e.Err.Error()
	}
	return string(e.B)
}

// The envelope of RFC 3501 §8.
func TestEnvelope(t *testing.T) {
	env := &message.Envelope{
		Date: "Wed, 17 Jul 1996 02:23:25 -0700 (PDT)", Subject: "IMAP4rev1 WG mtg summary and minutes",
		From: []message.Address{{Name: "Terry Gray", Local: "gray", Domain: "cac.washington.edu"}},
		To:   []message.Address{{Local: "imap", Domain: "cac.washington.edu"}},
		Cc: []message.Address{
			{Local: "minutes", Domain: "CNRI.Reston.VA.US"},
			{Name: "John Klensin", Local: "KLENSIN", Domain: "MIT.EDU"},
		},
		MessageID: "<B27397-0100000@cac.washington.edu>",
	}
	require.Equal(t, `("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev1 WG mtg summary and minutes" `+
		`(("Terry Gray" NIL "gray" "cac.washington.edu")) (("Terry Gray" NIL "gray" "cac.washington.edu")) `+
		`(("Terry Gray" NIL "gray" "cac.washington.edu")) ((NIL NIL "imap" "cac.washington.edu")) `+
		`((NIL NIL "minutes" "CNRI.Reston.VA.US")("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL `+
		`"<B27397-0100000@cac.washington.edu>")`, encode(func(e *wire.Encoder) { WriteEnvelope(e, env) }))

	group := &message.Envelope{To: []message.Address{
		{Kind: message.GroupStart, Name: "undisclosed recipients"}, {Kind: message.GroupEnd}, {Local: "x"},
	}}
	require.Equal(t, `(NIL NIL NIL NIL NIL ((NIL NIL "undisclosed recipients" NIL)(NIL NIL NIL NIL)(NIL NIL "x" "")) NIL NIL NIL NIL)`,
		encode(func(e *wire.Encoder) { WriteEnvelope(e, group) }))
	require.Equal(t, "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)", encode(func(e *wire.Encoder) { WriteEnvelope(e, nil) }))
}

// Invalid envelopes that servers are known to send, by their error.
func TestEnvelopeQuirks(t *testing.T) {
	env := func(from, id string) string { return `("d" "s" ` + from + " NIL NIL NIL NIL NIL NIL " + id + ")" }
	for _, tc := range []struct {
		name, in string
		want     message.Envelope
	}{
		{"unescaped quote in Message-ID", env("NIL", `"<a"b@c>"`), message.Envelope{MessageID: `<a"b@c>`}}, // iCloud
		{"stray backslash", env(`(("=?GBK?B?XA==?=" NIL "power6900637" "sina.com\"))`, "NIL"), // QQ
			message.Envelope{From: []message.Address{{Name: "=?GBK?B?XA==?=", Local: "power6900637", Domain: "sina.com"}}}},
		{"NIL among addresses", env("(NIL (NIL NIL \"x\" \"y\"))", "NIL"), message.Envelope{From: []message.Address{{Local: "x", Domain: "y"}}}},
		{"empty host", env(`((NIL NIL "Mail Delivery System" ""))`, "NIL"), message.Envelope{From: []message.Address{{Local: "Mail Delivery System"}}}},
		{"empty list", env("()", "NIL"), message.Envelope{}}, // hydroxide
		{"8-bit UTF-8", env(`(("Clémence" NIL "c" "d"))`, "NIL"), message.Envelope{From: []message.Address{{Name: "Clémence", Local: "c", Domain: "d"}}}}, // Proton Bridge
		{"8-bit Latin-1", env("((\"Cl\xe9mence\" NIL \"c\" \"d\"))", "NIL"), message.Envelope{From: []message.Address{{Name: "Clémence", Local: "c", Domain: "d"}}}},
		{"group", env(`((NIL NIL "undisclosed" NIL)(NIL NIL NIL NIL))`, "NIL"), message.Envelope{From: []message.Address{{Kind: message.GroupStart, Name: "undisclosed"}, {Kind: message.GroupEnd}}}},
		{"blanks between addresses", env(`((NIL NIL "a" "b") (NIL NIL "c" "d") )`, "NIL"), message.Envelope{From: []message.Address{{Local: "a", Domain: "b"}, {Local: "c", Domain: "d"}}}},
		{"literal", env("(({3}\r\nx?= NIL \"a\" \"b\"))", "NIL"), message.Envelope{From: []message.Address{{Name: "x?=", Local: "a", Domain: "b"}}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.want.Date, tc.want.Subject = "d", "s"
			var got message.Envelope
			require.NoError(t, parseWith(t, tc.in, &got, readEnvelope))
			require.Equal(t, tc.want, got)
		})
	}
}
