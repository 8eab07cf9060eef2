package grammar

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

func responsesOf(input string) *ResponseReader {
	return NewResponseReader(wire.Bytes([]byte(input)), wire.LimitsClient())
}

// readOne reads one response, and checks that the next is read as well.
func readOne(t *testing.T, line string) (Response, error) {
	t.Helper()
	r := responsesOf(line + "\r\n* 1 EXISTS\r\n")
	resp, err := r.Read()
	next, e := r.Read()
	require.NoError(t, e)
	require.Equal(t, &Count{Name: "EXISTS", N: 1}, next)
	return resp, err
}

// itemsOf reads the items of the FETCH response and their bodies.
func itemsOf(t *testing.T, r *ResponseReader) ([]*Item, []string) {
	t.Helper()
	var items []*Item
	var bodies []string
	for {
		it, err := r.NextItem()
		require.NoError(t, err)
		if it == nil {
			return items, bodies
		}
		kept := *it
		items = append(items, &kept)
		if it.Body != nil {
			b, err := io.ReadAll(it.Body)
			require.NoError(t, err)
			require.Len(t, b, int(it.Size))
			bodies = append(bodies, string(b))
		}
	}
}

func TestReadResponses(t *testing.T) {
	n := func(n uint32) *uint32 { return &n }
	n64 := func(n int64) *int64 { return &n }
	flags := `(\Answered \Flagged \Deleted \Draft \Seen $Forwarded)`
	for _, tc := range []struct {
		line string
		want Response
	}{
		// The RFCs' own.
		{"* OK IMAP4rev1 Service Ready", &StatusLine{Cond: imap.OK, Text: "IMAP4rev1 Service Ready"}},
		{"a001 OK LOGIN completed", &StatusLine{Tag: "a001", Cond: imap.OK, Text: "LOGIN completed"}},
		{"* OK [UNSEEN 12] Message 12 is first unseen", &StatusLine{Cond: imap.OK, Code: imap.CodeUnseen, Args: "12", Text: "Message 12 is first unseen"}},
		{"A003 ok [read-write] done", &StatusLine{Tag: "A003", Cond: imap.OK, Code: imap.CodeReadWrite, Text: "done"}},
		{"* PREAUTH x", &StatusLine{Cond: imap.PREAUTH, Text: "x"}},
		{"* BYE Autologout; idle for too long", &StatusLine{Cond: imap.BYE, Text: "Autologout; idle for too long"}},
		{"A NO [METADATA LONGENTRIES 2199] x", &StatusLine{Tag: "A", Cond: imap.NO, Code: imap.CodeMetadata, Args: "LONGENTRIES 2199", Text: "x"}},
		{"* OK [REFERRAL \"a]b\"] x", &StatusLine{Cond: imap.OK, Code: imap.CodeReferral, Args: `"a]b"`, Text: "x"}},
		{"+ Ready for additional command text", &Continuation{"Ready for additional command text"}},
		{"* 23 EXISTS", &Count{"EXISTS", 23}},
		{"* 5 recent", &Count{"RECENT", 5}},
		{"* 44 EXPUNGE", &Count{"EXPUNGE", 44}},
		{"* CAPABILITY IMAP4rev1 STARTTLS AUTH=GSSAPI XPIG-LATIN", imap.NewCapSet("IMAP4rev1", "STARTTLS", "AUTH=GSSAPI", "XPIG-LATIN")},
		{"* ENABLED X-GOOD-IDEA", Enabled{"X-GOOD-IDEA"}},
		{"* FLAGS " + flags, Flags{`\Answered`, `\Flagged`, `\Deleted`, `\Draft`, `\Seen`, `$Forwarded`}},
		{`* LIST (\Noselect) "/" ~/Mail/foo`, &imap.ListData{Attrs: []imap.MailboxAttr{imap.AttrNoSelect}, Separator: '/', Mailbox: "~/Mail/foo", Raw: "~/Mail/foo"}},
		{`* LIST () NIL {3}` + "\r\nfoo", &imap.ListData{Mailbox: "foo", Raw: "foo"}},
		{`* LIST () "/" "Entw&APw-rfe" ("CHILDINFO" ("SUBSCRIBED") OLDNAME ("a"))`, &imap.ListData{Separator: '/', Mailbox: "Entwürfe", Raw: "Entw&APw-rfe", OldName: "a", ChildInfo: []string{"SUBSCRIBED"}}},
		{`* LSUB () "." #news.comp.mail.misc`, &LSub{imap.ListData{Separator: '.', Mailbox: "#news.comp.mail.misc", Raw: "#news.comp.mail.misc"}}},
		{"* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292 X-NEW (1 2) SIZE 7 APPENDLIMIT NIL MAILBOXID (F1))", &imap.StatusData{
			Mailbox: "blurdybloop", Messages: n(231), UIDNext: 44292, Size: n64(7), AppendLimit: n64(-1), MailboxID: "F1"}},
		{"* SEARCH 2 84 882", &imap.SearchData{Nums: []uint32{2, 84, 882}}},
		{"* SEARCH", &imap.SearchData{}},
		{"* SEARCH 2 5 (MODSEQ 917162500)", &imap.SearchData{Nums: []uint32{2, 5}, ModSeq: 917162500}},
		{`* ESEARCH (TAG "A282") MIN 2 COUNT 3`, &imap.ESearchData{Tag: "A282", Min: n(2), Count: n(3)}},
		{`* ESEARCH (TAG "A285") UID ALL 43,500:600 X-NEW (1)`, &imap.ESearchData{Tag: "A285", UID: true, All: nums(43, 43, 500, 600)}},
		{`* ESEARCH (TAG "A00000008") UID`, &imap.ESearchData{Tag: "A00000008", UID: true}},
		{"* ESEARCH", &imap.ESearchData{}},
		{`* NAMESPACE (("" "/")("#mh/" "/" "X-PARAM" ("FLAG1" "FLAG2"))) NIL (("#shared/" NIL))`, &imap.NamespaceData{
			Personal: []imap.NamespaceEntry{{Separator: '/'}, {Prefix: "#mh/", Separator: '/'}}, Shared: []imap.NamespaceEntry{{Prefix: "#shared/"}}}},
		{`* QUOTA "" (STORAGE 10 512)`, &imap.QuotaData{Resources: []mailbox.QuotaResource{{Name: mailbox.QuotaStorage, Usage: 10240, Limit: 524288}}}},
		{`* QUOTA x ()`, &imap.QuotaData{Root: "x"}},
		{`* QUOTAROOT INBOX "" b`, &imap.QuotaRootData{Mailbox: "INBOX", Roots: []string{"", "b"}}},
		{"* VANISHED (EARLIER) 41,43:116", &imap.VanishedData{Earlier: true, UIDs: mailbox.UIDSetOfRanges(mailbox.UIDRange{First: 41, Last: 41}, mailbox.UIDRange{First: 43, Last: 116})}},
		{"* ID NIL", imap.IDFields(nil)},
		{`* X-NEW a (b "c d" NIL) BODY[x y]`, &Unknown{Name: "X-NEW", Values: []imap.Value{
			{Kind: imap.ValueAtom, Text: "a"},
			{Kind: imap.ValueList, List: []imap.Value{{Kind: imap.ValueAtom, Text: "b"}, {Kind: imap.ValueString, Text: "c d"}, {}}},
			{Kind: imap.ValueAtom, Text: "BODY[x y]"}}}},
		{"* 5 X-NEW", &Unknown{Name: "X-NEW", N: 5}},

		// What real servers send.
		{"* OK [HIGHESTMODSEQ 5]", &StatusLine{Cond: imap.OK, Code: imap.CodeHighestModSeq, Args: "5"}}, // Gmail, iCloud
		{"* STATUS INBOX (MESSAGES 0) ", &imap.StatusData{Mailbox: "INBOX", Messages: n(0)}},            // Exchange
		{"* CAPABILITY IMAP4 IMAP4rev1 XLIST UIDPLUS ", imap.NewCapSet("IMAP4", "IMAP4rev1", "XLIST", "UIDPLUS")},
		{"* SEARCH 7456 ", &imap.SearchData{Nums: []uint32{7456}}}, // Yahoo
		{"* SEARCH ", &imap.SearchData{}},
		{`* OK [PERMANENTFLAGS (\Answered $Forwarded )] Limited`, &StatusLine{Cond: imap.OK, Code: imap.CodePermanentFlags, Args: `(\Answered $Forwarded )`, Text: "Limited"}}, // SurgeMail
		{`* OK [PERMANENTFLAGS (a [css3-page] \*)] x`, &StatusLine{Cond: imap.OK, Code: imap.CodePermanentFlags, Args: `(a [css3-page] \*)`, Text: "x"}},
		{"+", &Continuation{}},
		{"+ ", &Continuation{}},
		{"* STATUS INBOX ()", &imap.StatusData{Mailbox: "INBOX"}}, // 163
		{"* OK [UIDVALIDITY 0]", &StatusLine{Cond: imap.OK, Code: imap.CodeUIDValidity, Args: "0"}},
		{"IOMC1 OK", &StatusLine{Tag: "IOMC1", Cond: imap.OK}}, // Exchange
		{"* BAD [ALERT] Please enable IMAP access", &StatusLine{Cond: imap.BAD, Code: imap.CodeAlert, Text: "Please enable IMAP access"}},
		{"* FLAGS NIL", Flags{}},
		{`* FLAGS ( \Seen [a] x(y) "q r" é)`, Flags{`\Seen`, "[a]", "x(y)", "q r", "é"}},
		{"* LIST () \"/\" &BBAEMQQyACYEMwQ0BDU-", &imap.ListData{Separator: '/', Mailbox: "Абв&где", Raw: "&BBAEMQQyACYEMwQ0BDU-"}}, // Yandex
		{`* ID (support-url https://protonmail.com/support name ProtonMail vendor "Proton Technologies AG")`, imap.IDFields{
			{Name: "support-url", Value: "https://protonmail.com/support"}, {Name: "name", Value: "ProtonMail"}, {Name: "vendor", Value: "Proton Technologies AG"}}},
		{"*  5  EXISTS", &Count{"EXISTS", 5}},
		{"* OK [UIDNEXT 4", &StatusLine{Cond: imap.OK, Text: "[UIDNEXT 4"}},

		{"", nil},
		{"*", nil},
		{"* ", nil},
		{" NO LOGOUT Intrusion prevention active", nil}, // IceWarp's greeting
		{"421 Server is busy, try again later.", nil},   // SmarterMail's
		{"* LIST () \"/\"", nil},
		{"* 99999999999 EXISTS", nil},
		{"A1 FOO", nil},
		{"* QUOTA \"\" (STORAGE x 1) {3}\r\nabc", nil},
	} {
		t.Run(tc.line, func(t *testing.T) {
			got, err := readOne(t, tc.line)
			if tc.want == nil {
				var s *wire.SyntaxError
				require.ErrorAs(t, err, &s)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
}

func TestStatusLineErr(t *testing.T) {
	require.NoError(t, (&StatusLine{Cond: imap.OK}).Err())
	require.ErrorIs(t, (&StatusLine{Cond: imap.NO, Code: imap.CodeInUse}).Err(), &imap.Error{Code: imap.CodeInUse})
}

func TestFetchResponse(t *testing.T) {
	r := responsesOf("* 12 FETCH (FLAGS (\\Seen) UID 5 RFC822.SIZE 44827 INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" MODSEQ (12121231000) " +
		"X-GM-MSGID 1278455344230334865 X-GM-LABELS (\\Inbox \"a b\") EMAILID (M1) THREADID NIL SAVEDATE NIL PREVIEW \"hi\" " +
		"BODY[HEADER.FIELDS (DATE \"FROM\")]<0> {5}\r\nhello BODY[1.2.TEXT] \"quoted\" BODY[3] NIL BINARY.SIZE[1] 7 BINARY[1] ~{2}\r\n\x00b RFC822 {0}\r\n)\r\n* 1 EXISTS\r\n")
	resp, err := r.Read()
	require.NoError(t, err)
	require.Equal(t, &Fetch{Seq: 12}, resp)
	items, bodies := itemsOf(t, r)
	require.Equal(t, []string{"hello", "quoted", "\x00b", ""}, bodies)
	var names []string
	for _, it := range items {
		names = append(names, it.Name)
	}
	require.Equal(t, []string{"FLAGS", "UID", "RFC822.SIZE", "INTERNALDATE", "MODSEQ", "X-GM-MSGID", "X-GM-LABELS", "EMAILID", "THREADID", "SAVEDATE", "PREVIEW",
		"BODY", "BODY", "BODY", "BINARY.SIZE", "BINARY", "RFC822"}, names)
	require.Equal(t, []mailbox.Flag{mailbox.FlagSeen}, items[0].Flags)
	require.Equal(t, int64(5), items[1].N)
	require.Equal(t, int64(44827), items[2].N)
	require.True(t, items[3].Time.Equal(time.Date(1996, 7, 17, 9, 44, 25, 0, time.UTC)))
	require.Equal(t, int64(12121231000), items[4].N)
	require.Equal(t, "1278455344230334865", items[5].Raw.Text)
	require.Equal(t, `(\Inbox "a b")`, items[6].Raw.String())
	require.Equal(t, "M1", items[7].Text)
	require.True(t, items[9].Time.IsZero())
	require.Equal(t, &imap.BodySection{Spec: imap.SectionHeaderFields, Fields: []string{"DATE", "FROM"}, Text: `HEADER.FIELDS (DATE "FROM")`, Partial: &imap.Partial{}}, items[11].Section)
	require.Nil(t, items[13].Body)
	require.Equal(t, int64(7), items[14].N)
	next, err := r.Read()
	require.NoError(t, err)
	require.Equal(t, &Count{"EXISTS", 1}, next)

	t.Run("not read", func(t *testing.T) {
		for stop := range 3 {
			r := responsesOf("* 1 FETCH (BODY[] {5}\r\nhello UID 3 BODY[TEXT] {3}\r\nabc)\r\n* 1 EXISTS\r\n")
			_, err := r.Read()
			require.NoError(t, err)
			for range stop {
				_, err := r.NextItem()
				require.NoError(t, err)
			}
			next, err := r.Read()
			require.NoError(t, err)
			require.Equal(t, &Count{"EXISTS", 1}, next)
			it, err := r.NextItem()
			require.NoError(t, err)
			require.Nil(t, it)
		}
	})
	t.Run("quirks", func(t *testing.T) {
		for line, want := range map[string]int{
			"* 11487 FETCH (UID 19436 )":                       1, // QQ
			"* 1 FETCH (UID 1  BODY[1] \"a\"   BODY[2] \"b\")": 3, // maddy
			"* 1 FETCH ( FLAGS NIL UID 5)":                     2,
			"* 1 FETCH ()":                                     0,
			"* 1 FETCH (RFC822.SIZE 9.3736e+06)":               1, // mail.ru
		} {
			r := responsesOf(line + "\r\n")
			_, err := r.Read()
			require.NoError(t, err)
			items, _ := itemsOf(t, r)
			require.Len(t, items, want, line)
		}
	})
	t.Run("one bad message", func(t *testing.T) {
		r := responsesOf("* 1 FETCH (UID 1 ENVELOPE (x\r\n* 2 FETCH (UID 2 FLAGS {3}\r\nabc UID 2)\r\n* 3 FETCH (UID 3)\r\n")
		for i := range 2 {
			_, err := r.Read()
			require.NoError(t, err)
			_, err = r.NextItem()
			require.NoError(t, err)
			_, err = r.NextItem()
			var s *wire.SyntaxError
			require.ErrorAs(t, err, &s, "%d", i)
		}
		_, err := r.Read()
		require.NoError(t, err)
		items, _ := itemsOf(t, r)
		require.Len(t, items, 1)
	})
}

func parseWith[T any](t *testing.T, input string, v *T, parse func(*wire.Decoder, *T) bool) error {
	t.Helper()
	d := wire.NewDecoder(wire.Bytes([]byte(input+"\r\n")), wire.LimitsClient())
	d.Tolerant = true
	require.NoError(t, d.Begin())
	if !parse(d, v) || !d.End() {
		require.Error(t, d.Err())
		return d.Err()
	}
	return nil
}

// Envelopes that servers are known to send, by what is wrong with them.
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
			require.NoError(t, parseWith(t, tc.in, &got, ParseEnvelope))
			require.Equal(t, tc.want, got)
		})
	}
}

// Structures that servers are known to send, by what is wrong with them.
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
			require.NoError(t, parseWith(t, tc.in, &got, ParseStructure))
			require.Equal(t, tc.want, got)
		})
	}
	for _, in := range []string{"", "(", "()", `("text"`, strings.Repeat("(", 1000), `("text" "plain" NIL NIL NIL "7bit" x 1)`} {
		var got message.Part
		require.Error(t, parseWith(t, in, &got, ParseStructure), in)
	}
}

// What the Encoder writes reads back as it was.
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
	e.BodyStructure(&want, true)
	require.NoError(t, e.Err)
	var got message.Part
	require.NoError(t, parseWith(t, string(e.B), &got, ParseStructure))
	require.Equal(t, want, got)

	e.Reset(nil)
	e.Envelope(env)
	var gotEnv message.Envelope
	require.NoError(t, parseWith(t, string(e.B), &gotEnv, ParseEnvelope))
	require.Equal(t, *env, gotEnv)
}

func FuzzResponses(f *testing.F) {
	for _, s := range []string{
		"* OK [UNSEEN 12] x\r\na OK\r\n+ x\r\n",
		"* 1 FETCH (FLAGS (\\Seen) ENVELOPE (\"d\" \"s\" ((\"a\"b\" NIL \"c\" \"d\")) NIL NIL NIL NIL NIL NIL \"\\\") BODY[1] {3}\r\nabc BODYSTRUCTURE ((\"text\" \"plain\" NIL NIL NIL NIL 1e3 1) \"mixed\"))\r\n",
		"* LIST (\\Noselect) \"/\" {3}\r\n&A- (\"OLDNAME\" (x))\r\n",
		"* ESEARCH (TAG \"a\") UID ALL 1:4 MODSEQ 4\r\n* SEARCH 1 2 (MODSEQ 3)\r\n* VANISHED (EARLIER) 1:3\r\n",
		"* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n* QUOTA \"\" (STORAGE 1 2)\r\n* ID (a b)\r\n* X (1 (2))\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewResponseReader(wire.Bytes(b), wire.Limits{Line: 1024, Literal: 256, Command: 4096, Stream: 256, Drain: 1024, Depth: 8, Elements: 64})
		for range len(b) + 1 {
			resp, err := r.Read()
			var s *wire.SyntaxError
			var l *wire.LimitError
			var fatal *wire.FatalError
			switch {
			case errors.As(err, &fatal):
				return
			case errors.As(err, &s) || errors.As(err, &l):
				continue
			case err != nil:
				return
			}
			require.True(t, resp != nil)
			for it, err := r.NextItem(); it != nil && err == nil; it, err = r.NextItem() {
			}
		}
		t.Fatal("the reader does not come to an end")
	})
}

func BenchmarkFetchFlags(b *testing.B) {
	line := []byte("* 123456 FETCH (UID 4567890 FLAGS (\\Seen \\Answered) MODSEQ (12345))\r\n")
	r := NewResponseReader(wire.Repeat(line), wire.LimitsClient())
	b.ReportAllocs()
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		if _, err := r.Read(); err != nil {
			b.Fatal(err)
		}
		for {
			it, err := r.NextItem()
			if err != nil {
				b.Fatal(err)
			}
			if it == nil {
				break
			}
		}
	}
}
