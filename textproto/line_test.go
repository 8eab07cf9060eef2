package textproto

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/posthorn-mail/posthorn/textproto/internal/pool"
	"github.com/stretchr/testify/require"
)

// refLine is what ReadLine must do, written the simple way.
func refLine(s string, limit int) (line, rest, err string) {
	i := strings.IndexByte(s, '\n')
	switch {
	case i < 0 && len(s) < limit:
		if s == "" {
			return "", "", "EOF"
		}
		return "", "", "cut off"
	case i < 0:
		return s[:min(limit, len(s), 128)], "", "cut off"
	case i+1 > limit:
		return s[:min(limit, i+1, 128)], s[i+1:], "too long"
	}
	line, rest = s[:i], s[i+1:]
	line, ok := strings.CutSuffix(line, "\r")
	if !ok {
		return line, rest, "bare LF"
	}
	if strings.Contains(line, "\r") {
		return line, rest, "bare CR"
	}
	return line, rest, ""
}

// compareLines reads all of s as lines, in pieces of n octets.
func compareLines(t *testing.T, s string, n, limit int) {
	c, _ := wire(pieces(s, n)...)
	c.SetMaxLine(limit)
	for rest := s; ; {
		line, r, err := refLine(rest, limit)
		got, e := c.ReadLine()
		if err == "too long" || err == "cut off" { // how much of it is shown depends on the pieces
			require.True(t, strings.HasPrefix(rest, string(got)), "%q", got)
		} else {
			require.Equal(t, line, string(got))
		}
		require.Equal(t, err, errText(e))
		if rest = r; err == "EOF" || err == "cut off" {
			return
		}
	}
}

func TestReadLine(t *testing.T) {
	long := strings.Repeat("x", 300)
	for _, s := range []string{
		"", "\r\n", "a\r\n", "a\r\nb\r\n", "a", "a\r", "a\r\nb", "\n", "a\nb\r\n", "a\rb\r\nc\r\n", "a\r\r\nb\r\n", "\r\r\n",
		"\x00\r\n\x00", long + "\r\nb\r\n", long + "\nb\r\n", long, "a\r\n" + long + "\r\n" + long + "\r\nb\r\n",
	} {
		for _, n := range []int{1, 2, 3, 7, 100, 127, 128, 129, 1000} {
			for _, limit := range []int{1, 2, 3, 10, 128, 301, 302, 8192} {
				compareLines(t, s, n, limit)
			}
		}
	}
}

func TestReadLineGrows(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 40<<10)
	c, _ := wire(pieces("short\r\n"+long+"\r\nafter\r\n", 5000)...)
	c.SetMaxLine(1 << 20)
	for _, want := range []string{"short", long, "after"} {
		line, err := c.ReadLine()
		require.NoError(t, err)
		require.Equal(t, want, string(line))
	}
}

func TestReadLineEndless(t *testing.T) {
	c := NewConn(&repeat{p: bytes.Repeat([]byte("x"), 5000)}, nil)
	c.SetMaxLine(1000)
	_, err := c.ReadLine()
	require.ErrorIs(t, err, ErrLineEndless)
	require.ErrorIs(t, err, ErrLineTooLong)
	require.LessOrEqual(t, len(c.buf), pool.Large)
	_, err = c.ReadLine()
	require.Equal(t, ErrOutOfStep, err)
	require.Equal(t, ErrOutOfStep, c.Wait())
}

// The end of a line that is too long can be asked for.
func TestLineEnd(t *testing.T) {
	for _, tc := range []struct{ line, end string }{
		{strings.Repeat("x", 40_000) + " end\r\n", strings.Repeat("x", MaxLineEnd-4) + " end"},
		{strings.Repeat("x", 40_000) + " end\n", strings.Repeat("x", MaxLineEnd-4) + " end"},
		{strings.Repeat("x", 300) + "\r\r\n", strings.Repeat("x", MaxLineEnd-1) + "\r"},
		{"12345\r\n", "12345"},
	} {
		for _, n := range []int{1, 2, 31, 32, 33, 5000, 100_000} {
			c, _ := wire(pieces(tc.line+"ok\r\n", n)...)
			c.SetMaxLine(4)
			_, err := c.ReadLine()
			require.ErrorIs(t, err, ErrLineTooLong)
			require.Equal(t, tc.end, string(c.LineEnd()), "in pieces of %d", n)
			line, err := c.ReadLine()
			require.NoError(t, err)
			require.Equal(t, "ok", string(line))
		}
	}
}

// A timeout within a line that is too long does not make its rest a line.
func TestReadLineTooLongInterrupted(t *testing.T) {
	c := NewConn(&stutterConn{stutter: stutter{pieces: pieces("first\r\n"+strings.Repeat("x", 1000)+"\r\nlast\r\n", 200)}}, nil)
	c.SetMaxLine(300)
	var got []string
	for {
		line, err := c.ReadLine()
		if isTimeout(err) {
			continue
		}
		if err == io.EOF {
			break
		}
		got = append(got, fmt.Sprintf("%.5s %v", line, err))
	}
	require.Equal(t, []string{"first <nil>", " " + ErrLineTooLong.Error(), "last <nil>"}, got)
}

type stutterConn struct {
	wireConn
	stutter
}

func (s *stutterConn) Read(p []byte) (int, error) { return s.stutter.Read(p) }

func TestReadLineAllocs(t *testing.T) {
	p := bytes.Repeat([]byte("a001 NOOP\r\n"), 100)
	c := NewConn(&repeat{p: p}, nil)
	require.Zero(t, testing.AllocsPerRun(1000, func() { c.ReadLine() }))
	c = NewConn(&wireConn{}, nil)
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		c.Write(append(c.AvailableBuffer(), "* OK\r\n"...))
		c.WriteLine("250 fine")
	}))
}

func TestWriteLine(t *testing.T) {
	c, w := wire()
	for _, bad := range []string{"a\r", "a\nb", "\x00", "x\r\nRCPT TO:<evil@example.org>"} {
		require.Equal(t, ErrInvalidLine, c.WriteLine(bad))
		require.Equal(t, ErrInvalidLine, c.WriteLineBytes([]byte(bad)))
	}
	require.NoError(t, c.WriteLine("one"))
	require.NoError(t, c.WriteLineBytes([]byte("two")))
	require.NoError(t, c.WriteByte('3'))
	require.Equal(t, 11, c.Unflushed())
	require.Empty(t, w.out)
	require.NoError(t, c.Flush())
	require.Equal(t, "one\r\ntwo\r\n3", string(w.out))
	require.Nil(t, c.wbuf)
}

// Whatever sizes are written, and how, they come out in order.
func TestWriteSizes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for round := range 30 {
		c, w := wire()
		var want []byte
		for i := range 40 {
			n := r.IntN(1 << (1 + r.IntN(18)))
			if edge := []int{pool.Small, pool.Large, 2 * pool.Large}; i%4 == 0 {
				n = edge[r.IntN(3)] - 2 + r.IntN(4)
			}
			if i%4 == 1 { // up to an edge of the buffer
				n = max(0, len(c.wbuf)-c.wn-1+r.IntN(3))
			}
			p := bytes.Repeat([]byte{'a' + byte(i)}, n)
			want = append(want, p...)
			var err error
			switch r.IntN(6) {
			case 0:
				_, err = c.Write(p)
			case 1:
				_, err = c.WriteString(string(p))
			case 2:
				_, err = c.ReadFrom(bytes.NewReader(p))
			case 3:
				_, err = c.Write(append(c.AvailableBuffer(), p...))
			case 4:
				for _, b := range p {
					err = errors.Join(err, c.WriteByte(b))
				}
			case 5:
				_, err = c.Write(p)
				err = errors.Join(err, c.Flush())
			}
			require.NoError(t, err)
			require.Equal(t, len(want), len(w.out)+c.Unflushed())
		}
		require.NoError(t, c.Flush())
		require.True(t, bytes.Equal(want, w.out), "round %d", round)
		require.Nil(t, c.wbuf)
	}
}

// After an error nothing more is taken.
func TestWriteError(t *testing.T) {
	c := NewConn(&brokenConn{}, nil)
	_, err := c.Write(make([]byte, pool.Large-1))
	require.NoError(t, err)
	require.ErrorIs(t, c.Flush(), io.ErrClosedPipe)
	_, err = c.Write([]byte("x"))
	require.ErrorIs(t, err, io.ErrClosedPipe)
	_, err = c.Write(make([]byte, 2*pool.Large))
	require.ErrorIs(t, err, io.ErrClosedPipe)
	_, err = c.WriteString("x")
	require.ErrorIs(t, err, io.ErrClosedPipe)
	require.ErrorIs(t, c.WriteByte('x'), io.ErrClosedPipe)
	require.ErrorIs(t, c.WriteLine("x"), io.ErrClosedPipe)
	require.ErrorIs(t, c.DotWriter().Close(), io.ErrClosedPipe)
	_, err = c.ReadFrom(strings.NewReader("x"))
	require.ErrorIs(t, err, io.ErrClosedPipe)
	require.Zero(t, c.Unflushed())
}

type brokenConn struct{ wireConn }

func (*brokenConn) Write(p []byte) (int, error) { return len(p) / 2, io.ErrClosedPipe }

func TestCounted(t *testing.T) {
	c, _ := wire(pieces("a1 APPEND {10}\r\n0123456789 end\r\n{5}\r\nabcdeX\r\n{3}\r\nab", 5)...)
	line := func(want string) {
		l, err := c.ReadLine()
		require.NoError(t, err)
		require.Equal(t, want, string(l))
	}
	line("a1 APPEND {10}")
	d := c.CountedReader(10)
	_, err := c.ReadLine()
	require.Equal(t, ErrUnreadBody, err)
	b, err := io.ReadAll(d)
	require.NoError(t, err)
	require.Equal(t, "0123456789", string(b))
	require.EqualValues(t, 10, d.N())
	line(" end")
	line("{5}")
	d = c.CountedReader(5)
	_, err = io.ReadFull(d, make([]byte, 2))
	require.NoError(t, err)
	require.Equal(t, ErrBodyTooLong, d.Drain(2))
	require.EqualValues(t, 3, d.Left())
	require.NoError(t, d.Drain(3))
	line("X")
	line("{3}")
	_, err = io.ReadAll(c.CountedReader(3))
	require.Equal(t, io.ErrUnexpectedEOF, err)

	c, _ = wire("x")
	n, err := c.CountedReader(0).Read(make([]byte, 1))
	require.Zero(t, n)
	require.Equal(t, io.EOF, err)
	_, err = c.CountedReader(-5).Read(make([]byte, 1))
	require.Equal(t, io.EOF, err)
}

func TestCountedWriter(t *testing.T) {
	c, w := wire()
	d := c.CountedWriter(5)
	_, err := io.Copy(d, strings.NewReader("abc"))
	require.NoError(t, err)
	require.Equal(t, ErrShortBody, d.Close())
	_, err = d.Write([]byte("def"))
	require.Equal(t, ErrLongBody, err)
	_, err = d.Write([]byte("de"))
	require.NoError(t, err)
	require.NoError(t, d.Close())
	c.Flush()
	require.Equal(t, "abcde", string(w.out))
}

func FuzzReadLine(f *testing.F) {
	f.Add("a\r\nb\nc\rd\r\n", 3, 4)
	f.Add(strings.Repeat("x", 500)+"\r\ny\r\n", 100, 128)
	f.Fuzz(func(t *testing.T, s string, n, limit int) {
		compareLines(t, s, 1+(n&0xfff), 1+(limit&0x3fff))
	})
}
