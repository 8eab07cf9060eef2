package wire

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
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
	} {
		require.Equal(t, tc.want, encode(tc.f))
	}
}

var day1 = time.Date(1994, 2, 1, 12, 0, 0, 0, time.UTC)

// A Decoder reads back every string that an Encoder writes, and takes no part of
// it for anything else.
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
