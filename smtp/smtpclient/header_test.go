package smtpclient

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHeaderScan(t *testing.T) {
	for _, tc := range []struct {
		in         string
		done, utf8 bool
	}{
		{"", false, false},
		{"Subject: x\r\n", false, false},
		{"Subject: x\r\n\r\nM\xc3\xbcll", true, false},
		{"Subject: x\n\nM\xc3\xbcll", true, false},
		{"Subject: x\r\rM\xc3\xbcll", true, false},
		{"Subject: x\r\n\nM\xc3\xbcll", true, false},
		{"\r\nM\xc3\xbcll", true, false},
		{"Subject: M\xc3\xbcll\r\n\r\n", true, true},
		{"Subject: M\xc3\xbcll", false, true},
		{"Subject: \xf0\x9f\x98\x80 \xe2\x82\xac\r\nTo: x\r\n\r\n", true, true},
		{"Subject: M\xfcll\r\n\r\nM\xc3\xbcll", true, false},
		{"Subject: M\xfcll\r\nTo: M\xc3\xbcll\r\n\r\n", true, false},
		{"To: M\xc3\xbcll\r\nSubject: M\xfcll\r\n\r\n", true, false},
		{"Subject: M\xc3\r\n\r\n\xbc", true, false},
	} {
		for size := 1; size < 8; size++ {
			var h headerScan
			for p := []byte(tc.in); len(p) > 0; p = p[min(size, len(p)):] {
				h.feed(p[:min(size, len(p))])
			}
			require.Equal(t, tc.done, h.done, "%q by %d", tc.in, size)
			require.Equal(t, tc.utf8, h.utf8(), "%q by %d", tc.in, size)
		}
	}
}

// The header is looked at to its end, if it is not beyond all measure.
func TestExamine(t *testing.T) {
	fold := func(n int) string { return "X: " + strings.Repeat(strings.Repeat("x", 76)+"\r\n ", n/79) + "x\r\n" }
	const late = "Subject: M\xc3\xbcll\r\n"
	for _, tc := range []struct {
		name         string
		in           string
		seek         bool
		utf8, done   bool
		eight, whole bool
		size         bool
	}{
		{"short", late + "\r\n", false, true, true, true, true, true},
		{"20 KiB", fold(20<<10) + late + "\r\nx", false, true, true, true, true, true},
		{"20 KiB, and a body", fold(20<<10) + late + "\r\n" + strings.Repeat("x", 40<<10), false, true, true, true, false, false},
		{"20 KiB, seekable", fold(20<<10) + late + "\r\n" + strings.Repeat("x", 40<<10), true, true, true, true, true, true},
		{"400 KiB, seekable", fold(400<<10) + late + "\r\n", true, true, true, true, true, true},
		{"400 KiB", fold(400<<10) + late + "\r\n", false, false, false, false, false, false},
		{"UTF-8 in the body", fold(20<<10) + "\r\n" + late, false, false, true, true, true, true},
	} {
		var m content
		var r io.Reader = strings.NewReader("skipped" + tc.in)
		io.CopyN(io.Discard, r, 7)
		if !tc.seek {
			r = io.MultiReader(r)
		}
		require.NoError(t, m.examine(r))
		require.Equal(t, tc.utf8, m.header.utf8(), tc.name)
		require.Equal(t, tc.done, m.header.done, tc.name)
		require.Equal(t, tc.eight, m.eightBit, tc.name)
		require.Equal(t, tc.whole, m.whole, tc.name)
		if tc.size {
			require.EqualValues(t, len(tc.in), m.size, tc.name)
		} else {
			require.EqualValues(t, -1, m.size, tc.name)
		}
		b, err := io.ReadAll(m)
		require.NoError(t, err)
		require.True(t, tc.in == string(b), tc.name)
		m.free()
	}
}
