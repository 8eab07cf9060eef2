package pop3server

import (
	"bytes"
	"errors"
	"io"
)

// errTop is what a topWriter returns once it has enough.
var errTop = errors.New("end of the lines asked for")

// A topWriter passes on a header, the empty line after it, and a number of
// lines of the body.
type topWriter struct {
	w     io.Writer
	lines int  // still to be passed on
	body  bool // the header is over
	bol   bool // at the beginning of a line
	cr    bool // the line so far is a CR
}

func (t *topWriter) Write(p []byte) (int, error) {
	i := 0
	for i < len(p) && !t.done() {
		nl := bytes.IndexByte(p[i:], '\n')
		if !t.body {
			i = t.header(p, i, nl)
			continue
		}
		if nl < 0 {
			i = len(p)
			break
		}
		i += nl + 1
		t.lines--
	}
	n, err := t.w.Write(p[:i])
	if err == nil && t.done() {
		err = errTop
	}
	return n, err
}

func (t *topWriter) done() bool { return t.body && t.lines == 0 }

// header passes a line of the header, or a part of one, and returns where the
// rest begins.
func (t *topWriter) header(p []byte, i, nl int) int {
	if nl < 0 {
		rest := p[i:]
		t.cr = len(rest) == 1 && rest[0] == '\r' && t.bol
		t.bol = false
		return len(p)
	}
	line := p[i : i+nl]
	empty := len(line) == 0 && (t.bol || t.cr) || t.bol && len(line) == 1 && line[0] == '\r'
	t.body = empty
	t.bol, t.cr = true, false
	return i + nl + 1
}
