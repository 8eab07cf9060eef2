package grammar

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
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

func TestReadResponses(t *testing.T) {
	n := func(n uint32) *uint32 { return &n }
	n64 := func(n int64) *int64 { return &n }
	flags := `(\Answered \Flagged \Deleted \Draft \Seen $Forwarded)`
	for _, tc := range []struct {
		line string
		want Response
	}{
		// From the RFCs.
		{"* OK IMAP4rev1 Service Ready", &StatusLine{Cond: imap.OK, Text: "IMAP4rev1 Service Ready"}},
		{"a001 OK LOGIN completed", &StatusLine{Tag: "a001", Cond: imap.OK, Text: "LOGIN completed"}},
		{"* OK [UNSEEN 12] Message 12 is first unseen", &StatusLine{Cond: imap.OK, Code: imap.CodeUnseen, Arg: imap.SeqNum(12), Args: "12", Text: "Message 12 is first unseen"}},
		{"A003 ok [read-write] done", &StatusLine{Tag: "A003", Cond: imap.OK, Code: imap.CodeReadWrite, Text: "done"}},
		{"* PREAUTH x", &StatusLine{Cond: imap.PREAUTH, Text: "x"}},
		{"* BYE Autologout; idle for too long", &StatusLine{Cond: imap.BYE, Text: "Autologout; idle for too long"}},
		{"A NO [METADATA LONGENTRIES 2199] x", &StatusLine{Tag: "A", Cond: imap.NO, Code: imap.CodeMetadata, Arg: imap.MetadataCode{Reason: imap.MetadataLongEntries, N: 2199}, Args: "LONGENTRIES 2199", Text: "x"}},
		{"* OK [REFERRAL \"a]b\"] x", &StatusLine{Cond: imap.OK, Code: imap.CodeReferral, Arg: imap.Referral{"a]b"}, Args: `"a]b"`, Text: "x"}},
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
		{"* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292 x-New (1 2) SIZE 7 APPENDLIMIT NIL MAILBOXID (F1))", &imap.StatusData{
			Mailbox: "blurdybloop", Messages: n(231), UIDNext: 44292, Size: n64(7), AppendLimit: n64(-1), MailboxID: "F1",
			Unknown: []imap.NamedValue{{Name: "X-NEW", Value: imap.Value{Kind: imap.ValueList, List: []imap.Value{{Kind: imap.ValueAtom, Text: "1"}, {Kind: imap.ValueAtom, Text: "2"}}}}}}},
		{`* LIST () "/" a ("X-NEW" (b) CHILDINFO ("SUBSCRIBED"))`, &imap.ListData{Separator: '/', Mailbox: "a", Raw: "a", ChildInfo: []string{"SUBSCRIBED"},
			Unknown: []imap.NamedValue{{Name: "X-NEW", Value: imap.Value{Kind: imap.ValueList, List: []imap.Value{{Kind: imap.ValueAtom, Text: "b"}}}}}}},
		{"* SEARCH 2 84 882", &imap.SearchData{Nums: []uint32{2, 84, 882}}},
		{"* SEARCH", &imap.SearchData{}},
		{"* SEARCH 2 5 (MODSEQ 917162500)", &imap.SearchData{Nums: []uint32{2, 5}, ModSeq: 917162500}},
		{`* ESEARCH (TAG "A282") MIN 2 COUNT 3`, &imap.ESearchData{Tag: "A282", Min: n(2), Count: n(3)}},
		{`* ESEARCH (TAG "A285") UID ALL 43,500:600 X-NEW (1)`, &imap.ESearchData{Tag: "A285", UID: true, All: nums(43, 43, 500, 600),
			Unknown: []imap.NamedValue{{Name: "X-NEW", Value: imap.Value{Kind: imap.ValueList, List: []imap.Value{{Kind: imap.ValueAtom, Text: "1"}}}}}}},
		{`* ESEARCH (TAG "A00000008") UID`, &imap.ESearchData{Tag: "A00000008", UID: true}},
		{"* ESEARCH", &imap.ESearchData{}},
		{`* NAMESPACE (("" "/")("#mh/" "/" "X-PARAM" ("FLAG1" "FLAG2"))) NIL (("#shared/" NIL))`, &imap.NamespaceData{
			Personal: []imap.NamespaceEntry{{Separator: '/'}, {Prefix: "#mh/", Separator: '/', Extensions: []imap.NamespaceExtension{{Name: "X-PARAM", Values: []string{"FLAG1", "FLAG2"}}}}}, Shared: []imap.NamespaceEntry{{Prefix: "#shared/"}}}},
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

		// From real servers.
		{"* OK [HIGHESTMODSEQ 5]", &StatusLine{Cond: imap.OK, Code: imap.CodeHighestModSeq, Arg: mailbox.ModSeq(5), Args: "5"}}, // Gmail, iCloud
		{"* STATUS INBOX (MESSAGES 0) ", &imap.StatusData{Mailbox: "INBOX", Messages: n(0)}},                                    // Exchange
		{"* CAPABILITY IMAP4 IMAP4rev1 XLIST UIDPLUS ", imap.NewCapSet("IMAP4", "IMAP4rev1", "XLIST", "UIDPLUS")},
		{"* SEARCH 7456 ", &imap.SearchData{Nums: []uint32{7456}}}, // Yahoo
		{"* SEARCH ", &imap.SearchData{}},
		{`* OK [PERMANENTFLAGS (\Answered $Forwarded )] Limited`, &StatusLine{Cond: imap.OK, Code: imap.CodePermanentFlags, Arg: []mailbox.Flag{mailbox.FlagAnswered, mailbox.FlagForwarded}, Args: `(\Answered $Forwarded )`, Text: "Limited"}}, // SurgeMail
		{`* OK [PERMANENTFLAGS (a [css3-page] \*)] x`, &StatusLine{Cond: imap.OK, Code: imap.CodePermanentFlags, Arg: []mailbox.Flag{"a", "[css3-page]", imap.FlagAny}, Args: `(a [css3-page] \*)`, Text: "x"}},
		{"+", &Continuation{}},
		{"+ ", &Continuation{}},
		{"* STATUS INBOX ()", &imap.StatusData{Mailbox: "INBOX"}}, // 163
		{"* OK [UIDVALIDITY 0]", &StatusLine{Cond: imap.OK, Code: imap.CodeUIDValidity, Arg: uint32(0), Args: "0"}},
		{"IOMC1 OK", &StatusLine{Tag: "IOMC1", Cond: imap.OK}}, // Exchange
		{"* BAD [ALERT] Please enable IMAP access", &StatusLine{Cond: imap.BAD, Code: imap.CodeAlert, Text: "Please enable IMAP access"}},
		{"* FLAGS NIL", Flags(nil)},
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

func parseWith[T any](t *testing.T, input string, v *T, parse func(*decoder, *T) bool) error {
	t.Helper()
	d := &decoder{Decoder: wire.NewDecoder(wire.Bytes([]byte(input+"\r\n")), wire.LimitsClient())}
	d.Tolerant = true
	require.NoError(t, d.Begin())
	if !parse(d, v) || !d.End() {
		require.Error(t, d.Err())
		return d.Err()
	}
	return nil
}

func status(t *testing.T, line string) *StatusLine {
	t.Helper()
	resp, err := readOne(t, line)
	require.NoError(t, err)
	return resp.(*StatusLine)
}

func TestCodes(t *testing.T) {
	for line, want := range map[string]any{
		"A003 OK [APPENDUID 38505 3955] APPEND completed":         imap.AppendUID{UIDValidity: 38505, UIDs: mailbox.UIDSetOf(3955)}, // RFC 4315 §4
		"A004 OK [COPYUID 38505 304,319:320 3956:3958] Done":      imap.CopyUID{UIDValidity: 38505, Moved: []mailbox.Moved{moved(304, 304, 3956), moved(319, 320, 3957)}},
		"A004 OK [COPYUID 1 4:2,9 31:30,7,12] Not sorted":         imap.CopyUID{UIDValidity: 1, Moved: []mailbox.Moved{moved(2, 3, 30), moved(4, 4, 7), moved(9, 9, 12)}},
		"* OK [HIGHESTMODSEQ 715194045007]":                       mailbox.ModSeq(715194045007),
		"* OK [UIDVALIDITY 0]":                                    uint32(0), // mail.xwtec.cn
		`* OK [PERMANENTFLAGS (\Deleted $Forwarded \* )] Limited`: []mailbox.Flag{mailbox.FlagDeleted, mailbox.FlagForwarded, imap.FlagAny},
		"* OK [CAPABILITY IMAP4rev1 IDLE ] hello":                 imap.NewCapSet("IMAP4rev1", "IDLE"),
		"d105 OK [MODIFIED 7,9] done":                             nums(7, 7, 9, 9), // RFC 7162 §3.1.3
		"* OK":                                                    nil, "* OK [APPENDUID]": nil, "* OK [APPENDUID 1 2 3]": nil, "* OK [COPYUID 1 2:3 4]": nil, "* OK [COPYUID 1 * 4]": nil,
	} {
		require.Equal(t, want, status(t, line).Arg, line)
	}
}

func FuzzResponses(f *testing.F) {
	for _, s := range []string{
		"* OK [UNSEEN 12] x\r\na OK\r\n+ x\r\n",
		"* 1 FETCH (FLAGS (\\Seen) ENVELOPE (\"d\" \"s\" ((\"a\"b\" NIL \"c\" \"d\")) NIL NIL NIL NIL NIL NIL \"\\\") BODY[1] {3}\r\nabc BODYSTRUCTURE ((\"text\" \"plain\" NIL NIL NIL NIL 1e3 1) \"mixed\"))\r\n",
		"* LIST (\\Noselect) \"/\" {3}\r\n&A- (\"OLDNAME\" (x))\r\n",
		"* ESEARCH (TAG \"a\") UID ALL 1:4 MODSEQ 4\r\n* SEARCH 1 2 (MODSEQ 3)\r\n* VANISHED (EARLIER) 1:3\r\n",
		"* THREAD (2)(3 6 (4 23)(44 7 96))((3)(5))\r\n* SORT 1 3 2\r\n* 7 UIDFETCH (FLAGS ())\r\n* UIDBATCHES (TAG \"a\") 9:7,6:1\r\n",
		"* ESEARCH (TAG a MAILBOX b UIDVALIDITY 1) UID PARTIAL (-1:-9 NIL) RELEVANCY (4 99) ADDTO (0 1 1 2:3) REMOVEFROM (0 4) X (1)\r\n",
		"* OK [INPROGRESS (\"a\" 1 NIL)] x\r\n* NO [MESSAGELIMIT 1 2] x\r\n* NO [BADEVENT (MessageNew)] x\r\n",
		"* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n* QUOTA \"\" (STORAGE 1 2)\r\n* ID (a b)\r\n* X (1 (2))\r\n",
		"* METADATA \"\" (/a NIL /b ~{1}\r\n\x00)\r\n* METADATA a /b\r\n* ACL a b lr\r\n* LISTRIGHTS a b \"\" l r\r\n* URLFETCH a NIL b (BODY \"\") (X 1)\r\n",
		"* 1 FETCH (ANNOTATION (/a (b NIL) /c) X-GM-LABELS (\\a \"b\") X-GM-MSGID 1)\r\n* NAMESPACE ((\"\" \"/\" \"X\" (\"a\"))) NIL NIL\r\na NO [ANNOTATIONS 1 NOPRIVATE] x\r\n* OK [URLMECH INTERNAL X=YQ==] x\r\n",
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

// moved is a run of UIDs and the first of their new UIDs.
func moved(first, last, dest mailbox.UID) mailbox.Moved {
	return mailbox.Moved{Source: mailbox.UIDRange{First: first, Last: last}, Dest: mailbox.UIDRange{First: dest, Last: dest + last - first}}
}
