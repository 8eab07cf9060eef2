package grammar

import (
	"io"
	"testing"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/internal/testutil/growth"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// endless are limits that stop nothing but recursion.
var endless = wire.Limits{Line: 8 << 20, Literal: 8 << 20, Command: 1 << 40, Stream: 1 << 40, Drain: 1 << 40, Depth: 256, Elements: 1 << 30}

// readCommands reads what a client sends, with the messages of APPEND.
func readCommands(lim wire.Limits) func(string) {
	return func(s string) {
		r := newReader(wire.Bytes([]byte(s)), io.Discard, func() error { return nil }, lim)
		for {
			_, cmd, err := r.ReadCommand()
			if e, ok := err.(*imap.Error); err != nil && (!ok || e.Status == imap.BYE) {
				return
			}
			if err != nil || !appends(cmd) {
				continue
			}
			for {
				body, err := r.OpenLiteral()
				for buf := make([]byte, 64); err == nil; {
					_, err = body.Read(buf)
				}
				if m, err := r.NextMessage(); err != nil || m == nil {
					break
				}
			}
		}
	}
}

// worst are commands, each up to where something may be repeated.
var worst = map[string][]string{
	"LOGIN ":                             {"a", "\"\\\"", "{1+}\r\n "},
	"AUTHENTICATE PLAIN ":                {"A", "AAAA", "="},
	"ID (":                               {"a b ", "\"a\" NIL "},
	"ENABLE ":                            {"A ", "A№ ", "CONDSTORE "},
	"LIST \"\" (":                        {"* ", "% ", "a№ ", "\"*\" "},
	"LIST \"\" ":                         {"*", "%", "&", "&AAA-", "*%"},
	"LIST (":                             {"SUBSCRIBED ", "REMOTE ", "RECURSIVEMATCH "},
	"LIST \"\" * RETURN (":               {"CHILDREN ", "STATUS (MESSAGES) ", "SUBSCRIBED "},
	"STATUS a (":                         {"MESSAGES ", "UNSEEN ", "SIZE "},
	"SELECT a (":                         {"CONDSTORE ", "QRESYNC (1 1) "},
	"SELECT a (QRESYNC (1 1 ":            {"1,", "№,", "1:2,"},
	"APPEND a (":                         {"\\Seen ", "a№ ", "a "},
	"APPEND a ":                          {"{1+}\r\na ", "(\\Seen) {1+}\r\na "},
	"APPEND a CATENATE (":                {"TEXT {1+}\r\na ", "URL a "},
	"FETCH ":                             {"1,", "№,", "№:№,", "*,", "*:1,", "1:"},
	"FETCH 1 (":                          {"FLAGS ", "UID ", "BODY[] ", "BODY[1]<1.1> ", "BODY.PEEK[HEADER.FIELDS (a)] ", "ENVELOPE ", "BODY[1.2.3] ", "BINARY[1] ", "ALL "},
	"FETCH 1 BODY[":                      {"1.", "1"},
	"FETCH 1 BODY[HEADER.FIELDS (":       {"a ", "A№ ", "\"a\" ", "{1+}\r\na "},
	"FETCH 1 (FLAGS) (":                  {"CHANGEDSINCE 1 ", "VANISHED "},
	"FETCH 1 (ANNOTATION ((":             {"/a ", "/a% "},
	"STORE 1 FLAGS (":                    {"\\Seen ", "a ", "a№ "},
	"STORE 1 FLAGS ":                     {"\\Seen ", "a№ ", "a"},
	"STORE 1 X-GM-LABELS (":              {"a ", "\\a "},
	"SEARCH ":                            {"ALL ", "NOT ", "OR ALL ", "OR ", "(", "(…)", "(ALL) ", "1 ", "1,", "№,", "TEXT a ", "TEXT \"a\" ", "HEADER a b ", "KEYWORD a ", "UID 1,2 ", "SINCE 1-Jan-2020 ", "LARGER 1 ", "FUZZY ", "TEXT {1+}\r\na "},
	"SEARCH RETURN (":                    {"MIN ", "PARTIAL 1:2 ", "UPDATE "},
	"SEARCH CHARSET ISO-8859-1 TEXT ":    {"a", "\"\\\""},
	"UID SORT (":                         {"DATE ", "REVERSE "},
	"ESEARCH IN (":                       {"PERSONAL ", "SUBTREE (a b) ", "MAILBOXES a "},
	"ESEARCH IN (MAILBOXES (":            {"a ", "a№ "},
	"NOTIFY SET ":                        {"(INBOXES NONE) ", "(SELECTED (MessageNew)) ", "(MAILBOXES a (FlagChange)) "},
	"NOTIFY SET (SELECTED (MessageNew (": {"UID ", "FLAGS "},
	"GETMETADATA a (":                    {"/a ", "/a№ "},
	"SETMETADATA a (":                    {"/a b ", "/a№ NIL "},
	"SETACL a b ":                        {"a", "lr"},
	"SETQUOTA a (":                       {"STORAGE 1 ", "A№ 1 "},
	"URLFETCH ":                          {"a ", "(a BODY) "},
	"UID EXPUNGE ":                       {"1,", "№,"},
	"CANCELUPDATE ":                      {"\"a\" "},
	"LANGUAGE ":                          {"a ", "a№ "},
	"CREATE a (USE (":                    {"\\Sent ", "\\a№ "},
	"STORE 1 ANNOTATION (":               {"/a (b NIL) ", "/a (b c) "},
	"UIDBATCHES ":                        {"1 ", "1:"},
	"RENAME ":                            {"a", "&", "&AAA-", "&AAA"},
}

// TestGrowth holds the reading of commands and responses to work and memory in
// proportion to their length.
func TestGrowth(t *testing.T) {
	responses := func(s string) {
		r := NewResponseReader(wire.Bytes([]byte(s)), endless)
		for {
			_, err := r.Read()
			switch err.(type) {
			case nil:
				for it, err := r.NextItem(); it != nil && err == nil; it, err = r.NextItem() {
					if it.Body != nil {
						_, _ = io.Copy(io.Discard, it.Body)
					}
				}
			case *wire.SyntaxError, *wire.LimitError:
			default:
				return
			}
		}
	}
	split := func(s string) { SplitFetch([]byte(s), nil, false) }
	raw := func(s string) { _, _ = ReadRaw([]byte(s), false) }

	parsers := []growth.Parser{
		{Name: "any command", Octets: 250, Alphabet: " (){}\"\\[1a*:\r\n", Suffix: "\r\n", Parse: readCommands(endless), Patterns: []string{"a NOOP\r\n", "a NOOP {1+}\r\na", "a X\r\n", "a {0+}\r\n"}},
	}
	for prefix, patterns := range worst {
		alphabet := "" // the elements are tried in package wire
		parsers = append(parsers, growth.Parser{Name: prefix, Prefix: "a " + prefix, Suffix: "\r\n", Alphabet: alphabet, Patterns: patterns, Octets: 250, Parse: readCommands(endless)})
	}
	envelope := []string{"((NIL NIL a b)) ", "(", "NIL ", "\"a\"b\" ", "(a b c d)", "((\"a\" NIL \"b\" \"c\")(\"a\" NIL \"b\" \"c\")) "}
	body := []string{"(", "(…)", "(\"a\" \"b\" NIL NIL NIL \"7bit\" 1)", "NIL ", "(\"a\" \"b\") ", "\"a\" ", "(\"a\" \"b\" (\"c\" \"d\") NIL NIL \"7bit\" 1)", "1 "}
	for _, p := range []struct {
		prefix   string
		patterns []string
	}{
		{"", []string{"* OK\r\n", "* 1 FETCH ()\r\n", "+ x\r\n", "\r\n", "* X {1}\r\na\r\n"}},
		{"* OK [", []string{"A ", "]", "[", "CAPABILITY "}},
		{"* OK [CAPABILITY ", []string{"A ", "A№ ", "IDLE "}},
		{"* OK [COPYUID 1 ", []string{"1,", "№,", "№:№,"}},
		{"* OK [PERMANENTFLAGS (", []string{"a ", "\\* ", "a№ ", "\"a\" "}},
		{"* CAPABILITY ", []string{"A ", "A№ "}},
		{"* SEARCH ", []string{"1 ", "№ ", "(MODSEQ 1) "}},
		{"* ESEARCH (TAG \"a\") UID ", []string{"ALL 1,2 ", "MIN 1 ", "X (1) ", "ADDTO (0 1) "}},
		{"* ESEARCH (TAG \"a\") UID ALL ", []string{"1,", "№,"}},
		{"* THREAD ", []string{"(1)", "(", "(…)", "(1 ", "((1)(2))", "(1 2 3)"}},
		{"* VANISHED ", []string{"1,", "№,"}},
		{"* LIST (", []string{"\\a ", "\\a№ "}},
		{"* LIST () \"/\" a (", []string{"\"X\" (a) ", "\"OLDNAME\" (a) "}},
		{"* LIST () \"/\" ", []string{"a", "\"a\"b\" ", "&", "&A", "[", "\""}},
		{"* STATUS a (", []string{"MESSAGES 1 ", "X№ 1 ", "X (1) "}},
		{"* NAMESPACE (", []string{"(\"\" \"/\")", "(\"\" \"/\" \"X\" (\"a\"))"}},
		{"* QUOTA a (", []string{"STORAGE 1 2 ", "A№ 1 2 "}},
		{"* ID (", []string{"a b ", "a№ b "}},
		{"* METADATA a (", []string{"/a b ", "/a№ NIL "}},
		{"* ACL a ", []string{"b lr ", "a№ lr "}},
		{"* LISTRIGHTS a b \"\" ", []string{"l ", "lr "}},
		{"* URLFETCH ", []string{"a NIL ", "a (BODY \"\") "}},
		{"* X ", []string{"(", "(…)", "a ", "\"a\" "}},
		{"* 1 FETCH (", []string{"UID 1 ", "FLAGS () ", "BODY[] \"a\" ", "BODY[1] NIL ", "X (1) ", "ENVELOPE \" ", "X \"a\"b\" ", "RFC822.SIZE 1e3 ", "BODY[№] NIL ", "FLAGS (a№) "}},
		{"* 1 FETCH (FLAGS (", []string{"a ", "\\Seen ", "a№ ", "(", "\"a\" "}},
		{"* 1 FETCH (BODY[", []string{"1.", "HEADER.FIELDS (a) ", "[", "("}},
		{"* 1 FETCH (BODY[HEADER.FIELDS (", []string{"a ", "a№ ", "\"a\" "}},
		{"* 1 FETCH (ENVELOPE (", envelope},
		{"* 1 FETCH (ENVELOPE (NIL NIL (", append(envelope, "(NIL NIL \"a\" NIL)", "(NIL NIL NIL NIL)")},
		{"* 1 FETCH (BODYSTRUCTURE (", body},
		{"* 1 FETCH (BODYSTRUCTURE (\"a\" \"b\" (", body},
		{"* 1 FETCH (ANNOTATION (", []string{"/a (b NIL) ", "/a "}},
		{"* 1 FETCH (X-GM-LABELS (", []string{"a ", "\\a "}},
		{"* 1 FETCH (PREVIEW ", []string{"\"a\"b\" ", "\"", "\\"}},
	} {
		parsers = append(parsers,
			growth.Parser{Name: "response " + p.prefix, Prefix: p.prefix, Suffix: "\r\n", Alphabet: "()\"\\ a", Patterns: p.patterns, Octets: 400, Parse: responses},
			growth.Parser{Name: "raw response " + p.prefix, Prefix: p.prefix, Alphabet: "()", Patterns: p.patterns, Octets: 250, Parse: raw},
			growth.Parser{Name: "split response " + p.prefix, Prefix: p.prefix, Alphabet: "(\"", Steps: 1000, Patterns: p.patterns, Octets: 700, Parse: split})
	}
	parsers = append(parsers, growth.Parser{Name: "mailbox name", Alphabet: "&-A+/,\xff", Patterns: []string{"&", "&AAA", "&AAA-", "&2D3dAQ-", "&-"}, Parse: func(s string) {
		imap.AppendUTF7(nil, imap.DecodeMailbox(s, false))
		message.DecodeText(s)
	}})
	growth.Test(t, parsers)
}

// TestMemoryOfCommands holds what a command makes a server hold, within the limits of a
// client that has logged in.
func TestMemoryOfCommands(t *testing.T) {
	// "UID " in FETCH takes most for its octets, growth of the list included; and
	// Limits.Elements bounds how many there can be.
	const perOctet = 96
	for prefix, patterns := range worst {
		for _, pattern := range patterns {
			in := growth.Repeat("a "+prefix, pattern, 60<<10, "\r\n")
			if got := growth.Allocated(func() { readCommands(wire.LimitsAfterLogin())(in) }); got > int64(perOctet*len(in)) {
				t.Errorf("%q, %q: %d octets for %d", prefix, pattern, got, len(in))
			}
		}
	}
}
