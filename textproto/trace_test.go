package textproto

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// traced runs f on a Conn with a trace and returns that.
func traced(t *testing.T, o Options, input string, f func(c *Conn)) string {
	var b strings.Builder
	o.Trace = func(e Event) {
		fmt.Fprintf(&b, "%s %s %d %q %d\n", e.ConnID, e.Dir, e.Kind, e.Line, e.Elided)
	}
	o.ID = "x"
	c := NewConn(&wireConn{pieces: [][]byte{[]byte(input)}}, &o)
	f(c)
	require.NoError(t, c.Flush())
	return b.String()
}

func TestTrace(t *testing.T) {
	o := Options{
		TraceBody: 4,
		Redact: func(dir Direction, line []byte) []byte {
			if verb, _, ok := bytes.Cut(line, []byte(" ")); ok && string(verb) == "PASS" {
				return []byte("PASS ***")
			}
			return line
		},
	}
	got := traced(t, o, "USER joe\r\nPASS secret\r\nc2VjcmV0\r\nbad\nDATA\r\n..one\r\ntwo\r\n.\r\n{3}\r\nabc", func(c *Conn) {
		c.WriteLine("+OK hello")
		c.ReadLine()
		c.WriteString("+OK ")
		c.WriteByte('x')
		c.WriteString("\r\n+OK part")
		c.ReadLine()
		c.SetSecret(true)
		c.ReadLine()
		c.WriteLine(" of a secret line")
		c.WriteLine("cmVwbHk=")
		c.WriteString("last ")
		c.SetSecret(false)
		c.WriteString("secret\r\n")
		c.WriteLine("plain")
		c.ReadLine()
		c.ReadLine()
		io.Copy(io.Discard, c.DotReader(Strict))
		c.ReadLine()
		io.Copy(io.Discard, c.CountedReader(3))
		d := c.DotWriter()
		d.Write([]byte(".message\r\n"))
		d.Close()
		w := c.CountedWriter(3)
		w.Write([]byte("abc"))
		w.Close()
	})
	require.Equal(t, `x send 0 "+OK hello" 0
x receive 0 "USER joe" 0
x send 0 "+OK x" 0
x receive 0 "PASS ***" 0
x receive 0 "***" 8
x send 0 "***" 25
x send 0 "***" 8
x send 0 "***" 11
x send 0 "plain" 0
x receive 0 "bad" 0
x receive 0 "DATA" 0
x receive 1 ".one" 7
x receive 0 "{3}" 0
x receive 1 "abc" 0
x send 1 ".mes" 6
x send 1 "abc" 0
`, got)
	// By default nothing of a body is shown, nor anything of one in secret.
	for _, o := range []Options{{}, {TraceBody: 100}} {
		got = traced(t, o, "secret!", func(c *Conn) {
			c.SetSecret(true)
			io.Copy(io.Discard, c.CountedReader(7))
		})
		require.Equal(t, "x receive 1 \"\" 7\n", got)
	}
}

func TestTraceLongLine(t *testing.T) {
	got := traced(t, Options{}, "", func(c *Conn) {
		for range 10_000 {
			c.WriteString("0123456789")
		}
		c.WriteString("\r\n")
	})
	require.Less(t, len(got), 2*maxTraceLine)
}

func TestSlogTracer(t *testing.T) {
	var b bytes.Buffer
	l := slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	tr := SlogTracer(l, slog.LevelDebug)
	tr(Event{ConnID: "1", Dir: Send, Line: []byte("220 hi")})
	tr(Event{ConnID: "1", Kind: BodyEvent, Elided: 100})
	tr(Event{ConnID: "1", Kind: NoteEvent, Line: []byte("TLS 1.3")})
	SlogTracer(l, slog.LevelDebug-1)(Event{Line: []byte("not shown")})
	require.Equal(t, `level=DEBUG msg=send conn=1 line="220 hi"
level=DEBUG msg=receive conn=1 elided=100
level=DEBUG msg=note conn=1 line="TLS 1.3"
`, b.String())
}
