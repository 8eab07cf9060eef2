package smtp

import (
	"errors"
	"strings"
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
	append: func(dst []byte, o *MailOptions) ([]byte, bool, error) {
		switch o.Body {
		case "":
			return dst, false, nil
		case Body7Bit, Body8BitMIME, BodyBinaryMIME:
			return append(dst, o.Body...), true, nil
		}
		return dst, false, errors.New("unknown body type")
	},
}

// smtputf8Param is SMTPUTF8 of RFC 6531 §3.4.
var smtputf8Param = mailParam{
	keyword: "SMTPUTF8", ext: ExtSMTPUTF8, bare: true,
	parse: func(_ *Parser, o *MailOptions, _ string) bool {
		o.UTF8 = true
		return true
	},
	append: func(dst []byte, o *MailOptions) ([]byte, bool, error) { return dst, o.UTF8, nil },
}
