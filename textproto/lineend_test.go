package textproto_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/textproto"
)

// lineEndModel says in the simplest way what a LineEndReader yields.
func lineEndModel(s string, mode textproto.DotMode, binary bool) (string, error) {
	if mode == textproto.Relaxed {
		return s, nil
	}
	var out strings.Builder
	mid := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\r' && i+1 < len(s) && s[i+1] == '\n':
			i++
		case c == '\r' && mode == textproto.Strict:
			return out.String(), textproto.ErrBareCR
		case c == '\n' && mode == textproto.Strict:
			return out.String(), textproto.ErrBareLF
		case c == '\r' || c == '\n':
		default:
			out.WriteByte(c)
			mid = true
			continue
		}
		out.WriteString("\r\n")
		if binary && !mid {
			return out.String() + s[i+1:], nil
		}
		mid = false
	}
	if mid {
		out.WriteString("\r\n")
	}
	return out.String(), nil
}

func checkLineEnds(t *testing.T, s string) {
	sources := map[string]func() io.Reader{
		"whole": func() io.Reader { return strings.NewReader(s) },
		"octet": func() io.Reader { return iotest.OneByteReader(strings.NewReader(s)) },
		"half":  func() io.Reader { return iotest.HalfReader(strings.NewReader(s)) },
		"early": func() io.Reader { return iotest.DataErrReader(strings.NewReader(s)) },
	}
	for _, mode := range []textproto.DotMode{textproto.Strict, textproto.Normalise, textproto.Relaxed} {
		for _, binary := range []bool{false, true} {
			want, wantErr := lineEndModel(s, mode, binary)
			for name, src := range sources {
				l := &textproto.LineEndReader{R: src(), Mode: mode, Binary: binary}
				got, err := io.ReadAll(l)
				require.ErrorIs(t, err, wantErr, "%s %v %v %q", name, mode, binary, s)
				require.Equal(t, want, string(got), "%s %v %v %q", name, mode, binary, s)

				l = &textproto.LineEndReader{R: src(), Mode: mode, Binary: binary}
				got, err = io.ReadAll(iotest.OneByteReader(l))
				require.ErrorIs(t, err, wantErr)
				require.Equal(t, want, string(got), "%s %v %v %q", name, mode, binary, s)

				var b bytes.Buffer
				l = &textproto.LineEndReader{R: src(), Mode: mode, Binary: binary}
				n, err := l.WriteTo(&b)
				require.ErrorIs(t, err, wantErr)
				require.Equal(t, want, b.String(), "%s %v %v %q", name, mode, binary, s)
				require.EqualValues(t, b.Len(), n)
			}
		}
	}
}

func TestLineEndReader(t *testing.T) {
	for _, s := range []string{
		"", "a", "a\r\n", "a\r\nb", "\r\n", ".\r\n.\r\nx\r\n..", "a\rb", "a\nb", "a\r", "a\n", "\n", "\r", "\r\r\n", "\n\r\n\n",
		"a: b\r\n\r\nbody\n\r\x00", "a: b\n\nbody\n\r", "a: b\r\n\r", "\r\n\n\r", "a: b\r\nc", "a: b\r\n.\r\n\r\n\r.\n",
		strings.Repeat("x", 70000) + "\r\n" + strings.Repeat(".\r\n", 30000) + "\r",
		strings.Repeat("x", 65535) + "\r\ny", strings.Repeat("\n", 500),
	} {
		checkLineEnds(t, s)
	}
}

func FuzzLineEndReader(f *testing.F) {
	f.Add("a: b\r\n\r\nbody\n\r\x00")
	f.Add("a\nb\r")
	f.Fuzz(func(t *testing.T, s string) { checkLineEnds(t, s) })
}

func TestLineEndReaderErrors(t *testing.T) {
	broken := errors.New("broken")
	l := &textproto.LineEndReader{R: io.MultiReader(strings.NewReader("a\r\nb\r"), iotest.ErrReader(broken))}
	b, err := io.ReadAll(l)
	require.ErrorIs(t, err, broken)
	require.Equal(t, "a\r\nb", string(b), "neither completed nor judged")
	_, err = l.Read(make([]byte, 1))
	require.ErrorIs(t, err, broken)

	l = &textproto.LineEndReader{R: strings.NewReader("a\r\nb\nc")}
	_, err = io.ReadAll(l)
	var pe *textproto.ProtocolError
	require.ErrorAs(t, err, &pe)
	require.EqualValues(t, 4, pe.Off)
	require.Contains(t, string(pe.Near), "b\nc")

	l = &textproto.LineEndReader{R: strings.NewReader("abc")}
	_, err = l.Read(make([]byte, 1))
	require.NoError(t, err)
	require.NoError(t, l.Close())
	_, err = l.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.ErrClosedPipe)
}

func BenchmarkLineEndReader(b *testing.B) {
	text := []byte(strings.Repeat(strings.Repeat("x", 76)+"\r\n", 12800))
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	r := bytes.NewReader(nil)
	var l textproto.LineEndReader
	for b.Loop() {
		r.Reset(text)
		l = textproto.LineEndReader{R: struct{ io.Reader }{r}}
		if n, err := l.WriteTo(io.Discard); err != nil || n != int64(len(text)) {
			b.Fatal(n, err)
		}
	}
}
