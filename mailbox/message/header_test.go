package message

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

const headerText = "Received: one\r\nReceived: two\r\n\tfolded\r\nSubject : x\r\nno field\r\nX-Long: y\r\nsubject: z\r\n\r\nbody: not a field\r\n"

func TestHeader(t *testing.T) {
	h, err := ReadHeader(strings.NewReader(headerText), 1<<20)
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(string(h), "subject: z\r\n\r\n"))
	require.Equal(t, "x", h.Get("Subject"))
	require.Equal(t, "", h.Get("nothing"))
	require.Equal(t, []string{"one", "two\tfolded"}, slices.Collect(h.Values("received")))
	var names []string
	for f := range h.All() {
		names = append(names, f.Name())
	}
	require.Equal(t, []string{"Received", "Received", "Subject", "", "X-Long", "subject"}, names)

	h, err = ReadHeader(strings.NewReader(headerText), 20)
	require.NoError(t, err)
	require.Len(t, h, 20)
	broken := errors.New("broken")
	_, err = ReadHeader(iotest.ErrReader(broken), 20)
	require.ErrorIs(t, err, broken)
}

func TestSelectFields(t *testing.T) {
	for _, c := range []struct {
		name  string
		in    string
		names []string
		not   bool
		want  string
	}{
		{"some", headerText, []string{"RECEIVED", "subject"}, false, "Received: one\r\nReceived: two\r\n\tfolded\r\nSubject : x\r\nsubject: z\r\n\r\n"},
		{"others", headerText, []string{"RECEIVED", "subject"}, true, "no field\r\nX-Long: y\r\n\r\n"},
		{"none", headerText, []string{"To"}, false, "\r\n"},
		{"all", headerText, nil, true, strings.TrimSuffix(headerText, "body: not a field\r\n")},
		{"no empty line", "A: b\r\nC: d", []string{"c"}, false, "C: d"},
		{"LF", "A: b\nC: d\n e\n\nx", []string{"c"}, false, "C: d\n e\n\n"},
		{"long", "A: " + strings.Repeat("x", 10000) + "\r\nB: " + strings.Repeat("y", 10000) + "\r\n z\r\n\r\n", []string{"b"}, false, "B: " + strings.Repeat("y", 10000) + "\r\n z\r\n\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := io.ReadAll(SelectFields(strings.NewReader(c.in), c.names, c.not))
			require.NoError(t, err)
			require.Equal(t, c.want, string(got))
		})
	}
	broken := errors.New("broken")
	_, err := io.ReadAll(SelectFields(iotest.ErrReader(broken), nil, true))
	require.ErrorIs(t, err, broken)
}

func TestUnfold(t *testing.T) {
	for _, c := range []struct {
		in, want string
		clean    bool
	}{
		{" a\r\n b ", "a b", true},
		{"a\n\tb\n", "a\tb", true},
		{"a\r\r\n b\r\r\n", "a b", true},
		{"a\rb\x00c", "a b c", false},
		{"\r\n \r\n a", "a", true},
		{"", "", true},
	} {
		got, clean := unfold(nil, []byte(c.in))
		require.Equal(t, c.want, string(got), "%q", c.in)
		require.Equal(t, c.clean, clean, "%q", c.in)
	}
}
