package wire

import (
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// begin returns a Decoder that has begun with the first line of input. It asks
// for literals as a server does, unless it is tolerant.
func begin(t *testing.T, input string, tolerant bool) *Decoder {
	t.Helper()
	d := NewDecoder(Bytes([]byte(input)), LimitsAfterLogin())
	if d.Tolerant = tolerant; !tolerant {
		d.Continue = func() error { return nil }
	}
	require.NoError(t, d.Begin())
	return d
}

func TestNumbers(t *testing.T) {
	for _, tc := range []struct {
		in   string
		n32  bool
		n64  bool
		want int64
	}{
		{"0", true, true, 0},
		{"007", true, true, 7},
		{"4294967295", true, true, math.MaxUint32},
		{"4294967296", false, true, math.MaxUint32 + 1},
		{"9223372036854775807", false, true, math.MaxInt64},
		{"9223372036854775808", false, false, 0},
		{"99999999999999999999999", false, false, 0},
		{"-1", false, false, 0},
		{"x", false, false, 0},
		{"", false, false, 0},
	} {
		var n uint32
		d := begin(t, tc.in+"\r\n", false)
		require.Equal(t, tc.n32, d.Number(&n) && d.End(), tc.in)
		if tc.n32 {
			require.Equal(t, tc.want, int64(n))
		}
		var m int64
		d = begin(t, tc.in+"\r\n", false)
		require.Equal(t, tc.n64, d.Number64(&m) && d.End(), tc.in)
		if tc.n64 {
			require.Equal(t, tc.want, m)
		}
	}
	var n uint32
	require.False(t, begin(t, "0\r\n", false).NZNumber(&n))
}

func TestSize(t *testing.T) {
	for in, want := range map[string]int64{"5": 5, "9.3736e+06": 9373600, "NIL": 0, "3.45027e+06": 3450270} {
		var n int64
		require.True(t, begin(t, in+"\r\n", true).Size(&n), in)
		require.Equal(t, want, n)
	}
	for _, in := range []string{"-1", "NaN", "Inf", "1e300", "x", ""} {
		var n int64
		require.False(t, begin(t, in+"\r\n", true).Size(&n), in)
	}
	var n int64
	d := begin(t, "1e3\r\n", false)
	require.False(t, d.Size(&n) && d.End())
}

func TestUIDSet(t *testing.T) {
	var s mailbox.UIDSet
	require.True(t, begin(t, "5,7:6,1\r\n", false).UIDSet(&s))
	require.Equal(t, "1,5:7", s.String())
	for _, in := range []string{"*", "1:*", "0", "", "1,", "1:", "$", "4294967296"} {
		d := begin(t, in+"\r\n", false)
		require.False(t, d.UIDSet(&s) && d.End(), in)
	}
}

func TestQuotedStrict(t *testing.T) {
	for in, want := range map[string]string{
		`""`:               "",
		`"a"`:              "a",
		`"a\"b\\"`:         `a"b\`,
		`"\\"`:             `\`,
		"\"\u00e9\"":       "é",
		"\"a\tb{5}\"":      "a\tb{5}",
		"{3}\r\na\r\n":     "a\r\n",
		"{3+}\r\n\xff\n\r": "\xff\n\r",
	} {
		var s string
		d := begin(t, in+"\r\n", false)
		require.True(t, d.String(&s) && d.End(), "%q: %v", in, d.Err())
		require.Equal(t, want, s)
	}
	for _, in := range []string{`"`, `"a`, `"\`, `"a\"`, `"\a"`, `"a""b"`, "\"\xff\"", "{3}x", "{x}", "{+}", "{1-}", "~{1+}\r\na", "{ 1}", "abc"} {
		var s string
		d := begin(t, in+"\r\n", false)
		require.False(t, d.String(&s) && d.End(), "%q", in)
		require.NoError(t, d.Skip())
	}
}

func TestRetry(t *testing.T) {
	parse := func(d *Decoder, a, b *string) func() bool {
		return func() bool {
			return d.Special('(') && d.String(a) && d.SP() && d.String(b) && d.Special(')')
		}
	}
	for in, want := range map[string][2]string{
		`("a" "b")`:           {"a", "b"},
		`("a"b" "c")`:         {`a"b`, "c"},
		`("a" "b\")`:          {"a", "b"},
		`("" """")`:           {"", `""`},
		`("a \" b" "c"d")`:    {`a " b`, `c"d`},
		`("\\" "x"y")`:        {`\`, `x"y`},
		"(\"\xe9\"x\" \"b\")": {"é\"x", "b"},
	} {
		var a, b string
		d := begin(t, in+"\r\n", true)
		require.True(t, d.Retry(parse(d, &a, &b)) && d.End(), "%s: %v", in, d.Err())
		require.Equal(t, want, [2]string{a, b})
	}
	var a, b string
	d := begin(t, "(\"a\"b\" \"c\")\r\n", false)
	require.False(t, d.Retry(parse(d, &a, &b)), "strict")
	d = begin(t, "({1}\r\nx \"c\"d\")\r\n", true)
	require.False(t, d.Retry(parse(d, &a, &b)), "another line was read")
	d = begin(t, "(\"a b)\r\n", true)
	require.False(t, d.Retry(parse(d, &a, &b)))
	var s *SyntaxError
	require.ErrorAs(t, d.Err(), &s)
}

func TestValue(t *testing.T) {
	d := begin(t, "(a NIL \"b c\" ({3}\r\nd)e BODY[HEADER.FIELDS (X Y)]<0> ()) x)\r\n", true)
	var v imap.Value
	require.True(t, d.Value(&v), d.Err())
	require.Equal(t, `(a NIL "b c" ("d)e" BODY[HEADER.FIELDS (X Y)]<0> ()) x)`, v.String())
	require.True(t, d.End())
	d = begin(t, "(a b (c) \"d\" )\r\n", true)
	require.True(t, d.Special('(') && d.Keyword("A") && d.SkipTo() && d.End())

	deep := strings.Repeat("(", 100000)
	d = begin(t, deep[:60000]+"\r\n", true)
	require.False(t, d.Value(&v))
	var l *LimitError
	require.ErrorAs(t, d.Err(), &l)
}

func TestLists(t *testing.T) {
	read := func(in string, tolerant bool) ([]string, bool) {
		var out []string
		d := begin(t, in+"\r\n", tolerant)
		ok := d.List(func() bool {
			var s string
			ok := d.Atom(&s)
			out = append(out, s)
			return ok
		})
		return out, ok && d.End()
	}
	got, ok := read("(a b)", false)
	require.True(t, ok)
	require.Equal(t, []string{"a", "b"}, got)
	_, ok = read("()", false)
	require.True(t, ok)
	for _, in := range []string{"( a)", "(a )", "(a  b)", "(a", "(", "a", "(a)b", "(a(b))"} {
		_, ok := read(in, false)
		require.False(t, ok, in)
	}
	got, ok = read("( a  b )", true)
	require.True(t, ok)
	require.Equal(t, []string{"a", "b"}, got)
	d := begin(t, "()\r\n", false)
	require.False(t, d.List1(func() bool { return true }))
}

func TestSkip(t *testing.T) {
	for name, input := range map[string]string{
		"plain":                       "x y z\r\n",
		"literal that waits":          "x {100}\r\n",
		"literal that doesn't wait":   "x {3+}\r\nabc y\r\n",
		"several":                     "x {3+}\r\nabc {2+}\r\n\r\n ~{1+}\r\n\x00\r\n",
		"bare line ends in the rest":  "x {3+}\r\nabc y\n",
		"line that looks like a tail": "x }\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			d := begin(t, input+"next\r\n", false)
			require.False(t, d.Special('('))
			require.NoError(t, d.Skip())
			require.NoError(t, d.Begin())
			require.Equal(t, "next", string(d.Rest()))
		})
	}
	t.Run("a client drains all literals", func(t *testing.T) {
		d := begin(t, "x {3}\r\nabc {2}\r\nde\r\nnext\r\n", true)
		require.NoError(t, d.Skip())
		require.NoError(t, d.Begin())
		require.Equal(t, "next", string(d.Rest()))
	})
	t.Run("without end", func(t *testing.T) {
		d := begin(t, strings.Repeat("{0+}\r\n", 100), false)
		require.ErrorIs(t, d.Skip(), io.EOF)
	})
	t.Run("too much", func(t *testing.T) {
		d := begin(t, strings.Repeat("{0+}\r\n", 100)+"\r\n", false)
		d.lim.Drain = 50
		var fatal *FatalError
		require.ErrorAs(t, d.Skip(), &fatal)
	})
}

// After an error nothing is read, and the first error stays.
func TestErrorsStick(t *testing.T) {
	d := begin(t, "abc def\r\n", false)
	require.False(t, d.Special('('))
	err := d.Err()
	var s string
	var n uint32
	require.False(t, d.Atom(&s) || d.SP() || d.Number(&n) || d.String(&s) || d.AString(&s) || d.End() || d.AtEnd() || d.TryKeyword("ABC"))
	require.Zero(t, d.Peek())
	require.Nil(t, d.Rest())
	require.Equal(t, err, d.Err())
	require.EqualError(t, err, `expected '(' at "abc def"`)
	broken := errors.New("broken")
	d = begin(t, "{5}\r\n", false)
	d.Continue = func() error { return broken }
	require.False(t, d.String(&s))
	require.ErrorIs(t, d.Skip(), broken)
}

// A literal is not asked for unless it is acceptable, and memory for it is
// allocated as its octets arrive.
func TestLiteralLimits(t *testing.T) {
	asked := 0
	d := NewDecoder(Bytes([]byte("{65537}\r\n")), LimitsAfterLogin())
	d.Continue = func() error { asked++; return nil }
	require.NoError(t, d.Begin())
	var s string
	require.False(t, d.String(&s))
	require.Zero(t, asked)

	_, err := readGrowing(strings.NewReader("abc"), 1<<40)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	allocs := testing.AllocsPerRun(10, func() { readGrowing(strings.NewReader(""), 1<<40) })
	require.Less(t, allocs, 10.0)
	b, err := readGrowing(strings.NewReader(strings.Repeat("x", 10001)), 10001)
	require.NoError(t, err)
	require.Len(t, b, 10001)
}

// Numbers have a limit of their own, if they are to have one.
func TestNumberLimits(t *testing.T) {
	for _, x := range []struct {
		lim  Limits
		text string
		ok   bool
	}{
		{Limits{Elements: 3}, "1,2,3", true},
		{Limits{Elements: 3}, "1,2,3,4", false},
		{Limits{Elements: 1, Numbers: 4}, "1,2,3,4", true},
		{Limits{Elements: 9, Numbers: 4}, "1,2,3,4,5", false},
	} {
		d := NewDecoder(Bytes([]byte(x.text+"\r\n")), x.lim)
		require.NoError(t, d.Begin())
		var set mailbox.UIDSet
		require.Equal(t, x.ok, d.UIDSet(&set) && d.End(), x.text)
	}
}
