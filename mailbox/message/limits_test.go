package message

import (
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// repeat reads s n times, without holding it.
func repeat(s string, n int) io.Reader {
	return &repeater{chunk: strings.Repeat(s, 1+(64<<10)/len(s)), left: len(s) * n}
}

type repeater struct {
	chunk     string
	off, left int
}

func (r *repeater) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), r.left)], r.chunk[r.off:])
	r.off = (r.off + n) % len(r.chunk)
	r.left -= n
	return n, nil
}

func hasDefect(defects []Defect, kind DefectKind) bool {
	return slices.ContainsFunc(defects, func(d Defect) bool { return errors.Is(d, kind) })
}

// TestHostile feeds messages made to hurt: each is parsed in one pass, with
// memory that does not grow with it, and the right sizes come out.
func TestHostile(t *testing.T) {
	nest := func(n int) io.Reader {
		return repeat("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", n)
	}
	digest := "Content-Type: multipart/digest; boundary=b\r\n\r\n"
	for _, c := range []struct {
		name string
		r    io.Reader
		kind DefectKind
	}{
		// Dovecot's CVE-2024-23184: 500,000 address header lines.
		{"address fields", repeat("To: a@b\r\n", 500_000), DefectHeaderSize},
		{"one address field", io.MultiReader(strings.NewReader("To: "), repeat("a,", 5<<20)), DefectHeaderSize},
		{"address field of many lines", io.MultiReader(strings.NewReader("To: x"), repeat(",\r\n a", 1<<20)), DefectHeaderSize},
		{"other fields", repeat("X: y\r\n", 1<<20), DefectFieldCount},
		{"one long line", repeat("x", 20<<20), DefectHeaderSize},
		{"long fold", io.MultiReader(strings.NewReader("Subject: x\r\n"), repeat(" \r\n", 1<<20)), DefectHeaderSize},
		{"carriage returns", repeat("\r", 20<<20), DefectHeaderSize},
		{"nested multiparts", nest(100_000), DefectDepth},
		{"nested messages", repeat("Content-Type: message/rfc822\r\n\r\n", 500_000), DefectDepth},
		{"many parts", io.MultiReader(strings.NewReader(digest), repeat("--b\r\n\r\nx: y\r\n\r\n", 500_000)), DefectPartCount},
		{"part headers", io.MultiReader(strings.NewReader(digest), repeat("--b\r\nContent-Type: text/plain; name="+strings.Repeat("x", 5000)+"\r\n\r\n", 2000)), DefectHeaderSize},
		{"boundary lines", io.MultiReader(nest(60), strings.NewReader("\r\n"), repeat("--\r\n", 1<<20)), DefectNoEnd},
		{"open quotes", io.MultiReader(strings.NewReader("To: "), repeat("\"(<", 80_000)), DefectAddress},
		{"open comments", io.MultiReader(strings.NewReader("To: "), repeat("(", 250_000)), DefectAddress},
		{"open words", io.MultiReader(strings.NewReader("To: "), repeat("=?a?q?x", 35_000)), DefectAddress},
		{"parameters", io.MultiReader(strings.NewReader("Content-Type: text/plain"), repeat("; a*0=b", 30_000)), DefectParam},
		{"comments in parameters", io.MultiReader(strings.NewReader("Content-Type: text/plain;"), repeat("(", 250_000)), DefectParam},
	} {
		t.Run(c.name, func(t *testing.T) {
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			counted := &countReader{r: c.r}
			sum, defects, err := Parse(counted, nil)
			runtime.ReadMemStats(&after)
			require.NoError(t, err)
			require.Equal(t, counted.n, sum.Root.BodyOffset+sum.Root.BodySize)
			require.True(t, hasDefect(defects, c.kind), "%v", defects[:min(3, len(defects))])
			require.LessOrEqual(t, len(defects), 100)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(16<<20))
			b, err := sum.AppendBinary(nil)
			require.NoError(t, err)
			require.Less(t, len(b), 4<<20)
			var back Summary
			require.NoError(t, back.UnmarshalBinary(b))
		})
	}
}

type countReader struct {
	r io.Reader
	n int64
}

func (c *countReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// TestHostileText holds the parsers of single values to one pass.
func TestHostileText(t *testing.T) {
	const n = 50_000
	for _, s := range []string{
		strings.Repeat("=?utf-8?q?a", n), strings.Repeat("=?utf-8?q?a?= ", n), strings.Repeat("=?", n), strings.Repeat("=?x?b?", n),
		strings.Repeat("[a]", n), strings.Repeat("re:", n), strings.Repeat("[", n), strings.Repeat("(fwd)", n), strings.Repeat("[fwd: ", n) + strings.Repeat("]", n),
		strings.Repeat("[a] ", n) + "re:", strings.Repeat("<", n), strings.Repeat("<a", n) + ">", strings.Repeat("(", n), strings.Repeat("1 ", n), strings.Repeat("+1", n),
		strings.Repeat("\"", n), strings.Repeat("<@", n), strings.Repeat("a:", n), strings.Repeat("[a", n), strings.Repeat("\\", n), strings.Repeat("(a)", n), strings.Repeat("a ", n),
	} {
		DecodeText(s)
		BaseSubject(s)
		ParseAddressList(s, 0)
		ParseDate(s)
		MessageIDs(s)
		var p Part
		parseContentType(&p, "text/plain; "+s)
		p.Filename()
		Header(s).Get("x")
	}
}

func TestConstantMemory(t *testing.T) {
	head := "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: application/octet-stream\r\n\r\n"
	r := io.MultiReader(strings.NewReader(head), repeat(strings.Repeat("x", 70)+"\r\n--\r\n", 1<<18), strings.NewReader("\r\n--b--\r\n"))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	sum, defects, err := Parse(r, nil)
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	require.Empty(t, defects)
	require.EqualValues(t, 76<<18, sum.Root.Children[0].BodySize)
	require.EqualValues(t, 2<<18, sum.Root.Children[0].Lines)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(256<<10))
}
