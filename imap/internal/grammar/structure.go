package grammar

import (
	"strings"

	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// readStructure reads the structure of a message from BODY or BODYSTRUCTURE
// (RFC 9051 §7.5.2). The parts have no offsets.
func readStructure(d *decoder, p *message.Part) bool {
	return d.Retry(func() bool {
		*p = message.Part{}
		d.kids = d.kids[:0]
		return readPart(d, p)
	})
}

func readPart(d *decoder, p *message.Part) bool {
	if !d.Element() || !d.Enter() || !d.Special('(') {
		return false
	}
	defer d.Leave()
	for d.Try(' ') {
	}
	if d.Peek() == '(' {
		first := len(d.kids)
		for d.Peek() == '(' {
			c := &d.parts.take(1)[0]
			if !readPart(d, c) {
				return false
			}
			d.kids = append(d.kids, c)
			for d.PeekAt(1) == '(' && d.Try(' ') {
			}
		}
		p.Children = d.children.take(len(d.kids) - first)
		copy(p.Children, d.kids[first:])
		d.kids = d.kids[:first]
		return d.SP() && readMultipart(d, p)
	}
	var some bool
	if !d.NString(&p.Type, &some) || !d.SP() {
		return false
	}
	if !some { // NIL instead of the parts
		return readMultipart(d, p)
	}
	p.Type = strings.ToLower(p.Type)
	if d.Peek() == '(' { // no subtype: `("X-ZIP" ("BOUNDARY" "") …`
		p.Type, p.Subtype = "application", p.Type
	} else if !readText(d, &p.Subtype) || !d.SP() {
		return false
	}
	p.Subtype = strings.ToLower(p.Subtype)
	return readSinglePart(d, p)
}

// more takes a blank if the list continues after it.
func more(d *decoder) bool {
	for d.Peek() == ' ' && (d.PeekAt(1) == ' ' || d.PeekAt(1) == ')') {
		d.Try(' ')
	}
	return d.Peek() == ' ' && d.SP()
}

// readMultipart reads a multipart from its subtype on.
func readMultipart(d *decoder, p *message.Part) bool {
	p.Type = "multipart"
	if !readText(d, &p.Subtype) {
		return false
	}
	p.Subtype = strings.ToLower(p.Subtype)
	if !more(d) {
		return d.SkipTo()
	}
	return readParams(d, &p.Params) && readPartExtension(d, p) && d.SkipTo()
}

// readSinglePart reads a single part from its parameters on.
func readSinglePart(d *decoder, p *message.Part) bool {
	if !readParams(d, &p.Params) || !d.SP() || !readText(d, &p.ID) || !d.SP() || !readText(d, &p.Description) || !d.SP() ||
		!readText(d, &p.Encoding) || !d.SP() || !d.Size(&p.BodySize) {
		return false
	}
	if p.Encoding = strings.ToLower(p.Encoding); p.Encoding == "" {
		p.Encoding = "7bit"
	}
	if p.Type == "multipart" { // without parts, in the form of a single part
		return d.SkipTo()
	}
	switch {
	case p.Type == "text":
		if !more(d) {
			return d.SkipTo()
		}
		if !d.Size(&p.Lines) {
			return false
		}
	case p.Type == "message" && (p.Subtype == "rfc822" || p.Subtype == "global") && d.Peek() == ' ' && d.PeekAt(1) == '(':
		env, inner := &message.Envelope{}, &d.parts.take(1)[0]
		if !d.SP() || !readEnvelope(d, env) || !d.SP() || !readPart(d, inner) || !d.SP() || !d.Size(&p.Lines) {
			return false
		}
		inner.Envelope = env
		p.Children = []*message.Part{inner}
	}
	if !more(d) {
		return d.SkipTo()
	}
	return readText(d, &p.MD5) && readPartExtension(d, p) && d.SkipTo()
}

// readPartExtension reads disposition, language and location, as far as present.
func readPartExtension(d *decoder, p *message.Part) bool {
	if !more(d) {
		return true
	}
	if d.Peek() == '(' {
		if !d.Special('(') || !readText(d, &p.Disposition) || more(d) && !readParams(d, &p.DispositionParams) || !d.SkipTo() {
			return false
		}
	} else if !readText(d, &p.Disposition) { // a server sends it as a bare string
		return false
	}
	p.Disposition = strings.ToLower(p.Disposition)
	if !more(d) {
		return true
	}
	if d.Peek() == '(' {
		ok := d.List(func() bool {
			var s string
			if !readText(d, &s) {
				return false
			}
			p.Language = append(p.Language, s)
			return true
		})
		if !ok {
			return false
		}
	} else {
		var s string
		var some bool
		if !d.NString(&s, &some) {
			return false
		}
		if some {
			p.Language = []string{s}
		}
	}
	return !more(d) || readText(d, &p.Location)
}

// readParams reads names and values; NIL or () is the empty list.
func readParams(d *decoder, list *[]message.Param) bool {
	if d.TryKeyword("NIL") {
		return true
	}
	d.list = d.list[:0]
	ok := d.List(func() bool {
		var p message.Param
		if !readText(d, &p.Name) || !d.SP() || !readText(d, &p.Value) {
			return false
		}
		p.Name = strings.ToLower(p.Name)
		d.list = append(d.list, p)
		return true
	})
	if ok && len(d.list) > 0 {
		*list = d.params.take(len(d.list))
		copy(*list, d.list)
	}
	return ok
}

// WriteStructure writes the structure of a part (RFC 9051 §7.5.2), with extension
// data (BODYSTRUCTURE) or without (BODY).
func WriteStructure(e *wire.Encoder, p *message.Part, ext bool) {
	switch {
	case p == nil:
		writeSinglePart(e, &message.Part{Type: "text", Subtype: "plain"}, ext)
	case p.Type == "multipart":
		writeMultipart(e, p, ext)
	default:
		writeSinglePart(e, p, ext)
	}
}

func writeMultipart(e *wire.Encoder, p *message.Part, ext bool) {
	e.Raw("(")
	for _, c := range p.Children {
		WriteStructure(e, c, ext)
	}
	if len(p.Children) == 0 { // the grammar requires one
		WriteStructure(e, nil, ext)
	}
	e.SP().String(p.Subtype)
	if ext {
		e.SP()
		writeParams(e, p.Params)
		writePartExtension(e, p)
	}
	e.Raw(")")
}

func writeSinglePart(e *wire.Encoder, p *message.Part, ext bool) {
	encoding := p.Encoding
	if encoding == "" {
		encoding = "7bit"
	}
	e.Raw("(").String(p.Type).SP().String(p.Subtype).SP()
	if p.Type == "text" && p.Subtype == "plain" && len(p.Params) == 0 {
		e.Raw(`("charset" "us-ascii")`) // RFC 2045 §5.2
	} else {
		writeParams(e, p.Params)
	}
	e.SP().NString(p.ID).SP().NString(p.Description).SP().String(encoding).SP().Int(p.BodySize)
	switch {
	case p.Type == "text":
		e.SP().Int(p.Lines)
	case p.Type == "message" && (p.Subtype == "rfc822" || p.Subtype == "global" && e.Rev2):
		e.SP()
		env, inner := p.Envelope, (*message.Part)(nil)
		if len(p.Children) == 1 {
			if inner = p.Children[0]; inner.Envelope != nil {
				env = inner.Envelope
			}
		}
		WriteEnvelope(e, env)
		e.SP()
		WriteStructure(e, inner, ext)
		e.SP().Int(p.Lines)
	}
	if ext {
		e.SP().NString(p.MD5)
		writePartExtension(e, p)
	}
	e.Raw(")")
}

// writePartExtension writes disposition, language and location.
func writePartExtension(e *wire.Encoder, p *message.Part) {
	e.SP()
	if p.Disposition == "" {
		e.NIL()
	} else {
		e.Raw("(").String(p.Disposition).SP()
		writeParams(e, p.DispositionParams)
		e.Raw(")")
	}
	e.SP()
	switch len(p.Language) {
	case 0:
		e.NIL()
	case 1:
		e.String(p.Language[0])
	default:
		writeAll(e, p.Language, func(l string) { e.String(l) })
	}
	e.SP().NString(p.Location)
}

func writeParams(e *wire.Encoder, list []message.Param) {
	if len(list) == 0 {
		e.NIL()
		return
	}
	writeAll(e, list, func(p message.Param) { e.String(p.Name).SP().String(p.Value) })
}
