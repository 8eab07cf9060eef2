package textproto

import "bytes"

var (
	crlf   = []byte("\r\n")
	crByte = crlf[:1]
)

// A lookahead finds the parts of a body that need no change. It examines all
// that is buffered, but after a bare CR or LF only a little, and then twice as
// much each time, so that the cost of a body full of them is linear in its
// length.
type lookahead struct{ far int } // 0: no limit

const leastLookahead = 64

// run applies run to the beginning of b. If that is not all of b it may end
// anywhere, but it is not empty.
func (l *lookahead) run(b []byte) (n int, bol bool, bare int) {
	if l.far > 0 && len(b) > l.far {
		b = b[:l.far]
		l.far *= 2
	} else {
		l.far = 0
	}
	n, bol, bare = run(b)
	if bare >= 0 {
		l.far = leastLookahead
	}
	return n, bol, bare
}

// run returns the length of the longest beginning of b that needs no change:
// whole CRLFs only, no dot at the beginning of a line except b[0], and no CR at
// its end. bol says that it ends with CRLF; bare is the offset of the bare CR
// or LF that ended it, or -1.
func run(b []byte) (n int, bol bool, bare int) {
	lines := 0
	for {
		i := bytes.IndexByte(b[n:], '\n')
		if i < 0 {
			n = len(b)
			if n > 0 && b[n-1] == '\r' {
				n--
			}
			break
		}
		i += n
		if i == 0 || b[i-1] != '\r' {
			return firstBare(b[:i+1])
		}
		lines++
		n = i + 1
		if n == len(b) || b[n] == '.' {
			break
		}
	}
	if bytes.Count(b[:n], crByte) != lines {
		return firstBare(b[:n])
	}
	return n, n > 0 && b[n-1] == '\n', -1
}

// runRelaxed is run for a mode that passes bare CRs and LFs on: only dots
// matter, which are rare in attachments.
func runRelaxed(b []byte) (n int, bol bool) {
	for i := 0; i < len(b); i++ {
		j := bytes.IndexByte(b[i:], '.')
		if j < 0 {
			break
		}
		if i += j; i >= 2 && b[i-1] == '\n' && b[i-2] == '\r' {
			return i, true
		}
	}
	n = len(b)
	if n > 0 && b[n-1] == '\r' {
		n--
	}
	return n, bytes.HasSuffix(b[:n], crlf)
}

// firstBare is run for a b that contains a bare CR or LF.
func firstBare(b []byte) (n int, bol bool, bare int) {
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '\r':
			if i+1 < len(b) && b[i+1] == '\n' {
				i++
				continue
			}
		case '\n':
		default:
			continue
		}
		return i, i > 0 && b[i-1] == '\n', i
	}
	return len(b), false, -1
}
