package textproto

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/posthorn-mail/posthorn/textproto/internal/pool"
	"github.com/stretchr/testify/require"
)

// refDot is what a DotReader must do, written byte by byte. rest is what remains
// behind the true end of the body.
func refDot(s string, mode DotMode) (body, rest, err string) {
	var b []byte
	bol := true
	for i := 0; i < len(s); {
		if bol && s[i] == '.' {
			if strings.HasPrefix(s[i:], ".\r\n") {
				return string(b), s[i+3:], err
			}
			if i+1 == len(s) || s[i:] == ".\r" {
				break
			}
			i++
		}
		bol = false
		switch {
		case strings.HasPrefix(s[i:], "\r\n"):
			if err == "" {
				b = append(b, "\r\n"...)
			}
			i++
			bol = true
		case s[i] == '\r' && i+1 == len(s): // cut off
		case s[i] == '\r' || s[i] == '\n':
			switch {
			case mode == Normalise:
				b = append(b, "\r\n"...)
			case mode == Relaxed:
				b = append(b, s[i])
			case err == "" && s[i] == '\r':
				err = "bare CR"
			case err == "":
				err = "bare LF"
			}
		case err == "":
			b = append(b, s[i])
		}
		i++
	}
	if err == "" {
		err = "cut off"
	}
	return string(b), "", err
}

// readDot does the same with a DotReader on a connection that yields the pieces.
func readDot(t *testing.T, mode DotMode, ps []string, read func(d *DotReader) ([]byte, error)) (body, rest, err string) {
	c, _ := wire(ps...)
	d := c.DotReader(mode)
	b, e := read(d)
	require.EqualValues(t, len(b), d.N())
	if e != nil && !errors.Is(e, io.ErrUnexpectedEOF) {
		_, lineErr := c.ReadLine()
		require.Equal(t, ErrUnreadBody, lineErr)
	}
	drainErr := d.Drain(1 << 30)
	if errText(e) != "cut off" && errText(drainErr) != "cut off" {
		require.NoError(t, drainErr)
		r, err := io.ReadAll(c.CountedReader(int64(len(strings.Join(ps, "")))))
		require.Equal(t, io.ErrUnexpectedEOF, err)
		rest = string(r)
	}
	return string(b), rest, errText(e)
}

func readAll(d *DotReader) ([]byte, error) { return io.ReadAll(d) }

func writeTo(d *DotReader) ([]byte, error) {
	var b bytes.Buffer
	_, err := d.WriteTo(&b)
	return b.Bytes(), err
}

func oneByOne(d *DotReader) (b []byte, err error) {
	p := make([]byte, 1)
	for {
		n, err := d.Read(p)
		b = append(b, p[:n]...)
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
}

var dotBodies = []string{
	".\r\n",
	"\r\n.\r\n",
	"a\r\n.\r\n",
	"..\r\n.\r\n",
	"...\r\n..a\r\n.b\r\n.\r\nNOOP\r\n",
	".a\r\n.\r\n",
	"a\r\n\r\n..\r\n\r\n.\r\nQUIT\r\n",
	strings.Repeat("0123456789", 30) + "\r\n.\r\n",
	strings.Repeat("line\r\n..\r\n", 50) + ".\r\n",
	// What only looks like the end (CVE-2023-51764, -51765, -51766).
	"a\n.\nb\r\n.\r\nNOOP\r\n",
	"a\n.\r\nb\r\n.\r\nNOOP\r\n",
	"a\r.\rb\r\n.\r\nNOOP\r\n",
	"a\r.\r\nb\r\n.\r\nNOOP\r\n",
	"a\r\n.\nb\r\n.\r\nNOOP\r\n",
	"a\r\n.\rb\r\n.\r\nNOOP\r\n",
	"a\r\n.\r\rb\r\n.\r\nNOOP\r\n",
	"a\r\n.\r\r\nb\r\n.\r\nNOOP\r\n",
	"a\r\r\n.\r\nNOOP\r\n",
	"a\r\n\x00.\r\nb\r\n.\r\nNOOP\r\n",
	"a\r\n.\x00\r\nb\r\n.\r\nNOOP\r\n",
	"a\n\r\n.\r\nNOOP\r\n",
	"a\n\n.\n\nb\r\n.\r\nNOOP\r\n",
	"\n.\r\nb\r\n.\r\nNOOP\r\n",
	".\nb\r\n.\r\nNOOP\r\n",
	".\rb\r\n.\r\nNOOP\r\n",
	".\r.\r\nb\r\n.\r\nNOOP\r\n",
	"\r.\r\nb\r\n.\r\nNOOP\r\n",
	// Cut off.
	"", ".", ".\r", "a", "a\r", "a\r\n", "a\r\n.", "a\r\n.\r", "a\n", "a\n.\r\n", ".\n", ".\r\r",
}

func TestDotReader(t *testing.T) {
	reads := map[string]func(d *DotReader) ([]byte, error){"ReadAll": readAll, "WriteTo": writeTo, "bytes": oneByOne}
	for _, s := range dotBodies {
		for _, mode := range []DotMode{Strict, Normalise, Relaxed} {
			body, rest, err := refDot(s, mode)
			for name, read := range reads {
				check := func(ps ...string) {
					b, r, e := readDot(t, mode, ps, read)
					require.Equal(t, []string{body, rest, err}, []string{b, r, e}, "%q mode %d by %s in %q", s, mode, name, ps)
				}
				check(s)
				check(pieces(s, 1)...)
				for i := range len(s) { // every place to split it, and every two of the short ones
					check(s[:i], s[i:])
					for j := i; j < len(s) && len(s) < 16; j++ {
						check(s[:i], s[i:j], s[j:])
					}
				}
			}
		}
	}
}

// The variants by which other servers were made to see an end where none is.
func TestDotReaderSmuggling(t *testing.T) {
	for _, end := range []string{"\n.\n", "\n.\r\n", "\r.\r\n", "\r\n.\n", "\r\n.\r", "\r.\r", "\r.\n", "\n.\r", "\n\n.\n\n", "\r\n\x00.\r\n", "\r\n.\x00\r\n", "\r\r\n.\r\r\n"} {
		s := "Subject: x\r\n\r\nbody" + end + "MAIL FROM:<a@example.org>\r\n.\r\nRSET\r\n"
		c, _ := wire(s)
		d := c.DotReader(Strict)
		b, err := io.ReadAll(d)
		if strings.Contains(end, "\x00") {
			require.NoError(t, err)
			require.Contains(t, string(b), "MAIL FROM", "%q ended the body", end)
		} else {
			var pe *ProtocolError
			require.ErrorAs(t, err, &pe, "%q was taken", end)
			require.NotContains(t, string(b), "MAIL FROM")
			require.NotEmpty(t, pe.Near)
			require.NoError(t, d.Drain(1000))
		}
		line, err := c.ReadLine()
		require.NoError(t, err)
		require.Equal(t, "RSET", string(line), "out of step after %q", end)
	}
}

func TestDotReaderAcrossBuffers(t *testing.T) {
	plain, stuffed := mailBody(3*pool.Large + 100)
	for _, n := range []int{1 << 20, 70001, 4096, 4095, 1461, 77} {
		c, _ := wire(append(pieces(string(stuffed), n), "QUIT\r\n")...)
		b, err := io.ReadAll(c.DotReader(Strict))
		require.NoError(t, err)
		require.True(t, bytes.Equal(plain, b), "in pieces of %d", n)
		line, err := c.ReadLine()
		require.NoError(t, err)
		require.Equal(t, "QUIT", string(line))
	}
}

func TestDotReaderDrainLimit(t *testing.T) {
	c, _ := wire(pieces(strings.Repeat("0123456789\r\n", 1000)+".\r\nQUIT\r\n", 100)...)
	require.Equal(t, ErrBodyTooLong, c.DotReader(Strict).Drain(5000))
	c, _ = wire("a\r\n.\r\n.\r\n")
	require.NoError(t, c.DotReader(Strict).Drain(1<<20))
	require.NoError(t, c.DotReader(Strict).Drain(0))
}

func TestOneBodyAtATime(t *testing.T) {
	c, _ := wire("a\r\n.\r\nb\r\n.\r\n")
	d := c.DotReader(Strict)
	_, err := c.DotReader(Strict).Read(make([]byte, 1))
	require.Equal(t, ErrUnreadBody, err)
	_, err = c.CountedReader(1).Read(make([]byte, 1))
	require.Equal(t, ErrUnreadBody, err)
	require.Equal(t, ErrUnreadBody, c.Wait())
	b, err := io.ReadAll(d)
	require.NoError(t, err)
	require.Equal(t, "a\r\n", string(b))
	_, err = d.Read(make([]byte, 1))
	require.Equal(t, io.EOF, err)
	line, err := c.ReadLine()
	require.NoError(t, err)
	require.Equal(t, "b", string(line))
}

// refStuff is what a DotWriter must write.
func refStuff(s string) string {
	var b strings.Builder
	bol := true
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\r':
			b.WriteString("\r\n")
			if i+1 < len(s) && s[i+1] == '\n' {
				i++
			}
			bol = true
		case s[i] == '\n':
			b.WriteString("\r\n")
			bol = true
		default:
			if bol && s[i] == '.' {
				b.WriteByte('.')
			}
			b.WriteByte(s[i])
			bol = false
		}
	}
	if !bol {
		b.WriteString("\r\n")
	}
	return b.String() + ".\r\n"
}

func stuff(t *testing.T, ps ...string) string {
	c, w := wire()
	d := c.DotWriter()
	for _, p := range ps {
		n, err := io.WriteString(d, p)
		require.NoError(t, err)
		require.Equal(t, len(p), n)
	}
	require.NoError(t, d.Close())
	require.NoError(t, d.Close())
	_, err := d.Write([]byte("x"))
	require.Error(t, err)
	require.NoError(t, c.Flush())
	return string(w.out)
}

func TestDotWriter(t *testing.T) {
	for s, want := range map[string]string{
		"":                   ".\r\n",
		"a":                  "a\r\n.\r\n",
		"a\r\n":              "a\r\n.\r\n",
		".":                  "..\r\n.\r\n",
		".\r\n..\r\n":        "..\r\n...\r\n.\r\n",
		"a\n.\nb\r.\rc":      "a\r\n..\r\nb\r\n..\r\nc\r\n.\r\n",
		"a\r":                "a\r\n.\r\n",
		"\r\r\n\n":           "\r\n\r\n\r\n.\r\n",
		"a\r\n.\r\nRSET\r\n": "a\r\n..\r\nRSET\r\n.\r\n",
	} {
		require.Equal(t, want, stuff(t, s), "%q", s)
		require.Equal(t, want, stuff(t, pieces(s, 1)...), "%q", s)
		for i := range len(s) {
			require.Equal(t, want, stuff(t, s[:i], s[i:]), "%q", s)
		}
		require.Equal(t, want, refStuff(s))
	}
}

func TestDotWriterNotClosed(t *testing.T) {
	c, w := wire()
	d := c.DotWriter()
	_, err := io.Copy(d, io.MultiReader(strings.NewReader("half a mess"), &failing{}))
	require.ErrorIs(t, err, io.ErrClosedPipe)
	require.NoError(t, c.Flush())
	require.Equal(t, "half a mess", string(w.out))
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

// No allocation per line, read or written.
func TestDotAllocs(t *testing.T) {
	plain, wire := mailBody(1 << 20)
	c := NewConn(&repeat{p: wire}, nil)
	require.LessOrEqual(t, testing.AllocsPerRun(20, func() {
		c.DotReader(Strict).WriteTo(io.Discard)
	}), 2.0)
	c = NewConn(&nowhere{}, nil)
	require.LessOrEqual(t, testing.AllocsPerRun(20, func() {
		d := c.DotWriter()
		d.Write(plain)
		d.Close()
	}), 2.0)
}

// nowhere swallows what is written.
type nowhere struct{ wireConn }

func (*nowhere) Write(p []byte) (int, error) { return len(p), nil }

func FuzzDotReader(f *testing.F) {
	for i, s := range dotBodies {
		f.Add(s, i%3, uint64(i))
	}
	f.Fuzz(func(t *testing.T, s string, mode int, seed uint64) {
		m := DotMode((mode%3 + 3) % 3)
		body, rest, err := refDot(s, m)
		r := rand.New(rand.NewPCG(seed, 1))
		var ps []string
		for left := s; len(left) > 0; {
			n := min(len(left), 1+r.IntN(1+r.IntN(200)))
			ps = append(ps, left[:n])
			left = left[n:]
		}
		read := []func(*DotReader) ([]byte, error){readAll, writeTo, oneByOne}[r.IntN(3)]
		b, rs, e := readDot(t, m, ps, read)
		require.Equal(t, []string{body, rest, err}, []string{b, rs, e})
	})
}

func FuzzDotRoundTrip(f *testing.F) {
	for _, s := range dotBodies {
		f.Add(s, 3)
	}
	f.Fuzz(func(t *testing.T, s string, n int) {
		out := stuff(t, pieces(s, 1+(n&0xff))...)
		require.Equal(t, refStuff(s), out)
		b, rest, err := readDot(t, Strict, pieces(out, 1+(n>>8&0xff)), readAll)
		require.Empty(t, rest)
		require.Empty(t, err)
		require.Equal(t, out, refStuff(b))
		if n := len(s); n > 0 && !strings.ContainsAny(strings.ReplaceAll(s, "\r\n", ""), "\r\n") && strings.HasSuffix(s, "\r\n") {
			require.Equal(t, s, b)
		}
	})
}
