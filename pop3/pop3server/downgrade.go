package pop3server

import (
	"mime"
	"strings"

	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// maxAddresses bounds the addresses of a field that is downgraded.
const maxAddresses = 1000

// invalidAddress stands for an address that a conventional client can't use.
var invalidAddress = message.Address{Local: "invalid", Domain: "internationalized-address.invalid"}

// downgrade converts an internationalized header to a conventional one, as
// described in RFC 6858: display names and unstructured text become encoded
// words (RFC 2047), addresses that are not ASCII are replaced by one that can't
// be replied to, parameters and fields that have no conventional form are
// omitted. The user sees a message that is incomplete rather than altered.
func downgrade(header []byte) []byte {
	out := make([]byte, 0, len(header)+len(header)/2)
	for f := range message.Header(header).All() {
		if isASCII(f) {
			out = append(out, f...)
		} else {
			out = appendDowngraded(out, f)
		}
	}
	return append(out, "\r\n"...)
}

func appendDowngraded(out []byte, f message.Field) []byte {
	name := f.Name()
	if !isASCII([]byte(name)) {
		return out
	}
	var value string
	switch lower := strings.TrimPrefix(strings.ToLower(name), "resent-"); lower {
	case "from", "sender", "reply-to", "to", "cc", "bcc":
		var ok bool
		if value, ok = downgradeAddresses(f.Value()); !ok {
			return out
		}
	case "subject", "comments", "content-description", "thread-topic":
		value = encodeWords(f.Value())
	case "content-type", "content-disposition":
		value = asciiParams(f.Value())
	default:
		return out
	}
	out = append(append(out, name...), ": "...)
	return append(append(out, value...), "\r\n"...)
}

// encodeWords returns s as encoded words, one on each line.
func encodeWords(s string) string {
	return strings.ReplaceAll(mime.BEncoding.Encode("utf-8", s), "?= =?", "?=\r\n =?")
}

func downgradeAddresses(s string) (string, bool) {
	list, _ := message.ParseAddressList(s, maxAddresses)
	for i := range list {
		a := &list[i]
		if a.Kind == message.Mailbox && !isASCII([]byte(a.Local+a.Domain)) {
			a.Local, a.Domain = invalidAddress.Local, invalidAddress.Domain
		}
		if !isASCII([]byte(a.Name)) {
			a.Name = mime.BEncoding.Encode("utf-8", a.Name)
		}
	}
	b, err := message.AppendAddresses(nil, list)
	if err != nil || !isASCII(b) {
		return "", false
	}
	return strings.ReplaceAll(string(b), ", ", ",\r\n "), len(list) > 0
}

// asciiParams omits the parameters that are not ASCII.
func asciiParams(s string) string {
	var keep []string
	quoted := false
	start := 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) && (s[i] != ';' || quoted) {
			switch s[i] {
			case '"':
				quoted = !quoted
			case '\\':
				if quoted {
					i++
				}
			}
			continue
		}
		if p := s[start:min(i, len(s))]; isASCII([]byte(p)) {
			keep = append(keep, strings.TrimSpace(p))
		}
		start = i + 1
	}
	return strings.Join(keep, ";\r\n ")
}
