package smtp

import (
	"errors"
	"strings"
)

// A BodyType is the declared type of a message's content.
type BodyType string

// The body types of RFC 6152 and RFC 3030.
const (
	Body7Bit       BodyType = "7BIT"
	Body8BitMIME   BodyType = "8BITMIME"
	BodyBinaryMIME BodyType = "BINARYMIME"
)

// bodyParam is BODY of RFC 6152 §2 and RFC 3030 §3. Its extension is 8BITMIME;
// the value BINARYMIME needs that extension.
var bodyParam = mailParam{
	keyword: "BODY", ext: Ext8BitMIME,
	parse: func(p *Parser, o *MailOptions, value string) bool {
		switch {
		case strings.EqualFold(value, string(Body7Bit)):
			o.Body = Body7Bit
		case strings.EqualFold(value, string(Body8BitMIME)):
			o.Body = Body8BitMIME
		case strings.EqualFold(value, string(BodyBinaryMIME)) && p.Extensions.Has(ExtBinaryMIME):
			o.Body = BodyBinaryMIME
		default:
			return false
		}
		return true
	},
	append: func(dst []byte, o *MailOptions, _ bool) ([]byte, bool, error) {
		switch o.Body {
		case "":
			return dst, false, nil
		case Body7Bit, Body8BitMIME, BodyBinaryMIME:
			return append(dst, o.Body...), true, nil
		}
		return dst, false, errors.New("unknown body type")
	},
}
