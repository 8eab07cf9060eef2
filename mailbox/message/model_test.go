package message

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// A writer makes random messages together with the tree that must be read
// from them.
type writer struct {
	bytes.Buffer
	rnd *rand.Rand
	n   int // boundaries made
}

// line writes a line with one of the line ends.
func (w *writer) line(s string) {
	w.WriteString(s)
	w.lineEnd()
}

func (w *writer) lineEnd() {
	if w.rnd.IntN(4) == 0 {
		w.WriteString("\n")
	} else {
		w.WriteString("\r\n")
	}
}

// text writes lines that are none of the boundaries, the last without an end.
func (w *writer) text() {
	for range w.rnd.IntN(4) {
		w.line([]string{"", "text", "-", "--", "-- ", "--other", "From x", "a: b", "\x00", "x\ry"}[w.rnd.IntN(10)])
	}
	if w.rnd.IntN(2) == 0 {
		w.WriteString("end")
	}
}

// part writes a part, whose line break before the next boundary the caller
// writes.
func (w *writer) part(depth int, digest bool) *Part {
	p := &Part{Type: "text", Subtype: "plain", Encoding: "7bit", Located: true, HeaderOffset: int64(w.Len())}
	kind := w.rnd.IntN(3)
	if depth == 0 {
		kind = 0
	}
	boundary := ""
	switch {
	case kind == 1:
		w.n++
		boundary = fmt.Sprintf("%c%d", "ab"[w.rnd.IntN(2)], w.n)
		p.Type, p.Subtype = "multipart", []string{"mixed", "digest"}[w.rnd.IntN(2)]
		w.line("Content-Type: multipart/" + p.Subtype + "; boundary=" + boundary)
		p.Params = []Param{{"boundary", boundary}}
	case kind == 2:
		p.Type, p.Subtype = "message", "rfc822"
		w.line("Content-Type: message/rfc822")
	case digest:
		w.line("Content-Type: text/plain")
	}
	for range w.rnd.IntN(3) {
		w.line("X-Field: x")
	}
	w.lineEnd()
	p.BodyOffset = int64(w.Len())
	switch p.Type {
	case "multipart":
		w.text()
		first := int64(w.Len()) == p.BodyOffset
		for range 1 + w.rnd.IntN(3) {
			if !first {
				w.lineEnd()
			}
			first = false
			w.line("--" + boundary + []string{"", " ", "\t "}[w.rnd.IntN(3)])
			p.Children = append(p.Children, w.part(depth-1, p.Subtype == "digest"))
		}
		w.lineEnd()
		w.WriteString("--" + boundary + "--")
		if w.rnd.IntN(2) == 0 {
			w.lineEnd()
			w.text()
		}
	case "message":
		p.Envelope = &Envelope{}
		p.Children = []*Part{w.part(depth-1, false)}
	default:
		w.text()
	}
	p.BodySize = int64(w.Len()) - p.BodyOffset
	body := w.Bytes()[p.BodyOffset:]
	p.Lines = int64(bytes.Count(body, lineFeed))
	if len(body) > 0 && body[len(body)-1] != '\n' {
		p.Lines++
	}
	return p
}

// TestModel reads random well-formed messages in random pieces.
func TestModel(t *testing.T) {
	for seed := range uint64(500) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		w := writer{rnd: rnd}
		want := w.part(5, false)
		p := NewParser(nil)
		for b := w.Bytes(); len(b) > 0; {
			n := 1 + rnd.IntN(len(b))
			_, err := p.Write(b[:n])
			require.NoError(t, err)
			b = b[n:]
		}
		got, defects := p.Finish()
		require.Empty(t, defects, "seed %d: %q", seed, w.Bytes())
		require.Equal(t, want, got.Root, "seed %d: %q", seed, w.Bytes())
	}
}
