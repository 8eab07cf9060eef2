package imapserver

import (
	"bytes"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox/message"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// Text is searched without regard to case, after encoded words, transfer
// encodings and charsets have been undone (RFC 9051 §6.4.4). What is searched:
//
//   - FROM, TO, CC, BCC, SUBJECT and other fields of the envelope: its strings,
//     addresses as "Name <local@domain>";
//   - HEADER with another field: the header itself;
//   - BODY: every part of type text, and the headers of parts and of messages
//     within the message; parts of other types are passed over;
//   - TEXT: the header and all that BODY looks at.

// maxSearchedHeader bounds how much of one header is looked at.
const maxSearchedHeader = 1 << 20

// headerTest tests for a field that contains a text.
func (p *program) headerTest(k search.Header) (node, error) {
	needle := fold(nil, []byte(k.Value))
	if text := envelopeText(k.Field); text != nil && k.Value != "" {
		p.levels |= needsSummary
		return test{needsSummary, func(c *candidate) (bool, error) {
			p.scan.line = text(p.scan.line[:0], &c.msg.Summary.Envelope)
			return p.scan.contains(p.scan.line, needle), nil
		}}, nil
	}
	return p.contentTest(func(c *candidate) (bool, error) {
		return p.scan.header(c.msg.Content, c.msg.Summary.Root.Header(), func(f message.Field) bool {
			return f.Is(k.Field) && p.scan.containsText(f.Value(), needle)
		})
	})
}

func (p *program) textTest(value string, header bool) (node, error) {
	needle := fold(nil, []byte(value))
	return p.contentTest(func(c *candidate) (bool, error) {
		root := c.msg.Summary.Root
		if header {
			if ok, err := p.scan.anyField(c.msg.Content, root, needle); ok || err != nil {
				return ok, err
			}
		}
		return p.scan.body(c.msg.Content, root, needle)
	})
}

func (p *program) contentTest(try func(*candidate) (bool, error)) (node, error) {
	p.levels |= needsContent
	if p.texts++; p.texts > maxTexts {
		return nil, no(imap.CodeLimit, "too many texts to search for at once")
	}
	return test{needsContent, try}, nil
}

// envelopeText returns the function that appends the text of an envelope
// field, nil if the envelope does not have the field.
func envelopeText(field string) func([]byte, *message.Envelope) []byte {
	addresses := func(list func(*message.Envelope) []message.Address) func([]byte, *message.Envelope) []byte {
		return func(b []byte, env *message.Envelope) []byte { return appendAddresses(b, list(env)) }
	}
	switch strings.ToLower(field) {
	case "subject":
		return func(b []byte, env *message.Envelope) []byte {
			return append(b, message.DecodeText(env.Subject)...)
		}
	case "from":
		return addresses(func(env *message.Envelope) []message.Address { return env.From })
	case "sender":
		return addresses(func(env *message.Envelope) []message.Address { return env.Sender })
	case "reply-to":
		return addresses(func(env *message.Envelope) []message.Address { return env.ReplyTo })
	case "to":
		return addresses(func(env *message.Envelope) []message.Address { return env.To })
	case "cc":
		return addresses(func(env *message.Envelope) []message.Address { return env.Cc })
	case "bcc":
		return addresses(func(env *message.Envelope) []message.Address { return env.Bcc })
	case "message-id":
		return func(b []byte, env *message.Envelope) []byte { return append(b, env.MessageID...) }
	}
	return nil
}

func appendAddresses(b []byte, list []message.Address) []byte {
	for _, a := range list {
		name := message.DecodeText(a.Name)
		switch a.Kind {
		case message.GroupStart:
			b = append(append(b, name...), ": "...)
		case message.GroupEnd:
			b = append(b, "; "...)
		default:
			if name != "" {
				b = append(append(b, name...), ' ')
			}
			b = append(append(b, '<'), a.Local...)
			b = append(append(b, '@'), a.Domain...)
			b = append(b, ">, "...)
		}
	}
	return b
}

// A scanner holds the buffers for searching texts.
type scanner struct {
	line, raw, folded []byte
}

// contains reports whether text contains the needle, which has been folded.
func (s *scanner) contains(text, needle []byte) bool {
	s.folded = fold(s.folded[:0], text)
	return bytes.Contains(s.folded, needle)
}

func (s *scanner) containsText(value string, needle []byte) bool {
	s.line = append(s.line[:0], message.DecodeText(value)...)
	return s.contains(s.line, needle)
}

// header reports whether one of the fields of a header matches.
func (s *scanner) header(c io.ReaderAt, span message.Span, match func(message.Field) bool) (bool, error) {
	h, err := message.ReadHeader(span.Reader(c), maxSearchedHeader)
	if err != nil {
		return false, err
	}
	for f := range h.All() {
		if match(f) {
			return true, nil
		}
	}
	return false, nil
}

func (s *scanner) anyField(c io.ReaderAt, p *message.Part, needle []byte) (bool, error) {
	return s.header(c, p.Header(), func(f message.Field) bool {
		return s.containsText(f.Name()+": "+f.Value(), needle)
	})
}

// body searches the parts.
func (s *scanner) body(c io.ReaderAt, root *message.Part, needle []byte) (found bool, err error) {
	root.Walk(func(_ []int, p *message.Part) bool {
		if found || err != nil {
			return false
		}
		if p != root {
			found, err = s.anyField(c, p, needle)
		}
		if !found && err == nil && p.Type == "text" {
			found, err = s.reader(message.DecodedBody(c, p), needle)
		}
		return !found && err == nil
	})
	return found, err
}

// scanChunk is how much of a text is in memory at a time.
const scanChunk = 32 << 10

// reader searches a stream of UTF-8.
func (s *scanner) reader(r io.Reader, needle []byte) (bool, error) {
	if len(needle) == 0 {
		return true, nil
	}
	if cap(s.raw) < scanChunk {
		s.raw = make([]byte, scanChunk)
	}
	raw := s.raw[:scanChunk]
	s.folded = s.folded[:0]
	have := 0 // octets of a character that is not complete yet
	for {
		n, err := r.Read(raw[have:])
		have += n
		whole := have
		if err == nil {
			whole = completeRunes(raw[:have])
		}
		s.folded = fold(s.folded, raw[:whole])
		if bytes.Contains(s.folded, needle) {
			return true, nil
		}
		if keep := len(needle) - 1; len(s.folded) > keep {
			s.folded = append(s.folded[:0], s.folded[len(s.folded)-keep:]...)
		}
		have = copy(raw, raw[whole:have])
		if err == io.EOF {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
}

// completeRunes returns the length of b without a character cut at its end.
func completeRunes(b []byte) int {
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		if c := b[len(b)-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(b[len(b)-i:]) {
				return len(b) - i
			}
			break
		}
	}
	return len(b)
}

// fold appends text in lower case, character by character: by way of the upper
// case, so that characters that share one are alike (σ and ς).
func fold(dst, text []byte) []byte {
	for len(text) > 0 {
		if c := text[0]; c < utf8.RuneSelf {
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			dst = append(dst, c)
			text = text[1:]
			continue
		}
		r, n := utf8.DecodeRune(text)
		if r == utf8.RuneError && n == 1 {
			dst = append(dst, text[0])
		} else {
			dst = utf8.AppendRune(dst, unicode.ToLower(unicode.ToUpper(r)))
		}
		text = text[n:]
	}
	return dst
}
