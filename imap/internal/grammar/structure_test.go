package grammar

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// The examples of RFC 3501 §7.4.2 and §8, and other common structures.
func TestBodyStructure(t *testing.T) {
	text := func(lines, size int64) *message.Part {
		return &message.Part{Type: "text", Subtype: "plain", Params: []message.Param{{Name: "charset", Value: "us-ascii"}}, BodySize: size, Lines: lines, Encoding: "7bit"}
	}
	file := text(73, 4554)
	file.Params = append(file.Params, message.Param{Name: "name", Value: "cc.diff"})
	file.ID, file.Description, file.Encoding = "<960723163407.20117h@cac.washington.edu>", "Compiler diff", "base64"
	file.Disposition, file.DispositionParams = "attachment", []message.Param{{Name: "filename", Value: "cc.diff"}}
	file.Language = []string{"en", "de"}
	mixed := &message.Part{Type: "multipart", Subtype: "mixed", Children: []*message.Part{text(23, 1152), file}, Params: []message.Param{{Name: "boundary", Value: "x"}}}
	rfc822 := &message.Part{Type: "message", Subtype: "rfc822", BodySize: 99, Lines: 5, Children: []*message.Part{text(3, 50)}}
	rfc822.Children[0].Envelope = &message.Envelope{Subject: "inner"}
	global := &message.Part{Type: "message", Subtype: "global", BodySize: 9, Lines: 1}
	for _, tc := range []struct {
		name string
		p    *message.Part
		ext  bool
		rev2 bool
		want string
	}{
		{name: "text", p: text(28, 2279), want: `("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 2279 28)`},
		{name: "text, extended", p: text(28, 2279), ext: true, want: `("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 2279 28 NIL NIL NIL NIL)`},
		{name: "no content type", p: &message.Part{Type: "text", Subtype: "plain"}, want: `("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0)`},
		{name: "mixed", p: mixed, want: `(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1152 23)("text" "plain" ("charset" "us-ascii" "name" "cc.diff") ` +
			`"<960723163407.20117h@cac.washington.edu>" "Compiler diff" "base64" 4554 73) "mixed")`},
		{name: "mixed, extended", p: mixed, ext: true, want: `(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1152 23 NIL NIL NIL NIL)` +
			`("text" "plain" ("charset" "us-ascii" "name" "cc.diff") "<960723163407.20117h@cac.washington.edu>" "Compiler diff" "base64" 4554 73 ` +
			`NIL ("attachment" ("filename" "cc.diff")) ("en" "de") NIL) "mixed" ("boundary" "x") NIL NIL NIL)`},
		{name: "empty multipart", p: &message.Part{Type: "multipart", Subtype: "related"}, want: `(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0) "related")`},
		{name: "message", p: rfc822, want: `("message" "rfc822" NIL NIL NIL "7bit" 99 (NIL "inner" NIL NIL NIL NIL NIL NIL NIL NIL) ` +
			`("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 50 3) 5)`},
		{name: "message not parsed", p: &message.Part{Type: "message", Subtype: "rfc822"}, want: `("message" "rfc822" NIL NIL NIL "7bit" 0 ` +
			`(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0) 0)`},
		{name: "global", p: global, want: `("message" "global" NIL NIL NIL "7bit" 9)`},
		{name: "global rev2", p: global, rev2: true, want: `("message" "global" NIL NIL NIL "7bit" 9 ` +
			`(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0) 1)`},
		{name: "nothing", want: `("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0)`},
		{name: "8 bit", p: &message.Part{Type: "image", Subtype: "png", Encoding: "base64", Params: []message.Param{{Name: "name", Value: "é"}}},
			want: "(\"image\" \"png\" (\"name\" {2}\r\né) NIL NIL \"base64\" 0)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.Equal(t, tc.want, encode(func(e *wire.Encoder) { e.Rev2 = tc.rev2; WriteStructure(e, tc.p, tc.ext) }))
		})
	}
}

// Invalid structures that servers are known to send, by their error.
func TestStructureQuirks(t *testing.T) {
	plain := &message.Part{Type: "text", Subtype: "plain", Encoding: "7bit", BodySize: 5, Lines: 1}
	for _, tc := range []struct {
		name, in string
		want     message.Part
	}{
		{"quotes for an empty description", `("application" "octet-stream" ("name" "2154973550.pdf") NIL """" "base64" 65322)`,
			message.Part{Type: "application", Subtype: "octet-stream", Params: []message.Param{{Name: "name", Value: "2154973550.pdf"}}, Description: `""`, Encoding: "base64", BodySize: 65322}},
		{"empty list of parameters, NIL encoding", `("text" "plain" () NIL NIL NIL 6002 79 NIL NIL NIL NIL)`,
			message.Part{Type: "text", Subtype: "plain", Encoding: "7bit", BodySize: 6002, Lines: 79}},
		{"NIL parameter", `(("TEXT" "PLAIN" NIL NIL NIL "7BIT" 5 1) "alternative" ("boundary" NIL) NIL NIL)`, // mail.ru
			message.Part{Type: "multipart", Subtype: "alternative", Params: []message.Param{{Name: "boundary"}}, Children: []*message.Part{plain}}},
		{"size in floating point", `("image" "png" NIL NIL NIL "base64" 3.45027e+06)`,
			message.Part{Type: "image", Subtype: "png", Encoding: "base64", BodySize: 3450270}},
		{"disposition as a string", `("text" "plain" NIL NIL NIL "QUOTED-PRINTABLE" 850 31 NIL "inline" NIL NIL)`, // Exchange
			message.Part{Type: "text", Subtype: "plain", Encoding: "quoted-printable", BodySize: 850, Lines: 31, Disposition: "inline"}},
		{"multipart without parts", `("multipart" "related" ("boundary" "x") NIL NIL "7BIT" 400 ("boundary" "x") NIL NIL NIL)`, // GMX
			message.Part{Type: "multipart", Subtype: "related", Params: []message.Param{{Name: "boundary", Value: "x"}}, Encoding: "7bit", BodySize: 400}},
		{"no subtype", `( "X-ZIP" ("BOUNDARY" "") NIL NIL "base64" 4 NIL NIL NIL)`,
			message.Part{Type: "application", Subtype: "x-zip", Params: []message.Param{{Name: "boundary"}}, Encoding: "base64", BodySize: 4}},
		{"NIL for the parts", `("message" "rfc822" NIL NIL NIL "7bit" 40 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) (NIL "alternative" ("boundary" "x") NIL NIL NIL) 17 NIL NIL NIL NIL)`,
			message.Part{Type: "message", Subtype: "rfc822", Encoding: "7bit", BodySize: 40, Lines: 17, Children: []*message.Part{
				{Type: "multipart", Subtype: "alternative", Params: []message.Param{{Name: "boundary", Value: "x"}}, Envelope: &message.Envelope{}}}}},
		{"blanks between parts", `(("TEXT" "PLAIN" NIL NIL NIL "7BIT" 5 1) ("TEXT" "PLAIN" NIL NIL NIL "7BIT" 5 1) "MIXED" )`,
			message.Part{Type: "multipart", Subtype: "mixed", Children: []*message.Part{plain, plain}}},
		{"extensions to come", `("text" "plain" NIL NIL NIL "7bit" 5 1 NIL ("inline" NIL) ("en" "de") "loc" (1 (2 "x")) 5)`,
			message.Part{Type: "text", Subtype: "plain", Encoding: "7bit", BodySize: 5, Lines: 1, Disposition: "inline", Language: []string{"en", "de"}, Location: "loc"}},
		{"message as any other type", `("message" "rfc822" NIL NIL NIL "base64" 40 NIL NIL NIL NIL)`,
			message.Part{Type: "message", Subtype: "rfc822", Encoding: "base64", BodySize: 40}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got message.Part
			require.NoError(t, parseWith(t, tc.in, &got, readStructure))
			require.Equal(t, tc.want, got)
		})
	}
	for _, in := range []string{"", "(", "()", `("text"`, strings.Repeat("(", 1000), `("text" "plain" NIL NIL NIL "7bit" x 1)`} {
		var got message.Part
		require.Error(t, parseWith(t, in, &got, readStructure), in)
	}
}

// A written structure reads back unchanged.
func TestStructureRoundTrip(t *testing.T) {
	text := &message.Part{Type: "text", Subtype: "html", Params: []message.Param{{Name: "charset", Value: "utf-8"}}, ID: "<1>", Description: "a \"b\" \\",
		Encoding: "base64", MD5: "x==", Disposition: "inline", DispositionParams: []message.Param{{Name: "filename", Value: "é.html"}}, Language: []string{"en"}, Location: "l", BodySize: 7, Lines: 3}
	env := &message.Envelope{Date: "d", Subject: "s\r\nx", From: []message.Address{{Name: "n", Route: "@a", Local: "l", Domain: "d"}},
		Sender: []message.Address{{Local: "s", Domain: "d"}}, ReplyTo: []message.Address{{Local: "r", Domain: "d"}},
		To: []message.Address{{Kind: message.GroupStart, Name: "g"}, {Local: "x", Domain: ""}, {Kind: message.GroupEnd}}, InReplyTo: "<i>", MessageID: "<m>"}
	inner := *text
	inner.Envelope = env
	want := message.Part{Type: "multipart", Subtype: "mixed", Params: []message.Param{{Name: "boundary", Value: "b"}}, Language: []string{"a", "b"}, Children: []*message.Part{
		text,
		{Type: "message", Subtype: "rfc822", Encoding: "7bit", BodySize: 99, Lines: 9, Children: []*message.Part{&inner}},
		{Type: "multipart", Subtype: "alternative", Children: []*message.Part{text, text}},
	}}
	var e wire.Encoder
	WriteStructure(&e, &want, true)
	require.NoError(t, e.Err)
	var got message.Part
	require.NoError(t, parseWith(t, string(e.B), &got, readStructure))
	require.Equal(t, want, got)

	e.Reset(nil)
	WriteEnvelope(&e, env)
	var gotEnv message.Envelope
	require.NoError(t, parseWith(t, string(e.B), &gotEnv, readEnvelope))
	require.Equal(t, *env, gotEnv)
}
