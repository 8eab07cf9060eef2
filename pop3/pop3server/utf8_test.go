package pop3server

import (
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"io"
)

func TestDowngrade(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"ASCII", "Subject: x\r\n\r\nb\xc3\xa4\r\n", "Subject: x\r\n\r\nb\xc3\xa4\r\n"},
		{"not UTF-8", "Subject: \xe4\r\n\r\nb\r\n", "Subject: \xe4\r\n\r\nb\r\n"},
		{"subject", "Subject: Grüße\r\nX-Other: y\r\n\r\nb\r\n", "Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\nX-Other: y\r\n\r\nb\r\n"},
		{"addresses",
			"From: Jörg <j@example.org>, päl@example.org\r\nTo: Team: x@bücher.example, y@example.org;\r\nSender: a@b\r\n\r\n",
			"From: =?utf-8?b?SsO2cmc=?= <j@example.org>,\r\n invalid@internationalized-address.invalid\r\n" +
				"To: Team: invalid@internationalized-address.invalid,\r\n y@example.org;\r\nSender: a@b\r\n\r\n"},
		{"other fields go", "X-Grüße: x\r\nX-Note: ü\r\nReceived: from x\r\n\r\nbody", "Received: from x\r\n\r\nbody"},
		{"parameters go",
			"Content-Type: text/plain; charset=utf-8; name=\"a;ü\\\"b\"\r\n\r\nä",
			"Content-Type: text/plain;\r\n charset=utf-8\r\n\r\nä"},
		{"no body", "Subject: ü\r\n", "Subject: =?utf-8?b?w7w=?=\r\n\r\n"},
		{"bare LF", "Subject: ü\n\nx\n", "Subject: =?utf-8?b?w7w=?=\r\n\r\nx\n"},
		{"empty header", "\r\nü", "\r\nü"},
		{"empty", "", ""},
	} {
		var whole, bytewise strings.Builder
		h := &headerWriter{w: &whole}
		_, err := io.WriteString(h, tc.in)
		require.NoError(t, err)
		require.NoError(t, h.close())
		require.Equal(t, tc.want, whole.String(), tc.name)
		h = &headerWriter{w: &bytewise}
		_, err = io.CopyBuffer(struct{ io.Writer }{h}, iotest.OneByteReader(strings.NewReader(tc.in)), make([]byte, 1))
		require.NoError(t, err)
		require.NoError(t, h.close())
		require.Equal(t, tc.want, bytewise.String(), tc.name)
	}
	long := "Subject: ü\r\nX: " + strings.Repeat("x", 2*maxHeader) + "\r\n\r\nbody"
	var out strings.Builder
	h := &headerWriter{w: &out}
	_, err := io.Copy(struct{ io.Writer }{h}, strings.NewReader(long))
	require.NoError(t, err)
	require.NoError(t, h.close())
	require.True(t, long == out.String())
}

func TestTopWriter(t *testing.T) {
	const msg = "A: 1\r\nB: 2\r\n\r\none\r\ntwo\r\nthree"
	for _, tc := range []struct {
		msg   string
		lines int
		want  string
	}{
		{msg, 0, "A: 1\r\nB: 2\r\n\r\n"},
		{msg, 1, "A: 1\r\nB: 2\r\n\r\none\r\n"},
		{msg, 2, "A: 1\r\nB: 2\r\n\r\none\r\ntwo\r\n"},
		{msg, 3, msg},
		{msg, 100, msg},
		{"A: 1\n\nx\ny\n", 1, "A: 1\n\nx\n"},
		{"\r\nx\r\ny\r\n", 1, "\r\nx\r\n"},
		{"A: 1\r\n \r\nx\r\n\r\ny\r\n", 0, "A: 1\r\n \r\nx\r\n\r\n"},
		{"A: \r\r\n\r\ny\r\n", 0, "A: \r\r\n\r\n"},
		{"A: 1", 0, "A: 1"},
		{"", 5, ""},
	} {
		for _, size := range []int{1, 2, 3, 100} {
			var out strings.Builder
			w := &topWriter{w: &out, lines: tc.lines, bol: true}
			_, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{strings.NewReader(tc.msg)}, make([]byte, size))
			if err != nil {
				require.ErrorIs(t, err, errTop)
			}
			require.Equal(t, tc.want, out.String(), "%q in pieces of %d", tc.msg, size)
		}
	}
}
