package search

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func TestStreamFindsAcrossChunks(t *testing.T) {
	text := strings.Repeat("x", scanChunk-3) + "GRÜẞE aus ΟΔΟΣ" + strings.Repeat("y", scanChunk)
	var s scanner
	for _, needle := range []string{"grüße aus", "οδος", "GRÜSSE", "xg", "yyy", "", "ς" + strings.Repeat("y", scanChunk)} {
		folded := string(fold(nil, []byte(needle)))
		want := strings.Contains(string(fold(nil, []byte(text))), folded)
		for name, r := range map[string]io.Reader{
			"whole": strings.NewReader(text), "half": iotest.HalfReader(strings.NewReader(text)),
			"byte": iotest.OneByteReader(strings.NewReader(text)), "eof": iotest.DataErrReader(strings.NewReader(text)),
		} {
			// Where another text is longer, what is kept of the stream is too.
			for _, longest := range []int{len(folded), len(folded) + 100} {
				got := false
				err := s.stream(t.Context(), r, longest, func(text []byte, from int) error {
					got = got || strings.Contains(string(text[max(0, from-len(folded)+1):]), folded)
					return nil
				})
				require.NoError(t, err)
				require.Equal(t, want, got, "%s %.20s", name, needle)
				r = strings.NewReader(text)
			}
		}
	}
	none := func([]byte, int) error { return nil }
	require.ErrorIs(t, s.stream(t.Context(), iotest.ErrReader(io.ErrUnexpectedEOF), 1, none), io.ErrUnexpectedEOF)
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	err := s.stream(ctx, strings.NewReader(text), 1, func([]byte, int) error { n++; cancel(); return nil })
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 1, n, "nothing is read after it")
}

func TestFold(t *testing.T) {
	for _, pair := range [][2]string{{"HeLLo", "hello"}, {"ÄÖÜ", "äöü"}, {"ΣΑΣ", "σας"}, {"ПРИВЕТ", "привет"}, {"a\xffB", "A\xffb"}} {
		require.Equal(t, string(fold(nil, []byte(pair[0]))), string(fold(nil, []byte(pair[1]))))
	}
}
