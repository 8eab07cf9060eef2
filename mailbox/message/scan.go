package message

import "bytes"

var lineDashes = []byte("\n--")

// body reads octets of a body, up to the next line that may be a boundary, and
// returns the rest. Only lines that start with "--" are examined, and only
// inside a multipart.
func (p *Parser) body(b []byte) []byte {
	if p.bounds == 0 {
		p.content(b)
		return nil
	}
	i := 0
	if b[0] != '-' || !p.atLineStart() {
		i = nextDashes(b, 0)
	}
	for i >= 0 && p.refuted(b[i:]) {
		i = nextDashes(b, i)
	}
	if i < 0 {
		p.content(b)
		return nil
	}
	if i > 0 {
		p.content(b[:i])
	}
	p.state, p.cand = inCandidate, p.cand[:0]
	return b[i:]
}

// nextDashes returns the start of the next line that starts with "--", or with
// "-" at the end of b, or -1.
func nextDashes(b []byte, from int) int {
	if i := bytes.Index(b[from:], lineDashes); i >= 0 {
		return from + i + 1
	}
	if n := len(b); n >= from+2 && b[n-2] == '\n' && b[n-1] == '-' {
		return n - 1
	}
	return -1
}

// refuted reports whether enough of a line is there to see that it is not a
// boundary.
func (p *Parser) refuted(line []byte) bool {
	want := p.boundMax + 4
	if len(line) > want {
		line = line[:want]
	}
	if len(line) < want && bytes.IndexByte(line, '\n') < 0 {
		return false
	}
	i, _ := p.matchBoundary(line)
	return i < 0
}

func (p *Parser) content(b []byte) {
	p.preview.write(b)
	p.consume(b)
}

// atLineStart reports whether a line feed came last, as at the end of a header.
func (p *Parser) atLineStart() bool { return p.tail[2] == '\n' }

// candidate collects a line until it is long enough to be decided.
func (p *Parser) candidate(b []byte) []byte {
	want := p.boundMax + 4 - len(p.cand)
	n := min(want, len(b))
	ends := false
	if i := bytes.IndexByte(b[:n], '\n'); i >= 0 {
		n, ends = i+1, true
	}
	p.cand = append(p.cand, b[:n]...)
	if ends || n == want || len(p.cand) > 1 && p.cand[1] != '-' {
		p.decide()
	}
	return b[n:]
}

// decide treats the candidate as a boundary or as content.
func (p *Parser) decide() {
	i, closing := p.matchBoundary(p.cand)
	if i < 0 {
		p.state = inBody
		p.content(p.cand)
		return
	}
	p.boundary(i, closing, p.mark)
	p.consume(p.cand)
	p.endBoundaryLine(p.cand)
}

// matchBoundary finds the multipart whose boundary a line is, or -1. The line
// needs only to start with it (RFC 2046 §5.1.1). If several match, the longest
// boundary wins, and of equal ones the innermost.
func (p *Parser) matchBoundary(line []byte) (i int, closing bool) {
	if len(line) < 3 || line[0] != '-' || line[1] != '-' {
		return -1, false
	}
	line = line[2:]
	found := -1
	for j := len(p.stack) - 1; j >= 0; j-- {
		b := p.stack[j].boundary
		if b == "" || len(line) < len(b) || string(line[:len(b)]) != b {
			continue
		}
		if found < 0 || len(b) > len(p.stack[found].boundary) {
			found = j
		}
	}
	if found < 0 {
		return -1, false
	}
	rest := line[len(p.stack[found].boundary):]
	return found, len(rest) >= 2 && rest[0] == '-' && rest[1] == '-'
}

// boundary ends the parts within the multipart at stack[i]. The boundary line
// starts at m, and the line break before it belongs to it.
func (p *Parser) boundary(i int, closing bool, m mark) {
	line := m
	if m.tail[2] == '\n' {
		n := 1
		if m.tail[1] == '\r' {
			n = 2
		}
		m.off -= int64(n)
		m.lf--
		m.tail[2] = m.tail[2-n]
	}
	p.closeTo(i+1, m, line)
	f := &p.stack[i]
	p.state = inDelimiter
	if !closing && p.parts >= p.opt.MaxParts {
		p.defect(DefectPartCount, line.off, "")
		closing = true
	}
	if closing {
		f.ended, f.boundary = true, ""
		p.countBounds()
		p.state = inClosing
	}
}

// restOfBoundary skips what follows the boundary in its line.
func (p *Parser) restOfBoundary(b []byte) []byte {
	n := len(b)
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		n = i + 1
	}
	p.consume(b[:n])
	p.endBoundaryLine(b[:n])
	return b[n:]
}

// endBoundaryLine moves on to the part, or to the epilogue, if the line is
// complete.
func (p *Parser) endBoundaryLine(line []byte) {
	if len(line) == 0 || line[len(line)-1] != '\n' {
		return
	}
	if p.state == inClosing {
		p.state = inBody
		return
	}
	p.parts++
	part := &Part{Located: true}
	parent := p.stack[len(p.stack)-1].part
	parent.Children = append(parent.Children, part)
	p.push(frame{part: part}, p.mark)
}

// header reads octets of a header up to its end, and returns the rest.
func (p *Parser) header(b []byte) []byte {
	for len(b) > 0 {
		n, ends := len(b), false
		if i := bytes.IndexByte(b, '\n'); i >= 0 {
			n, ends = i+1, true
		}
		p.hdr = append(p.hdr, b[:n]...)
		if max := max(p.headerRoom(), p.keep+p.boundMax+4); len(p.hdr) > max {
			p.hdr = p.hdr[:max]
		}
		p.consume(b[:n])
		b = b[n:]
		if !ends {
			break
		}
		if p.headerLine() {
			break
		}
	}
	return b
}

// headerRoom is the size that the header may have.
func (p *Parser) headerRoom() int {
	return min(p.opt.MaxHeaderSize, max(0, p.opt.MaxHeaderTotal-p.total))
}

// headerLine examines the line in hdr[keep:], which was consumed, and reports
// whether it ends the header.
func (p *Parser) headerLine() bool {
	line := p.hdr[p.keep:]
	whole := p.off-p.line.off == int64(len(line))
	if whole && isBlankLine(line) {
		if len(line) > 2 {
			p.defect(DefectLineEnd, p.line.off, "")
		}
		p.hdr = p.hdr[:p.keep]
		p.endHeader(p.mark)
		return true
	}
	if len(line) > 0 && line[0] == '-' && p.bounds > 0 {
		if i, closing := p.matchBoundary(line); i >= 0 {
			p.headerBoundary(i, closing)
			p.endBoundaryLine(lineFeed)
			return true
		}
	}
	p.keepLine(whole)
	return false
}

// keepLine makes the line in hdr[keep:] a part of the header, if there is room.
func (p *Parser) keepLine(whole bool) {
	if !whole || len(p.hdr) > p.headerRoom() {
		p.hdr = p.hdr[:p.keep]
		if !p.cut {
			p.defect(DefectHeaderSize, p.line.off, "")
			p.cut = true
		}
	}
	p.keep, p.line = len(p.hdr), p.mark
}

// headerBoundary ends a header that lacks the empty line at the boundary line
// in hdr[keep:].
func (p *Parser) headerBoundary(i int, closing bool) {
	p.hdr = p.hdr[:p.keep]
	m := p.line
	p.endHeader(m)
	if p.state == inHeader { // the header was that of a message/rfc822
		p.endHeader(m)
	}
	p.boundary(i, closing, m)
}

// endOfInput ends a header that ends with the message.
func (p *Parser) endOfInput() {
	if line := p.hdr[p.keep:]; len(line) > 0 {
		if p.bounds > 0 {
			if i, closing := p.matchBoundary(line); i >= 0 {
				p.headerBoundary(i, closing)
				return
			}
		}
		p.keepLine(p.off-p.line.off == int64(len(line)))
	}
	p.endHeader(p.mark)
}

func isBlankLine(line []byte) bool {
	n := len(line) - 1
	if n < 0 || line[n] != '\n' {
		return false
	}
	for n > 0 && line[n-1] == '\r' {
		n--
	}
	return n == 0
}
