package imap

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestValueValid(t *testing.T) {
	for _, v := range []Value{
		NIL(), String(""), String("a\r\nb"), Number(0), ListOf(), ListOf(Atom("a"), ListOf(NIL(), String(`"`))),
		Atom("FLAGS"), Atom(`\Seen`), Atom(`\*`), Atom("1:*,5"), Atom("$"), Atom("%"), Atom("BODY[]"), Atom("BODY.PEEK[1.HEADER.FIELDS (To Cc)]<0.5>"), Atom("-x"), Atom("a[b]c"),
	} {
		require.True(t, v.Valid(), v)
	}
	for _, v := range []Value{
		Atom(""), Atom("a b"), Atom("a\r\nb NOOP"), Atom("a\x00"), Atom("{5}"), Atom("a{5+}"), Atom(`"a`), Atom(`a\b`), Atom(`\`), Atom("a)"), Atom("(a"),
		Atom("a]"), Atom("[a"), Atom("[(]"), Atom("[)(]"), Atom("[a\r\n]"), Atom(`["]`), Atom("[{5}]"), Atom("é"), Number(-1), String("a\x00"), ListOf(Atom("a b")), {Kind: 9},
	} {
		require.False(t, v.Valid(), v)
	}
}

func TestRawName(t *testing.T) {
	require.Equal(t, "XYZ", (&Raw{Command: "xyz"}).Name())
	require.Equal(t, "XYZ", (&Raw{Command: "uid Xyz"}).Name())
}
