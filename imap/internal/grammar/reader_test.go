package grammar

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// peer is a Reader of bytes, and the output that it wrote.
type peer struct {
	*Reader
	out bytes.Buffer
}

func newPeer(input string, lim wire.Limits) *peer {
	p := &peer{}
	p.Reader = newReader(wire.Bytes([]byte(input)), &p.out, func() error { return nil }, lim)
	return p
}

// parseOne reads one command, to which "a " and CRLF are added.
func parseOne(t *testing.T, line string) (imap.Command, error) {
	t.Helper()
	p := newPeer("a "+line+"\r\nz NOOP\r\n", wire.LimitsAfterLogin())
	tag, cmd, err := p.ReadCommand()
	require.Equal(t, "a", tag)
	if !appends(cmd) {
		inStep(t, p)
	}
	return cmd, err
}

// appends reports whether messages follow the command.
func appends(cmd imap.Command) bool {
	switch cmd.(type) {
	case *imap.Append, *imap.Replace:
		return true
	}
	return false
}

// inStep checks that the next command is z NOOP, and is the last.
func inStep(t *testing.T, p *peer) {
	t.Helper()
	tag, cmd, err := p.ReadCommand()
	require.NoError(t, err)
	require.Equal(t, "z", tag)
	require.Equal(t, &imap.Noop{}, cmd)
	_, _, err = p.ReadCommand()
	require.Equal(t, io.EOF, err)
}

func nums(pairs ...uint32) imap.NumSet {
	var s imap.NumSet
	for i := 0; i < len(pairs); i += 2 {
		s.Ranges = append(s.Ranges, imap.NumRange{First: pairs[i], Last: pairs[i+1]})
	}
	return s
}

func modSeq(n mailbox.ModSeq) *mailbox.ModSeq { return &n }

func day(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }

var flagsDateSize = []imap.FetchItem{{Att: imap.FetchFlags}, {Att: imap.FetchInternalDate}, {Att: imap.FetchSize}}

func TestCommands(t *testing.T) {
	for _, tc := range []struct {
		line string
		want imap.Command
	}{
		// RFC 3501 §6.1 to §6.2
		{"CAPABILITY", &imap.Capability{}},
		{"noop", &imap.Noop{}},
		{"LOGOUT  ", &imap.Logout{}},
		{"STARTTLS", &imap.StartTLS{}},
		{"AUTHENTICATE GSSAPI", &imap.Authenticate{Mechanism: "GSSAPI"}},
		{"AUTHENTICATE CRAM-MD5 ", &imap.Authenticate{Mechanism: "CRAM-MD5"}}, // mutt
		{"AUTHENTICATE plain dGVzdAB0ZXN0AHRlc3Q=", &imap.Authenticate{Mechanism: "PLAIN", Initial: []byte("test\x00test\x00test")}},
		{"AUTHENTICATE EXTERNAL =", &imap.Authenticate{Mechanism: "EXTERNAL", Initial: []byte{}}},
		{"LOGIN SMITH SESAME", &imap.Login{User: "SMITH", Password: "SESAME"}},
		{`LOGIN "sm\"ith" "s\\e same]"`, &imap.Login{User: `sm"ith`, Password: `s\e same]`}},
		{"LOGIN {5}\r\nsmith {6+}\r\nses me", &imap.Login{User: "smith", Password: "ses me"}},
		{"LOGIN {0}\r\n \"\"", &imap.Login{}},
		{"LOGIN a] \"g\u00fcnther\"", &imap.Login{User: "a]", Password: "günther"}},
		{"LOGIN a%20b c", nil},
		{`LOGIN "a\b" c`, nil},
		{`LOGIN "a" "b`, nil},
		{"LOGIN a  b", nil},
		{"LOGIN a b c", nil},
		{"LOGIN a \"\xff\"", nil},
		{"LOGIN \xff b", nil},
		{"LOGIN a\x00 b", nil},
		{"LOGIN a {3+}\r\na\x00b", nil},
		{"NOOP x", nil},
		{"", nil},
		{"XYZZY 1 2 {3+}\r\nabc {2+}\r\nxx", nil},
		{"UID", nil},
		{"UID NOOP", nil},
		{"AUTHENTICATE PLAIN ?", nil},

		// RFC 3501 §6.3
		{"SELECT INBOX", &imap.Select{Mailbox: "INBOX"}},
		{"SELECT inbox", &imap.Select{Mailbox: "INBOX"}},
		{`SELECT "~peter/mail/&U,BTFw-/&ZeVnLIqe-"`, &imap.Select{Mailbox: "~peter/mail/台北/日本語"}},
		{"SELECT &bad", &imap.Select{Mailbox: "&bad"}},
		{"EXAMINE blurdybloop", &imap.Select{Mailbox: "blurdybloop", ReadOnly: true}},
		{"SELECT INBOX (CONDSTORE)", &imap.Select{Mailbox: "INBOX", CondStore: true}},
		{"SELECT INBOX (QRESYNC (67890007 20050715194045000 41,43:211,214:541))", &imap.Select{
			Mailbox: "INBOX", QResync: &imap.QResync{UIDValidity: 67890007, ModSeq: 20050715194045000,
				KnownUIDs: mailbox.UIDSetOfRanges(mailbox.UIDRange{First: 41, Last: 41}, mailbox.UIDRange{First: 43, Last: 211}, mailbox.UIDRange{First: 214, Last: 541})},
		}},
		{"SELECT INBOX (QRESYNC (67890007 90060115194045000 41:211 (1:2 3:4)))", &imap.Select{
			Mailbox: "INBOX", QResync: &imap.QResync{UIDValidity: 67890007, ModSeq: 90060115194045000,
				KnownUIDs: mailbox.UIDRangeSet(41, 211), SeqMatch: &imap.SeqMatch{Seqs: nums(1, 2), UIDs: nums(3, 4)}},
		}},
		{"SELECT INBOX ()", nil},
		{"CREATE owatagusiam/", &imap.Create{Mailbox: "owatagusiam/"}},
		{`CREATE MySpecial (USE (\Drafts \Sent))`, &imap.Create{Mailbox: "MySpecial", SpecialUse: []imap.MailboxAttr{`\Drafts`, `\Sent`}}},
		{"DELETE foo/bar", &imap.Delete{Mailbox: "foo/bar"}},
		{"RENAME blurdybloop sarasoop", &imap.Rename{From: "blurdybloop", To: "sarasoop"}},
		{"SUBSCRIBE #news.comp.mail.mime", &imap.Subscribe{Mailbox: "#news.comp.mail.mime"}},
		{"UNSUBSCRIBE #news.comp.mail.mime", &imap.Unsubscribe{Mailbox: "#news.comp.mail.mime"}},
		{`LIST "" ""`, &imap.List{Patterns: []string{""}}},
		{"LIST ~/Mail/ %", &imap.List{Reference: "~/Mail/", Patterns: []string{"%"}}},
		{`LIST "" "*&AOk-%"`, &imap.List{Patterns: []string{"*é%"}}},
		{`list (subscribed) "" "*" return (special-use)`, &imap.List{ // Thunderbird
			Patterns: []string{"*"}, Extended: true, Select: imap.SelectSubscribed, Return: imap.ReturnSpecialUse}},
		{`LIST () "" ("INBOX" "Drafts" "Sent/%")`, &imap.List{Extended: true, Patterns: []string{"INBOX", "Drafts", "Sent/%"}}},
		{`LIST (SUBSCRIBED RECURSIVEMATCH) "" *`, &imap.List{Extended: true, Select: imap.SelectSubscribed | imap.SelectRecursiveMatch, Patterns: []string{"*"}}},
		{`LIST (RECURSIVEMATCH REMOTE) "" *`, nil},
		{`LIST "" % RETURN (STATUS (MESSAGES UNSEEN) CHILDREN)`, &imap.List{Extended: true, Patterns: []string{"%"},
			Return: imap.ReturnStatus | imap.ReturnChildren, Status: []imap.StatusItem{imap.StatusMessages, imap.StatusUnseen}}},
		{`LSUB "#news." "comp.mail.*"`, &imap.LSub{Reference: "#news.", Pattern: "comp.mail.*"}},
		{"STATUS blurdybloop (UIDNEXT MESSAGES)", &imap.Status{Mailbox: "blurdybloop", Items: []imap.StatusItem{imap.StatusUIDNext, imap.StatusMessages}}},
		{"STATUS x (size HighestModSeq)", &imap.Status{Mailbox: "x", Items: []imap.StatusItem{imap.StatusSize, imap.StatusHighestModSeq}}},
		{"STATUS x ()", nil},
		{"STATUS x (FOO)", nil},
		{"NAMESPACE", &imap.Namespace{}},
		{"IDLE", &imap.Idle{}},
		{"ENABLE CONDSTORE X-GOOD-IDEA", &imap.Enable{Caps: []imap.Cap{"CONDSTORE", "X-GOOD-IDEA"}}},
		{"ENABLE", nil},
		{`ID ("name" "sodr" "version" "19.34" "vendor" NIL)`, &imap.ID{Fields: imap.IDFields{{Name: "name", Value: "sodr"}, {Name: "version", Value: "19.34"}, {Name: "vendor"}}}},
		{"ID NIL", &imap.ID{}},
		{"ID (\"name\" {23+}\r\nMicrosoft.Exchange.Imap \"version\" {6+}\r\n16.0.0)", &imap.ID{Fields: imap.IDFields{{Name: "name", Value: "Microsoft.Exchange.Imap"}, {Name: "version", Value: "16.0.0"}}}},
		{`ID ("name")`, nil},
		{`GETQUOTA ""`, &imap.GetQuota{}},
		{"GETQUOTAROOT INBOX", &imap.GetQuotaRoot{Mailbox: "INBOX"}},
		{`SETQUOTA "" (STORAGE 512 message 9)`, &imap.SetQuota{Limits: []imap.QuotaLimit{{Name: "STORAGE", Limit: 512}, {Name: "MESSAGE", Limit: 9}}}},

		// RFC 3501 §6.4
		{"CHECK", &imap.Check{}},
		{"CLOSE", &imap.Close{}},
		{"UNSELECT", &imap.Unselect{}},
		{"EXPUNGE", &imap.Expunge{}},
		{"UID EXPUNGE 3000:3002", &imap.Expunge{UID: true, Set: nums(3000, 3002)}},
		{"COPY 2:4 MEETING", &imap.Copy{Set: nums(2, 4), Mailbox: "MEETING"}},
		{"uid copy 4,*:7 MEETING", &imap.Copy{UID: true, Set: nums(4, 4, imap.Star, 7), Mailbox: "MEETING"}},
		{"UID MOVE 42:69 foo", &imap.Move{UID: true, Set: nums(42, 69), Mailbox: "foo"}},
		{"MOVE $ foo", &imap.Move{Set: imap.NumSet{Saved: true}, Mailbox: "foo"}},
		{"COPY 0 x", nil},
		{"COPY 1,,2 x", nil},
		{"COPY 1:4294967296 x", nil},
		{`STORE 2:4 +FLAGS (\Deleted)`, &imap.Store{Set: nums(2, 4), Op: mailbox.FlagsAdd, Flags: []mailbox.Flag{mailbox.FlagDeleted}}},
		{`UID STORE 1 -FLAGS.SILENT \Seen $Junk`, &imap.Store{UID: true, Set: nums(1, 1), Op: mailbox.FlagsRemove, Silent: true, Flags: []mailbox.Flag{mailbox.FlagSeen, mailbox.FlagJunk}}},
		{"STORE 1 FLAGS ()", &imap.Store{Set: nums(1, 1), Op: mailbox.FlagsReplace}},
		{`STORE 7,5,9 (UNCHANGEDSINCE 320162338) +FLAGS.SILENT (\Deleted)`, &imap.Store{Set: nums(7, 7, 5, 5, 9, 9), Op: mailbox.FlagsAdd, Silent: true,
			Flags: []mailbox.Flag{mailbox.FlagDeleted}, UnchangedSince: modSeq(320162338)}},
		{"STORE 1 FLAGS", nil},
		{"STORE 1 FLAGS (ab\"cd)", nil},
		{`STORE 1 FLAGS (\*)`, nil},

		// FETCH
		{"FETCH 2:4 (FLAGS BODY[HEADER.FIELDS (DATE FROM)])", &imap.Fetch{Set: nums(2, 4), Items: []imap.FetchItem{
			{Att: imap.FetchFlags},
			{Att: imap.FetchBodySection, Section: &imap.BodySection{Spec: imap.SectionHeaderFields, Fields: []string{"DATE", "FROM"}, Text: "HEADER.FIELDS (DATE FROM)"}},
		}}},
		{"72 UID fetch", nil},
		{"UID fetch 1:* (FLAGS)", &imap.Fetch{UID: true, Set: nums(1, imap.Star), Items: []imap.FetchItem{{Att: imap.FetchFlags}}}},
		{"FETCH 1 fast", &imap.Fetch{Set: nums(1, 1), Items: flagsDateSize}},
		{"FETCH 1 ALL", &imap.Fetch{Set: nums(1, 1), Items: append(flagsDateSize[:3:3], imap.FetchItem{Att: imap.FetchEnvelope})}},
		{"FETCH 1 FULL", &imap.Fetch{Set: nums(1, 1), Items: append(flagsDateSize[:3:3], imap.FetchItem{Att: imap.FetchEnvelope}, imap.FetchItem{Att: imap.FetchBody})}},
		{"FETCH 1 (ALL)", nil},
		{"FETCH 1 ()", nil},
		{"FETCH 1 BODY.PEEK[]<0.2048>", &imap.Fetch{Set: nums(1, 1), Items: []imap.FetchItem{
			{Att: imap.FetchBodySection, Section: &imap.BodySection{Peek: true, Partial: &imap.Partial{Count: 2048}}}}}},
		{"FETCH 1 BODY[4.2.header.fields.not (\"subject\" X])]", &imap.Fetch{Set: nums(1, 1), Items: []imap.FetchItem{
			{Att: imap.FetchBodySection, Section: &imap.BodySection{Path: []uint32{4, 2}, Spec: imap.SectionHeaderFieldsNot, Fields: []string{"subject", "X]"}, Text: `4.2.header.fields.not ("subject" X])`}}}}},
		{"FETCH 1 (BODY[1.MIME] BODY[TEXT] body[1])", &imap.Fetch{Set: nums(1, 1), Items: []imap.FetchItem{
			{Att: imap.FetchBodySection, Section: &imap.BodySection{Path: []uint32{1}, Spec: imap.SectionMIME, Text: "1.MIME"}},
			{Att: imap.FetchBodySection, Section: &imap.BodySection{Spec: imap.SectionText, Text: "TEXT"}},
			{Att: imap.FetchBodySection, Section: &imap.BodySection{Path: []uint32{1}, Text: "1"}},
		}}},
		{"FETCH 1 BODY[MIME]", nil},
		{"FETCH 1 BODY[0]", nil},
		{"FETCH 1 BODY[1.]", nil},
		{"FETCH 1 BODY[]<0.0>", nil},
		{"FETCH 1 BODY[]<1>", nil},
		{"FETCH 1 (RFC822 RFC822.HEADER RFC822.TEXT RFC822.SIZE UID BODY BODYSTRUCTURE)", &imap.Fetch{Set: nums(1, 1), Items: []imap.FetchItem{
			{Att: imap.FetchRFC822}, {Att: imap.FetchRFC822Header}, {Att: imap.FetchRFC822Text}, {Att: imap.FetchSize}, {Att: imap.FetchUID},
			{Att: imap.FetchBody}, {Att: imap.FetchBodyStructure}}}},
		{"FETCH 1 (BINARY.PEEK[1.2]<5.6> BINARY.SIZE[3])", &imap.Fetch{Set: nums(1, 1), Items: []imap.FetchItem{
			{Att: imap.FetchBinary, Section: &imap.BodySection{Peek: true, Path: []uint32{1, 2}, Partial: &imap.Partial{Offset: 5, Count: 6}, Text: "1.2"}},
			{Att: imap.FetchBinarySize, Section: &imap.BodySection{Peek: true, Path: []uint32{3}, Text: "3"}}}}},
		{"FETCH 1 BINARY[1.TEXT]", nil},
		{"FETCH 1 (PREVIEW (LAZY) PREVIEW MODSEQ)", &imap.Fetch{Set: nums(1, 1), Items: []imap.FetchItem{{Att: imap.FetchPreviewLazy}, {Att: imap.FetchPreview}, {Att: imap.FetchModSeq}}}},
		{"UID FETCH 1:* (FLAGS) (VANISHED)", nil},
		{"FETCH 1:* (FLAGS) (CHANGEDSINCE 1 VANISHED)", nil},
		{"UID FETCH 1:* (FLAGS) (CHANGEDSINCE 12345 VANISHED)", &imap.Fetch{UID: true, Set: nums(1, imap.Star), Items: []imap.FetchItem{{Att: imap.FetchFlags}}, ChangedSince: modSeq(12345), Vanished: true}},
	} {
		t.Run(tc.line, func(t *testing.T) {
			got, err := parseOne(t, tc.line)
			if tc.want == nil {
				var e *imap.Error
				require.ErrorAs(t, err, &e)
				require.Equal(t, imap.BAD, e.Status, "%v", e)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
			writeAndReadBack(t, got)
		})
	}
}

// writeAndReadBack checks that a server reads the command that a client writes,
// and that it needs no synchronising literal.
func writeAndReadBack(t *testing.T, cmd imap.Command) {
	t.Helper()
	e := wire.Encoder{Mode: wire.LiteralPlus}
	e.Tag("a").SP()
	WriteCommand(&e, cmd)
	require.NoError(t, e.Err)
	e.CRLF()
	_, again, err := newPeer(string(e.B), wire.LimitsAfterLogin()).ReadCommand()
	require.NoError(t, err, "%s", e.B)
	blank := func(cmd imap.Command) imap.Command { // fields that are not written
		switch c := cmd.(type) {
		case *imap.Fetch:
			for _, item := range c.Items {
				if item.Section != nil {
					item.Section.Text = ""
				}
			}
		case *imap.List:
			c.Extended = false
		case *imap.Search:
			c.Charset = ""
		case *imap.Sort:
			c.Charset = ""
		case *imap.ESearch:
			c.Charset = ""
		case *imap.Thread:
			c.Charset = ""
		}
		return cmd
	}
	require.Equal(t, blank(cmd), blank(again), "%s", e.B)
}

// After an invalid command the next one can be read.
func TestInStep(t *testing.T) {
	for _, tc := range []struct {
		name, input string
		lim         wire.Limits
		code        imap.Code
	}{
		{name: "synchronising literal too big", input: "a LOGIN {400000000}\r\n", lim: wire.LimitsBeforeLogin(), code: imap.CodeTooBig},
		{name: "literal of more than 63 bits", input: "a LOGIN {99999999999999999999999}\r\n", lim: wire.LimitsBeforeLogin(), code: imap.CodeTooBig},
		{name: "negative literal", input: "a LOGIN {-1}\r\n", lim: wire.LimitsBeforeLogin()},
		{name: "literal without number", input: "a LOGIN {}\r\n", lim: wire.LimitsBeforeLogin()},
		{name: "non-synchronising literal too big", input: "a LOGIN {5000+}\r\n" + strings.Repeat("x", 5000) + " {3+}\r\nabc\r\n", lim: wire.LimitsBeforeLogin(), code: imap.CodeTooBig},
		{name: "error before a literal", input: "a STORE x {7+}\r\nz NOOP\n {0+}\r\n\r\n", lim: wire.LimitsAfterLogin()},
		{name: "append before login", input: "a APPEND x {10}\r\n", lim: wire.LimitsBeforeLogin(), code: imap.CodeTooBig},
		{name: "append before login, unasked", input: "a APPEND x {10+}\r\n0123456789\r\n", lim: wire.LimitsBeforeLogin(), code: imap.CodeTooBig},
		{name: "deep search", input: "a SEARCH " + strings.Repeat("(", 300) + "ALL" + strings.Repeat(")", 300) + "\r\n", lim: wire.LimitsAfterLogin(), code: imap.CodeTooBig},
		{name: "deep NOT", input: "a SEARCH " + strings.Repeat("NOT ", 300) + "ALL\r\n", lim: wire.LimitsAfterLogin(), code: imap.CodeTooBig},
		{name: "big set", input: "a COPY " + strings.Repeat("1,", 20000) + "1 x\r\n", lim: wire.LimitsAfterLogin(), code: imap.CodeTooBig},
		{name: "many keys", input: "a SEARCH " + strings.Repeat("ALL ", 100) + "ALL\r\n", lim: wire.LimitsBeforeLogin(), code: imap.CodeTooBig},
		{name: "many literals", input: "a ID (" + strings.Repeat("{4000+}\r\n"+strings.Repeat("x", 4000)+" ", 17) + "x)\r\n", lim: wire.LimitsBeforeLogin(), code: imap.CodeTooBig},
		{name: "line too long", input: "a LOGIN u " + strings.Repeat("x", 100_000) + "\r\n", lim: wire.LimitsBeforeLogin(), code: imap.CodeTooBig},
		{name: "line too long, after login", input: "a UID FETCH " + strings.Repeat("1,", 100_000) + "1 FLAGS\r\n", lim: wire.LimitsAfterLogin(), code: imap.CodeTooBig},
		{name: "line too long before a literal", input: "a LOGIN " + strings.Repeat("x", 100_000) + " {12+}\r\ny LOGOUT\r\nx \r\n", lim: wire.LimitsBeforeLogin(), code: imap.CodeTooBig},
		{name: "line too long before a literal that waits", input: "a LOGIN " + strings.Repeat("x", 100_000) + " {12}\r\n", lim: wire.LimitsBeforeLogin(), code: imap.CodeTooBig},
		{name: "line too long behind a literal", input: "a LOGIN {1+}\r\nu " + strings.Repeat("x", 100_000) + "{3+}\r\n\r\n \r\n", lim: wire.LimitsBeforeLogin(), code: imap.CodeTooBig},
		{name: "bare LF", input: "a NOOP\n", lim: wire.LimitsAfterLogin()},
		{name: "bare CR", input: "a NO\rOP\r\n", lim: wire.LimitsAfterLogin()},
		{name: "empty line", input: "\r\n", lim: wire.LimitsAfterLogin()},
		{name: "no tag", input: "+ NOOP\r\n", lim: wire.LimitsAfterLogin()},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newPeer(tc.input+"z NOOP\r\n", tc.lim)
			_, _, err := p.ReadCommand()
			var e *imap.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, imap.BAD, e.Status)
			require.Equal(t, tc.code, e.Code)
			require.Empty(t, p.out.String())
			inStep(t, p)
		})
	}
}

// The answer is BYE if the next command can't be found.
func TestOutOfStep(t *testing.T) {
	for name, input := range map[string]string{
		"non-synchronising literal far too big": "a LOGIN {400000000+}\r\nxxxx",
		"line too long, with a literal that is": "a LOGIN " + strings.Repeat("x", 100_000) + "{400000000+}\r\nxxxx",
		"line too long, all of it a number":     "a LOGIN {" + strings.Repeat("0", 100_000) + "1+}\r\nx\r\n",
		"two lines too long":                    "a LOGIN " + strings.Repeat("x", 100_000) + "{1+}\r\nx" + strings.Repeat("x", 100_000) + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			p := newPeer(input, wire.LimitsBeforeLogin())
			_, _, err := p.ReadCommand()
			var e *imap.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, imap.BYE, e.Status)
			require.Equal(t, imap.CodeTooBig, e.Code)
		})
	}
}

// The longest ID that RFC 2971 §3.3 allows can be read before login.
func TestLongestID(t *testing.T) {
	name, value := strings.Repeat(`"`, imap.MaxIDName), strings.Repeat(`\`, imap.MaxIDValue)
	quoted := func(s string) string { return `"` + strings.NewReplacer(`"`, `\"`, `\`, `\\`).Replace(s) + `"` }
	literal := func(s string) string { return fmt.Sprintf("{%d+}\r\n%s", len(s), s) }
	for _, encode := range []func(string) string{quoted, literal} {
		pairs := strings.Repeat(encode(name)+" "+encode(value)+" ", imap.MaxIDFields)
		p := newPeer(strings.Repeat("t", 100)+" ID ("+strings.TrimSuffix(pairs, " ")+")\r\nz NOOP\r\n", wire.LimitsBeforeLogin())
		_, cmd, err := p.ReadCommand()
		require.NoError(t, err)
		fields := cmd.(*imap.ID).Fields
		require.Len(t, fields, imap.MaxIDFields)
		require.Equal(t, imap.IDField{Name: name, Value: value}, fields[imap.MaxIDFields-1])
		inStep(t, p)
	}
}

func TestContinuation(t *testing.T) {
	p := newPeer("a LOGIN {1}\r\nu {1+}\r\np\r\nz NOOP\r\n", wire.LimitsBeforeLogin())
	_, cmd, err := p.ReadCommand()
	require.NoError(t, err)
	require.Equal(t, &imap.Login{User: "u", Password: "p"}, cmd)
	require.Equal(t, "+ Ready\r\n", p.out.String())
	inStep(t, p)
}

func TestCutOff(t *testing.T) {
	for _, input := range []string{"a LOGIN {5+}\r\nab", "a LOG", "a LOGIN {5+}\r\nabcde"} {
		_, _, err := newPeer(input, wire.LimitsAfterLogin()).ReadCommand()
		require.Error(t, err)
		require.True(t, errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF), "%v", err)
	}
}

func FuzzReadCommand(f *testing.F) {
	for _, s := range []string{
		"a LOGIN {1}\r\nu {1+}\r\np\r\nb NOOP\r\n",
		"a UID FETCH 1:* (FLAGS BODY.PEEK[1.2.HEADER.FIELDS (A \"b\" {1+}\r\nc)]<0.5>) (CHANGEDSINCE 1)\r\n",
		"a SEARCH RETURN (MIN) CHARSET UTF-8 OR (NOT SEEN TEXT {2+}\r\n\xc3\xa9) SINCE 1-Jan-2020\r\n",
		"a APPEND x (\\Seen) {3+}\r\nabc {2}\r\n12\r\n",
		"a LIST (SUBSCRIBED) \"\" (* %) RETURN (STATUS (SIZE))\r\n",
		"a UID SORT RETURN (PARTIAL -1:-9 UPDATE (UID)) (REVERSE DATE) UTF-8 FUZZY TEXT x\r\nb THREAD REFS UTF-8 ALL\r\n",
		"a ESEARCH IN (PERSONAL SUBTREE (a b)) RETURN (MIN) UNSEEN\r\nb CANCELUPDATE \"a\"\r\n",
		"a NOTIFY SET STATUS (SELECTED (MessageNew (UID) MessageExpunge)) (INBOXES NONE)\r\n",
		"a SELECT x (QRESYNC (1 2 3:4 (1:2 3:4)))\r\n",
		"a STORE 1,*:2 (UNCHANGEDSINCE 0) +FLAGS.SILENT \\Seen a\r\n",
		"a APPEND x CATENATE (URL a TEXT {3+}\r\nabc UTF8 (~{1+}\r\nd)) UTF8 (~{1}\r\nx)\r\nb REPLACE * x {1+}\r\na\r\n",
		"a GETMETADATA (MAXSIZE 1) x (DEPTH 1) (/a /b)\r\nb SETMETADATA x (/a NIL /b ~{1+}\r\n\x00)\r\nc SETACL a b +lr\r\nd STORE 1 X-GM-LABELS (\\a b)\r\n",
		"a FETCH 1 (ANNOTATION ((/a %) (b)) X-GM-LABELS)\r\nb STORE 1 ANNOTATION (/a (b NIL))\r\nc SEARCH ANNOTATION * value a X-GM-RAW b\r\nd URLFETCH (a BODY) b\r\n",
		"\r\n\n\x00\r\n a\r\n{5+}\r\n",
		"a APPEND x {3+}\r\na\x00b {2+}\r\n12\r\nb LOGIN {1+}\r\n\x00 ~{1+}\r\nx\r\n",
		"a SEARCH ((((NOT OR ALL ALL\r\nb FETCH 1,1,1:*,* (BODY[1.1.1] BODY[HEADER.FIELDS (a a)])\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p := &peer{}
		p.Reader = newReader(wire.Bytes(b), &p.out, func() error { return nil }, wire.Limits{
			Line: 512, Literal: 256, Command: 1024, Stream: 256, Drain: 512, Depth: 8, Elements: 32,
		})
		for range len(b) + 1 {
			_, cmd, err := p.ReadCommand()
			var e *imap.Error
			switch {
			case errors.As(err, &e):
				require.NotEmpty(t, e.Text)
				if e.Status == imap.BYE {
					return
				}
				require.Contains(t, []imap.Condition{imap.BAD, imap.NO}, e.Status)
			case err != nil:
				return
			default:
				require.NotNil(t, cmd)
				if !appends(cmd) && utf8.Valid(b) {
					writeAndReadBack(t, cmd)
				}
			}
			if appends(cmd) {
				for {
					for part, err := p.NextPart(); part != nil && err == nil; part, err = p.NextPart() {
						if part.URL == "" {
							p.OpenLiteral()
						}
					}
					if _, err := p.OpenLiteral(); err != nil && p.d.Err() != nil {
						break
					}
					if m, err := p.NextMessage(); err != nil || m == nil {
						break
					}
				}
			}
		}
		t.Fatal("the reader does not come to an end")
	})
}

func BenchmarkReadCommand(b *testing.B) {
	line := []byte("A142 UID FETCH 1:* (FLAGS)\r\n")
	src := wire.Repeat(line)
	r := newReader(src, io.Discard, func() error { return nil }, wire.LimitsAfterLogin())
	b.ReportAllocs()
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		if _, _, err := r.ReadCommand(); err != nil {
			b.Fatal(err)
		}
	}
}
