package grammar

import (
	"strings"

	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// ParseStructure reads the structure of a message from BODY or BODYSTRUCTURE
// (RFC 9051 §7.5.2). The parts have no offsets.
func ParseStructure(d *wire.Decoder, p *message.Part) bool {
	return d.Retry(func() bool {
		*p = message.Part{}
		return structure(d, p)
	})
}

func structure(d *wire.Decoder, p *message.Part) bool {
	if !d.Element() || !d.Enter() || !d.Special('(') {
		return false
	}
	defer d.Leave()
	for d.Try(' ') {
	}
	if d.Peek() == '(' {
		for d.Peek() == '(' {
			c := &message.Part{}
			if !structure(d, c) {
				return false
			}
			p.Children = append(p.Children, c)
			for d.PeekAt(1) == '(' && d.Try(' ') {
			}
		}
		return d.SP() && multipart(d, p)
	}
	var some bool
	if !d.NString(&p.Type, &some) || !d.SP() {
		return false
	}
	if !some { // NIL where the parts belong
		return multipart(d, p)
	}
	p.Type = strings.ToLower(p.Type)
	if d.Peek() == '(' { // no subtype: `("X-ZIP" ("BOUNDARY" "") …`
		p.Type, p.Subtype = "application", p.Type
	} else if !text(d, &p.Subtype) || !d.SP() {
		return false
	}
	p.Subtype = strings.ToLower(p.Subtype)
	return singlePart(d, p)
}

// more takes a blank if the list goes on behind it.
func more(d *wire.Decoder) bool {
	for d.Peek() == ' ' && (d.PeekAt(1) == ' ' || d.PeekAt(1) == ')') {
		d.Try(' ')
	}
	return d.Peek() == ' ' && d.SP()
}

// multipart reads from the subtype on.
func multipart(d *wire.Decoder, p *message.Part) bool {
	p.Type = "multipart"
	if !text(d, &p.Subtype) {
		return false
	}
	p.Subtype = strings.ToLower(p.Subtype)
	if !more(d) {
		return d.SkipTo()
	}
	return params(d, &p.Params) && extension(d, p) && d.SkipTo()
}

// singlePart reads from the parameters on.
func singlePart(d *wire.Decoder, p *message.Part) bool {
	if !params(d, &p.Params) || !d.SP() || !text(d, &p.ID) || !d.SP() || !text(d, &p.Description) || !d.SP() ||
		!text(d, &p.Encoding) || !d.SP() || !d.Size(&p.BodySize) {
		return false
	}
	if p.Encoding = strings.ToLower(p.Encoding); p.Encoding == "" {
		p.Encoding = "7bit"
	}
	if p.Type == "multipart" { // without parts, in the shape of a single part
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
		env, inner := &message.Envelope{}, &message.Part{}
		if !d.SP() || !ParseEnvelope(d, env) || !d.SP() || !structure(d, inner) || !d.SP() || !d.Size(&p.Lines) {
			return false
		}
		inner.Envelope = env
		p.Children = []*message.Part{inner}
	}
	if !more(d) {
		return d.SkipTo()
	}
	return text(d, &p.MD5) && extension(d, p) && d.SkipTo()
}

// extension reads disposition, language and location, as far as they are there.
func extension(d *wire.Decoder, p *message.Part) bool {
	if !more(d) {
		return true
	}
	if d.Peek() == '(' {
		if !d.Special('(') || !text(d, &p.Disposition) || more(d) && !params(d, &p.DispositionParams) || !d.SkipTo() {
			return false
		}
	} else if !text(d, &p.Disposition) { // a server sends it as a bare string
		return false
	}
	p.Disposition = strings.ToLower(p.Disposition)
	if !more(d) {
		return true
	}
	if d.Peek() == '(' {
		ok := d.List(func() bool {
			var s string
			if !text(d, &s) {
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
	return !more(d) || text(d, &p.Location)
}

// params reads names and values; NIL or () is none.
func params(d *wire.Decoder, list *[]message.Param) bool {
	if d.TryKeyword("NIL") {
		return true
	}
	return d.List(func() bool {
		var p message.Param
		if !text(d, &p.Name) || !d.SP() || !text(d, &p.Value) {
			return false
		}
		p.Name = strings.ToLower(p.Name)
		*list = append(*list, p)
		return true
	})
}
