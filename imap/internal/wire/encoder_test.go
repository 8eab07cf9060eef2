package wire

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

func encode(f func(e *Encoder)) string {
	var e Encoder
	f(&e)
	if e.Err != nil {
		return "error: " + e.Err.Error()
	}
	return string(e.B)
}

func TestEncodeString(t *testing.T) {
	for _, tc := range []struct{ in, plain, utf8 string }{
		{"", `""`, `""`},
		{"abc", `"abc"`, `"abc"`},
		{`a"b\c`, `"a\"b\\c"`, `"a\"b\\c"`},
		{"a\tb", "\"a\tb\"", "\"a\tb\""},
		{"é", "{2}\r\né", `"é"`},
		{"é\"", "{3}\r\né\"", `"é\""`},
		{"\"é", "{3}\r\n\"é", `"\"é"`},
		{"é\r\n", "{4}\r\né\r\n", "{4}\r\né\r\n"},
		{"\xff", "{1}\r\n\xff", "{1}\r\n\xff"},
		{"a\r\nb", "{4}\r\na\r\nb", "{4}\r\na\r\nb"},
		{"a\nb", "{3}\r\na\nb", "{3}\r\na\nb"},
		{"a\x00b", "{3}\r\na?b", "{3}\r\na?b"},
	} {
		e := Encoder{}
		require.Equal(t, tc.plain, string(e.String(tc.in).B))
		e = Encoder{UTF8: true}
		require.Equal(t, tc.utf8, string(e.String(tc.in).B))
	}
}

func TestEncodeLiteralModes(t *testing.T) {
	for _, tc := range []struct {
		mode  LiteralMode
		n     int
		want  string
		waits int
	}{
		{LiteralServer, 5, "{5}", 0},
		{LiteralSync, 5, "{5}", 1},
		{LiteralPlus, 5000, "{5000+}", 0},
		{LiteralMinus, 4096, "{4096+}", 0},
		{LiteralMinus, 4097, "{4097}", 1},
	} {
		e := Encoder{Mode: tc.mode}
		e.Literal(strings.Repeat("x", tc.n))
		require.True(t, strings.HasPrefix(string(e.B), tc.want+"\r\n"))
		require.Len(t, e.Waits, tc.waits)
		if tc.waits > 0 {
			require.Equal(t, len(tc.want)+2, e.Waits[0])
		}
	}
	e := Encoder{Mode: LiteralSync}
	require.Error(t, e.String("a\x00").Err)
	require.Empty(t, e.B)
}

func TestEncodeElements(t *testing.T) {
	pst := time.FixedZone("", -8*3600)
	for _, tc := range []struct {
		f    func(e *Encoder)
		want string
	}{
		{func(e *Encoder) { e.Mailbox("inBox") }, "INBOX"},
		{func(e *Encoder) { e.Mailbox("INBOX/x y") }, `"INBOX/x y"`},
		{func(e *Encoder) { e.Mailbox("台北/&") }, "&U,BTFw-/&-"},
		{func(e *Encoder) { e.UTF8 = true; e.Mailbox("台北&") }, `"台北&"`},
		{func(e *Encoder) { e.Mailbox("nil") }, `"nil"`},
		{func(e *Encoder) { e.Mailbox("a\r\nb") }, "a&AA0ACg-b"},
		{func(e *Encoder) { e.NString("") }, "NIL"},
		{func(e *Encoder) { e.Tag("a\r\nb") }, "*"},
		{func(e *Encoder) { e.Tag("A001") }, "A001"},
		{func(e *Encoder) { e.Atom("a b") }, `error: imap: "a b" is not an atom`},
		{func(e *Encoder) { e.Atom("") }, `error: imap: "" is not an atom`},
		{func(e *Encoder) { e.DateTime(time.Date(1994, 2, 7, 21, 52, 25, 0, pst)) }, `" 7-Feb-1994 21:52:25 -0800"`},
		{func(e *Encoder) { e.Date(day1) }, "1-Feb-1994"},
		{func(e *Encoder) { e.FlagSet(mailbox.FlagSet{}, false) }, "()"},
		{func(e *Encoder) {
			e.FlagSet(mailbox.NewFlagSet(mailbox.FlagSeen, mailbox.FlagDraft, "$Junk", "ab\"cd", "x y", "e]", "a\r\nb"), true)
		}, `(\Recent \Seen \Draft $Junk)`},
		{func(e *Encoder) { e.Flags(mailbox.FlagDeleted, `\*`, `\bad flag`, "") }, `(\Deleted \*)`},
		{func(e *Encoder) { e.UIDSet(mailbox.UIDSetOf(1, 2, 3, 7)) }, "1:3,7"},
		{func(e *Encoder) { e.UIDSet(mailbox.UIDSet{}) }, "error: imap: empty set"},
		{func(e *Encoder) { e.NumSet(imap.NumSetOf(imap.NumRange{First: 5, Last: imap.Star})) }, "5:*"},
		{func(e *Encoder) { e.Int(-1) }, "error: imap: negative number"},
		{func(e *Encoder) { e.Raw("A1 NO ").Text("no such\r\nmailbox \x00é") }, "A1 NO no such  mailbox  ?"},
		{func(e *Encoder) { e.UTF8 = true; e.Text("é\xff") }, "é\ufffd"},
		{func(e *Encoder) { e.Raw("* OK ").Text("") }, "* OK -"},
		{func(e *Encoder) { e.Raw("* OK ").Text("[ALERT] x") }, "* OK (ALERT] x"},
		{func(e *Encoder) { e.Raw("* OK [UIDNEXT 5] ").Text("[x") }, "* OK [UIDNEXT 5] [x"},
		{func(e *Encoder) { e.Uint(math.MaxUint64) }, "18446744073709551615"},
		{func(e *Encoder) {
			e.Section("BODY", &imap.BodySection{Path: []uint32{1, 2}, Spec: imap.SectionHeaderFields, Fields: []string{"From", "x y"}, Partial: &imap.Partial{Offset: 3, Count: 4}, Peek: true})
		}, `BODY[1.2.HEADER.FIELDS (From "x y")]<3>`},
		{func(e *Encoder) { e.Section("BODY", &imap.BodySection{Spec: imap.SectionText, Text: "text"}) }, "BODY[text]"},
		{func(e *Encoder) {
			e.SectionQuery("BODY", &imap.BodySection{Path: []uint32{3}, Spec: imap.SectionMIME, Peek: true, Partial: &imap.Partial{Count: 9}})
		}, "BODY.PEEK[3.MIME]<0.9>"},
		{func(e *Encoder) { e.SectionQuery("BODY", &imap.BodySection{}) }, "BODY[]"},
	} {
		require.Equal(t, tc.want, encode(tc.f))
	}
}

var day1 = time.Date(1994, 2, 1, 12, 0, 0, 0, time.UTC)

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
		`"<B27397-0100000@cac.washington.edu>")`, encode(func(e *Encoder) { e.Envelope(env) }))

	group := &message.Envelope{To: []message.Address{
		{Kind: message.GroupStart, Name: "undisclosed recipients"}, {Kind: message.GroupEnd}, {Local: "x"},
	}}
	require.Equal(t, `(NIL NIL NIL NIL NIL ((NIL NIL "undisclosed recipients" NIL)(NIL NIL NIL NIL)(NIL NIL "x" "")) NIL NIL NIL NIL)`,
		encode(func(e *Encoder) { e.Envelope(group) }))
	require.Equal(t, "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)", encode(func(e *Encoder) { e.Envelope(nil) }))
}

// The examples of RFC 3501 §7.4.2 and §8, and shapes that come up.
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
			require.Equal(t, tc.want, encode(func(e *Encoder) { e.Rev2 = tc.rev2; e.BodyStructure(tc.p, tc.ext) }))
		})
	}
}

// What an Encoder writes of any string, a Decoder reads back, and nothing of it
// is taken for anything else.
func FuzzRoundTrip(f *testing.F) {
	f.Add("abc", true)
	f.Add("a\"b\\c\r\n{5}", false)
	f.Add("é\xff\x00&-", true)
	f.Fuzz(func(t *testing.T, s string, utf8 bool) {
		e := Encoder{UTF8: utf8, Mode: LiteralPlus}
		e.String(s).SP().AString(s).SP().NString(s).SP().Mailbox(s).SP().Flags(mailbox.Flag(s)).CRLF()
		if e.Err != nil {
			require.Contains(t, s, "\x00")
			return
		}
		d := NewDecoder(Bytes(e.B), LimitsClient())
		d.UTF8, d.Tolerant = utf8, true
		require.NoError(t, d.Begin())
		var a, b, c, m string
		var ok bool
		var flags []mailbox.Flag
		require.True(t, d.String(&a) && d.SP() && d.AString(&b) && d.SP() && d.NString(&c, &ok) && d.SP() && d.Mailbox(&m) && d.SP() && d.FlagList(&flags) && d.End(), "%v in %q", d.Err(), e.B)
		require.Equal(t, s, a)
		require.Equal(t, s, b)
		require.Equal(t, s, c)
		require.Equal(t, s != "", ok)
		if !strings.EqualFold(s, "INBOX") {
			want := s
			if !utf8 {
				want = strings.ToValidUTF8(s, "\ufffd")
			}
			if utf8 || want == s {
				require.Equal(t, want, m)
			}
		}
		require.LessOrEqual(t, len(flags), 1)
	})
}

func BenchmarkFetchResponse(b *testing.B) {
	flags := mailbox.NewFlagSet(mailbox.FlagSeen, mailbox.FlagAnswered, "$Forwarded")
	date := time.Date(2026, 11, 21, 10, 0, 0, 0, time.FixedZone("", 3600))
	env := &message.Envelope{
		Date: "Wed, 17 Jul 1996 02:23:25 -0700 (PDT)", Subject: "IMAP4rev1 WG mtg summary and minutes",
		From:      []message.Address{{Name: "Terry Gray", Local: "gray", Domain: "cac.washington.edu"}},
		To:        []message.Address{{Local: "imap", Domain: "cac.washington.edu"}},
		MessageID: "<B27397-0100000@cac.washington.edu>",
	}
	var e Encoder
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		e.Reset(buf)
		e.Raw("* ").Uint(123456).Raw(" FETCH (UID ").Uint(4567890).Raw(" FLAGS ").FlagSet(flags, false)
		e.Raw(" INTERNALDATE ").DateTime(date).Raw(" RFC822.SIZE ").Int(4286).Raw(" ENVELOPE ").Envelope(env)
		e.Raw(")").CRLF()
	}
	b.SetBytes(int64(len(e.B)))
}

func BenchmarkFetchFlags(b *testing.B) {
	flags := mailbox.NewFlagSet(mailbox.FlagSeen)
	var e Encoder
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		e.Reset(buf)
		e.Raw("* ").Uint(123456).Raw(" FETCH (UID ").Uint(4567890).Raw(" FLAGS ").FlagSet(flags, false).Raw(")").CRLF()
	}
}
