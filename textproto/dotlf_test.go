package textproto

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDotReaderLineFeed(t *testing.T) {
	for _, tc := range []struct{ wire, body, rest string }{
		// Lines end with LF.
		{".\n", "", ""},
		{"\n.\n", "\r\n", ""},
		{"a\nb\n.\n+OK\n", "a\r\nb\r\n", "+OK\n"},
		{"a\n\n..\n...\n..b\n.\n+OK\n", "a\r\n\r\n.\r\n..\r\n.b\r\n", "+OK\n"},
		{"a\n.\r\n+OK\n", "a\r\n", "+OK\n"},
		{"a\nb\r\n.\n+OK\n", "a\r\nb\r\n", "+OK\n"},
		{"a\nb\rc\r\r\nd\n.\n", "a\r\nb\rc\r\r\nd\r\n", ""},
		{"..\n.\n", ".\r\n", ""},
		{".a\n.b\n.\n", "a\r\nb\r\n", ""},
		{strings.Repeat("x", 9000) + "\n" + strings.Repeat("line\n..\n", 2000) + ".\n+OK\n",
			strings.Repeat("x", 9000) + "\r\n" + strings.Repeat("line\r\n.\r\n", 2000), "+OK\n"},
		// They end with CRLF, though the reply did not: LF.LF is content.
		{".\r\n+OK\n", "", "+OK\n"},
		{"a\r\n.\n+OK\n", "a\r\n", "+OK\n"},
		{"a\r\nb\n.\nc\r\n.\r\n+OK\n", "a\r\nb\n.\nc\r\n", "+OK\n"},
		{"a\r\nb\n.\r\nc\r\n.\n+OK\n", "a\r\nb\n.\r\nc\r\n", "+OK\n"},
		{"a\r\n\n.\n..\r\n..\n..\r\n.\n", "a\r\n\n.\n..\r\n.\n..\r\n", ""},
	} {
		for size := 1; size <= min(len(tc.wire), 20); size++ {
			for name, read := range map[string]func(d *DotReader) ([]byte, error){
				"ReadAll": readAll, "WriteTo": writeTo, "bytes": oneByOne,
				"Drain": func(d *DotReader) ([]byte, error) { return nil, d.Drain(1 << 30) },
			} {
				c, _ := wire(cut(tc.wire, size)...)
				d := c.DotReader(LineFeed)
				body, err := read(d)
				require.NoError(t, err, "%.40q %s", tc.wire, name)
				if name != "Drain" {
					require.Equal(t, tc.body, string(body), "%.40q %s", tc.wire, name)
				}
				rest, err := io.ReadAll(c.CountedReader(1 << 20))
				require.ErrorIs(t, err, io.ErrUnexpectedEOF)
				require.Equal(t, tc.rest, string(rest))
			}
		}
	}
	for _, s := range []string{"", ".", ".\r", "a", "a\r", "a\n", "a\n.", "a\n.\r", "a\r\nb\n.\n", "a\n.x", ".\r\r"} {
		for size := 1; size <= max(1, len(s)); size++ {
			c, _ := wire(cut(s, size)...)
			_, err := readAll(c.DotReader(LineFeed))
			require.True(t, errors.Is(err, io.ErrUnexpectedEOF), "%q: %v", s, err)
		}
	}
}

// cut cuts a text into pieces.
func cut(s string, size int) (ps []string) {
	for len(s) > size {
		ps = append(ps, s[:size])
		s = s[size:]
	}
	return append(ps, s)
}
