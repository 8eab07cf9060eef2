package grammar

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A response of unreadable items takes time that grows with its length, not with the
// square of it.
func TestSplitFetchGivesUp(t *testing.T) {
	for _, bad := range []string{"UID ( ", "ENVELOPE \" ", "X (", "BODY[ ", "FLAGS {5}\r\n"} {
		text := "* 1 FETCH (UID 7 " + strings.Repeat(bad, 200000)
		parts := SplitFetch([]byte(text), nil, false)
		require.Equal(t, int64(7), parts[0].Item.N)
		require.NoError(t, parts[0].Err)
		require.LessOrEqual(t, len(parts), maxHard+2, bad)
		require.Error(t, parts[len(parts)-1].Err)
	}
	SplitFetch([]byte("* 1 FETCH (A "+strings.Repeat("{", 1<<20)), nil, false)
	SplitFetch([]byte("* 1 FETCH ("+strings.Repeat("A { ", 200000)), nil, false)
	SplitFetch([]byte("* 1 FETCH ("+strings.Repeat(`ENVELOPE (NIL "a"b" NIL NIL NIL NIL NIL NIL NIL NIL) `, 20000)), nil, false)
}

func FuzzSplitFetch(f *testing.F) {
	for _, text := range []string{
		`* 1 FETCH (UID 7 FLAGS (\Seen) ENVELOPE (NIL "a"b" NIL NIL NIL NIL NIL NIL NIL NIL) BODY[1] "x")`,
		"* 1 FETCH (BODY[HEADER.FIELDS (A B)] {3}\r\nabc UID 7)",
		`* 1 FETCH (BODYSTRUCTURE ("a" "b" NIL NIL NIL "7bit" * ) UID 3)`,
		"* 1 FETCH (BODY[] {5}\r\n UID 3)", "* 1 FETCH (", "* 1 FETCH", "(~{9}\r\n", `(A "\`, "(A {99999999999999999999}\r\n",
	} {
		f.Add([]byte(text), 25, false)
	}
	f.Fuzz(func(t *testing.T, text []byte, at int, utf8 bool) {
		ext := []int{at}
		if at < 0 || at > len(text) {
			ext = nil
		}
		n := 0
		for _, p := range SplitFetch(text, ext, utf8) {
			if len(p.Raw) == 0 {
				t.Fatal("an item without octets")
			}
			n += len(p.Raw)
			if p.Ext >= 0 && (len(ext) == 0 || p.Ext != 0) {
				t.Fatal("a literal that there is not")
			}
		}
		if n > len(text) {
			t.Fatal("octets are in two items")
		}
	})
}
