package wire

import "github.com/posthorn-mail/posthorn/mailbox/message"

// BodyStructure appends the structure of a part (RFC 9051 §7.5.2): with ext that
// of BODYSTRUCTURE, without that of BODY, which has no extension data.
func (e *Encoder) BodyStructure(p *message.Part, ext bool) *Encoder {
	switch {
	case p == nil:
		p = &message.Part{Type: "text", Subtype: "plain"}
		return e.singlePart(p, ext)
	case p.Type == "multipart":
		return e.multipart(p, ext)
	}
	return e.singlePart(p, ext)
}

func (e *Encoder) multipart(p *message.Part, ext bool) *Encoder {
	e.Raw("(")
	for _, c := range p.Children {
		e.BodyStructure(c, ext)
	}
	if len(p.Children) == 0 { // the grammar wants one
		e.BodyStructure(nil, ext)
	}
	e.SP().String(p.Subtype)
	if ext {
		e.SP().params(p.Params).SP().disposition(p).SP().languages(p.Language).SP().NString(p.Location)
	}
	return e.Raw(")")
}

func (e *Encoder) singlePart(p *message.Part, ext bool) *Encoder {
	encoding := p.Encoding
	if encoding == "" {
		encoding = "7bit"
	}
	e.Raw("(").String(p.Type).SP().String(p.Subtype).SP()
	if p.Type == "text" && p.Subtype == "plain" && len(p.Params) == 0 {
		e.Raw(`("charset" "us-ascii")`) // RFC 2045 §5.2
	} else {
		e.params(p.Params)
	}
	e.SP().NString(p.ID).SP().NString(p.Description).SP().String(encoding).SP().Int(p.BodySize)
	switch {
	case p.Type == "text":
		e.SP().Int(p.Lines)
	case p.Type == "message" && (p.Subtype == "rfc822" || p.Subtype == "global" && e.Rev2):
		e.SP()
		if len(p.Children) == 1 {
			inner := p.Children[0]
			env := inner.Envelope
			if env == nil {
				env = p.Envelope
			}
			e.Envelope(env).SP().BodyStructure(inner, ext)
		} else {
			e.Envelope(p.Envelope).SP().BodyStructure(nil, ext)
		}
		e.SP().Int(p.Lines)
	}
	if ext {
		e.SP().NString(p.MD5).SP().disposition(p).SP().languages(p.Language).SP().NString(p.Location)
	}
	return e.Raw(")")
}

func (e *Encoder) params(list []message.Param) *Encoder {
	if len(list) == 0 {
		return e.NIL()
	}
	e.Raw("(")
	for i := range list {
		if i > 0 {
			e.SP()
		}
		e.String(list[i].Name).SP().String(list[i].Value)
	}
	return e.Raw(")")
}

func (e *Encoder) disposition(p *message.Part) *Encoder {
	if p.Disposition == "" {
		return e.NIL()
	}
	return e.Raw("(").String(p.Disposition).SP().params(p.DispositionParams).Raw(")")
}

func (e *Encoder) languages(list []string) *Encoder {
	switch len(list) {
	case 0:
		return e.NIL()
	case 1:
		return e.String(list[0])
	}
	e.Raw("(")
	for i, l := range list {
		if i > 0 {
			e.SP()
		}
		e.String(l)
	}
	return e.Raw(")")
}
