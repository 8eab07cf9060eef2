package message

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// rfc3501 is the message whose parts RFC 3501 §6.4.5 numbers as an example.
const rfc3501 = `Subject: root
Content-Type: multipart/mixed; boundary=r

--r
Content-Type: text/plain

1
--r
Content-Type: application/octet-stream

2
--r
Content-Type: message/rfc822

Subject: three
Content-Type: multipart/mixed; boundary=t

--t
Content-Type: text/plain

3.1
--t
Content-Type: application/octet-stream

3.2
--t--
--r
Content-Type: multipart/mixed; boundary=f

--f
Content-Type: image/gif

4.1
--f
Content-Type: message/rfc822

Subject: four-two
Content-Type: multipart/mixed; boundary=g

--g
Content-Type: text/plain

4.2.1
--g
Content-Type: multipart/alternative; boundary=h

--h
Content-Type: text/plain

4.2.2.1
--h
Content-Type: text/richtext

4.2.2.2
--h--
--g--
--f--
--r--
`

func TestSection(t *testing.T) {
	msg := crlf(rfc3501)
	sum, defects, err := Parse(bytes.NewReader([]byte(msg)), nil)
	require.NoError(t, err)
	require.Empty(t, defects)
	for _, c := range []struct {
		path []int
		kind SectionKind
		want string // "-" if there is no such section
	}{
		{nil, SectionBody, msg},
		{nil, SectionHeader, crlf("Subject: root\nContent-Type: multipart/mixed; boundary=r\n\n")},
		{nil, SectionMIME, "-"},
		{[]int{1}, SectionBody, "1"},
		{[]int{1}, SectionMIME, crlf("Content-Type: text/plain\n\n")},
		{[]int{1}, SectionHeader, "-"},
		{[]int{1}, SectionText, "-"},
		{[]int{2}, SectionBody, "2"},
		{[]int{3}, SectionHeader, crlf("Subject: three\nContent-Type: multipart/mixed; boundary=t\n\n")},
		{[]int{3}, SectionMIME, crlf("Content-Type: message/rfc822\n\n")},
		{[]int{3}, SectionText, crlf("--t\nContent-Type: text/plain\n\n3.1\n--t\nContent-Type: application/octet-stream\n\n3.2\n--t--")},
		{[]int{3, 1}, SectionBody, "3.1"},
		{[]int{3, 2}, SectionBody, "3.2"},
		{[]int{4, 1}, SectionMIME, crlf("Content-Type: image/gif\n\n")},
		{[]int{4, 2}, SectionHeader, crlf("Subject: four-two\nContent-Type: multipart/mixed; boundary=g\n\n")},
		{[]int{4, 2, 1}, SectionBody, "4.2.1"},
		{[]int{4, 2, 2, 1}, SectionBody, "4.2.2.1"},
		{[]int{4, 2, 2, 2}, SectionBody, "4.2.2.2"},
		{[]int{0}, SectionBody, "-"},
		{[]int{-1}, SectionBody, "-"},
		{[]int{5}, SectionBody, "-"},
		{[]int{1, 1}, SectionBody, "-"},
		{[]int{3, 3}, SectionBody, "-"},
		{[]int{4}, SectionHeader, "-"},
	} {
		t.Run(fmt.Sprint(c.path, c.kind), func(t *testing.T) {
			span, ok := sum.Root.Section(c.path, c.kind)
			if c.want == "-" {
				require.False(t, ok)
				return
			}
			require.True(t, ok)
			got, err := io.ReadAll(span.Reader(bytes.NewReader([]byte(msg))))
			require.NoError(t, err)
			require.Equal(t, c.want, string(got))
		})
	}
}

// A message that is no multipart has a part 1: itself.
func TestSectionSingle(t *testing.T) {
	msg := []byte(crlf("Subject: x\n\nbody\n"))
	sum, _, _ := Parse(bytes.NewReader(msg), nil)
	require.Same(t, sum.Root, sum.Root.Find(1))
	require.Same(t, sum.Root, sum.Root.Find())
	require.Nil(t, sum.Root.Find(2))
	require.Nil(t, sum.Root.Find(1, 1))
	span, ok := sum.Root.Section([]int{1}, SectionBody)
	require.True(t, ok)
	require.Equal(t, Span{14, 6}, span)

	msg, err := os.ReadFile("testdata/root-rfc822.eml")
	require.NoError(t, err)
	sum, _, _ = Parse(bytes.NewReader(msg), nil)
	require.Same(t, sum.Root, sum.Root.Find(1))
	inner := sum.Root.Children[0]
	require.Same(t, inner, sum.Root.Find(1, 1))
	require.Same(t, inner.Children[0], sum.Root.Find(1, 1, 1))
	require.Nil(t, sum.Root.Find(1, 1, 1, 1))
	span, ok = sum.Root.Section([]int{1}, SectionHeader)
	require.True(t, ok)
	require.Equal(t, inner.Header(), span)
}

// TestWalk holds the numbers that Walk gives against Find.
func TestWalk(t *testing.T) {
	for file, msg := range corpus(t) {
		sum, _, _ := Parse(bytes.NewReader(msg), nil)
		n := 0
		sum.Root.Walk(func(path []int, p *Part) bool {
			n++
			found := sum.Root.Find(path...)
			if found != p {
				// A multipart without a number of its own.
				require.Equal(t, "multipart", p.Type, "%s %v", file, path)
				require.Same(t, found.Children[0], p, "%s %v", file, path)
			}
			return true
		})
		require.Positive(t, n)
	}
	sum, _, _ := Parse(bytes.NewReader([]byte(crlf(rfc3501))), nil)
	var paths []string
	sum.Root.Walk(func(path []int, p *Part) bool {
		paths = append(paths, fmt.Sprint(path))
		return !slices.Equal(path, []int{4, 2})
	})
	require.Equal(t, []string{"[]", "[1]", "[2]", "[3]", "[3]", "[3 1]", "[3 2]", "[4]", "[4 1]", "[4 2]"}, paths)
}

func TestDecodedBody(t *testing.T) {
	msg, err := os.ReadFile("testdata/nested.eml")
	require.NoError(t, err)
	sum, _, _ := Parse(bytes.NewReader(msg), nil)
	read := func(r io.Reader) string {
		b, err := io.ReadAll(r)
		require.NoError(t, err)
		return string(b)
	}
	r := bytes.NewReader(msg)
	require.Equal(t, "Grüße aus dem Café, \r\nheute ist alles umsonst.\r\n", read(DecodedBody(r, sum.Root.Find(1, 1, 1))))
	png := read(TransferDecoded(r, sum.Root.Find(1, 2)))
	require.Len(t, png, 120)
	require.Equal(t, png, read(DecodedBody(r, sum.Root.Find(1, 2))))
}
