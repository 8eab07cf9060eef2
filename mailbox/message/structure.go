package message

// endHeader parses the header in hdr, which ends at m, and prepares for the
// body that it describes.
func (p *Parser) endHeader(m mark) {
	f := &p.stack[len(p.stack)-1]
	part := f.part
	part.Type, part.Subtype, part.Encoding = "text", "plain", "7bit"
	if len(p.stack) > 1 {
		if parent := p.stack[len(p.stack)-2].part; parent.Type == "multipart" && parent.Subtype == "digest" {
			part.Type, part.Subtype = "message", "rfc822" // RFC 2046 §5.1.5
		}
	}
	p.total += len(p.hdr)
	p.fields(f)
	p.hdr, p.keep = p.hdr[:0], 0
	part.BodyOffset = m.off
	f.lf = m.lf
	p.state = inBody

	switch {
	case part.Type == "multipart":
		p.startMultipart(f)
	case part.Type == "message" && (part.Subtype == "rfc822" || part.Subtype == "global"):
		p.startMessage(f, m)
	default:
		p.preview.startPart(p.stack)
	}
}

func (p *Parser) startMultipart(f *frame) {
	part := f.part
	boundary := boundaryOf(part)
	switch {
	case boundary == "":
		p.defect(DefectNoBoundary, part.HeaderOffset, "Content-Type")
		part.Type, part.Subtype = "text", "plain"
		p.preview.startPart(p.stack)
		return
	case len(p.stack) >= p.opt.MaxDepth:
		p.defect(DefectDepth, part.HeaderOffset, "")
		part.Type, part.Subtype = "application", "octet-stream"
		return
	case transferDecoder(part.Encoding) != nil:
		// RFC 2045 §6.4 allows none on a multipart. Where there is one it is
		// mostly wrong.
		p.defect(DefectEncodedContainer, part.HeaderOffset, "Content-Transfer-Encoding")
	}
	f.multi, f.boundary = true, boundary
	p.countBounds()
}

func (p *Parser) startMessage(f *frame, m mark) {
	part := f.part
	kind := DefectKind(0)
	switch {
	case transferDecoder(part.Encoding) != nil:
		kind = DefectEncodedContainer
	case len(p.stack) >= p.opt.MaxDepth:
		kind = DefectDepth
	case p.parts >= p.opt.MaxParts:
		kind = DefectPartCount
	default:
		p.parts++
		child := &Part{Located: true}
		part.Envelope = &Envelope{}
		part.Children = []*Part{child}
		p.push(frame{part: child, env: part.Envelope}, m)
		return
	}
	p.defect(kind, part.HeaderOffset, "")
	part.Type, part.Subtype = "application", "octet-stream"
}

// boundaryOf returns the boundary that a multipart has, without the trailing
// blanks that RFC 2046 §5.1.1 forbids. It is empty if there is none that can be
// matched.
func boundaryOf(p *Part) string {
	b := p.Param("boundary")
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	if len(b) > maxBoundary {
		return ""
	}
	return b
}

// maxBoundary bounds what must be kept of a line to compare it. RFC 2046
// §5.1.1 allows 70.
const maxBoundary = 1000
