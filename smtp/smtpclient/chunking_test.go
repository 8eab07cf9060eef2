package smtpclient

import (
	"bytes"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// normalised is what crlfReader must give, written plainly.
func normalised(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.ReplaceAll(s, "\r", "\n")
	return strings.ReplaceAll(s, "\n", "\r\n")
}

func TestCRLFReader(t *testing.T) {
	cases := []string{"", "\r", "\n", "\r\n", "\r\r\n", "\n\r", "\r\n\r\n", "a\r\nb\nc\rd", "no end", "\r\r", "\n\n", "x\r\n\r"}
	for range 200 {
		var b strings.Builder
		for range rand.IntN(60) {
			b.WriteString([]string{"\r", "\n", "\r\n", "a", "bcd"}[rand.IntN(5)])
		}
		cases = append(cases, b.String())
	}
	for _, in := range cases {
		for _, size := range []int{1, 2, 3, 7, 4096} { // of the buffer behind, and of the reads
			for _, step := range []int{1, 2, 5, 4096} {
				c := &crlfReader{r: strings.NewReader(in), buf: make([]byte, size)}
				var out bytes.Buffer
				_, err := io.CopyBuffer(struct{ io.Writer }{&out}, struct{ io.Reader }{c}, make([]byte, step))
				require.NoError(t, err)
				require.Equal(t, normalised(in), out.String(), "%q by %d and %d", in, size, step)
			}
		}
	}
	c := &crlfReader{r: io.MultiReader(strings.NewReader("ab\r"), iotest.ErrReader(io.ErrClosedPipe)), buf: make([]byte, 16)}
	out, err := io.ReadAll(c)
	require.ErrorIs(t, err, io.ErrClosedPipe)
	require.Equal(t, "ab\r\n", string(out))
}

func BenchmarkCRLFReader(b *testing.B) {
	body := []byte(strings.Repeat(strings.Repeat("x", 70)+"\r\n", 10000))
	r := bytes.NewReader(nil)
	c := &crlfReader{buf: make([]byte, 32<<10)}
	out := make([]byte, 128<<10)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		r.Reset(body)
		*c = crlfReader{r: r, buf: c.buf}
		for {
			if _, err := c.Read(out); err != nil {
				break
			}
		}
	}
}
