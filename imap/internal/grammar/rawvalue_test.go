package grammar

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

func TestRaw(t *testing.T) {
	for want, c := range map[string]*imap.Raw{
		"XYZ":         {Command: "XYZ"},
		"UID Xyz NIL": {Command: "uid Xyz", Args: []imap.Value{imap.NIL()}},
		"FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (To)]<0.5>)": {Command: "FETCH", Args: []imap.Value{
			imap.Atom("1:*"), imap.ListOf(imap.Atom("FLAGS"), imap.Atom("BODY.PEEK[HEADER.FIELDS (To)]<0.5>"))}},
		"X \"a \\\"b\\\" c\" {4}\r\nd\r\ne () 5": {Command: "X", Args: []imap.Value{
			imap.String(`a "b" c`), imap.String("d\r\ne"), imap.ListOf(), imap.Number(5)}},
	} {
		var e wire.Encoder
		WriteCommand(&e, c)
		require.NoError(t, e.Err, want)
		require.Equal(t, want, string(e.B))
	}
	for _, c := range []*imap.Raw{
		{Command: "X", Args: []imap.Value{imap.MailboxName("\x00")}},
		{}, {Command: "a b"}, {Command: "UID" + " "}, {Command: "UID a b"}, {Command: "X\r\nY"}, {Command: "X{3}"},
		{Command: "X", Args: []imap.Value{imap.Atom("a\r\nb LOGOUT")}},
		{Command: "X", Args: []imap.Value{imap.Atom("{3+}")}},
		{Command: "X", Args: []imap.Value{imap.Atom("a b")}},
		{Command: "X", Args: []imap.Value{imap.ListOf(imap.Atom("a)"))}},
		{Command: "X", Args: []imap.Value{imap.Number(-1)}},
		{Command: "X", Args: []imap.Value{imap.String("\x00")}},
		{Command: "X", Args: []imap.Value{{Kind: 77}}},
	} {
		var e wire.Encoder
		WriteCommand(&e, c)
		require.Error(t, e.Err, c)
	}
}

// What a client reads as a Value can be written again.
func TestValueRoundTrip(t *testing.T) {
	const line = `* X-NEW a (b "c d" NIL ()) BODY[x y]<5> \Seen 1:* [a(b c)]`
	resp, err := readOne(t, line)
	require.NoError(t, err)
	e := wire.Encoder{}
	e.Raw("* X-NEW")
	writeValues(&e, resp.(*Unknown).Values)
	require.NoError(t, e.Err)
	require.Equal(t, line, string(e.B))
}

func TestReadRaw(t *testing.T) {
	for text, want := range map[string]*Unknown{
		"* LIST (\\Marked) \"/\" &AOQ-": {Name: "LIST", Values: []imap.Value{
			imap.ListOf(imap.Atom(`\Marked`)), imap.String("/"), imap.Atom("&AOQ-")}},
		"* 3 EXISTS":             {Name: "EXISTS", N: 3},
		"* xyz {3}\r\na\r\n 7 ":  {Name: "XYZ", Values: []imap.Value{imap.String("a\r\n"), imap.Atom("7")}},
		"* NO [ALERT] (careful":  {Name: "NO"},
		"* SEARCH 1 2 3":         {Name: "SEARCH", Values: []imap.Value{imap.Atom("1"), imap.Atom("2"), imap.Atom("3")}},
		"* 1 FETCH (BODY[] NIL)": {Name: "FETCH", N: 1, Values: []imap.Value{imap.ListOf(imap.Atom("BODY[]"), imap.NIL())}},
	} {
		u, err := ReadRaw([]byte(text), false)
		require.NoError(t, err, text)
		require.Equal(t, want, u, text)
	}
	for _, text := range []string{"", "a OK", "* LIST (a", "* LIST \"a", "* X {5}\r\nabc", "* X {9999999999}\r\n"} {
		u, err := ReadRaw([]byte(text), false)
		require.Error(t, err, text)
		require.Empty(t, u.Values)
	}
}

// What ReadRaw has read can be written again, and means the same.
func FuzzReadRaw(f *testing.F) {
	for _, s := range []string{
		"* LIST (\\Marked) \"/\" &AOQ-", "* 3 EXISTS", "* X {3}\r\na\r\n ((NIL) \"\\\"\")", "* 1 FETCH (BODY[HEADER.FIELDS (To)]<0> {1}\r\nx)",
		"* OK [ALERT] x", "* X {99}\r\na", "* X ~{2+}\r\n\x00a", "* X a[(] b",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		before := string(text)
		u, err := ReadRaw(text, false)
		require.Equal(t, before, string(text))
		if err != nil {
			require.Empty(t, u.Values)
			return
		}
		e := wire.Encoder{}
		for _, v := range u.Values {
			if !v.Valid() {
				return
			}
		}
		e.Raw("* X")
		writeValues(&e, u.Values)
		require.NoError(t, e.Err)
		again, err := ReadRaw(e.B, false)
		require.NoError(t, err, "%q", e.B)
		require.Equal(t, u.Values, again.Values)
	})
}
