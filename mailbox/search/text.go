package search

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// A textTest is a text to look for in the content of a message.
type textTest struct {
	field    string // in the fields of that name of its header, in lower case
	inHeader bool   // in every field of its header
	inBody   bool   // in the parts that Body searches
	needle   []byte // folded
}

func (t textTest) equal(u textTest) bool {
	return t.field == u.field && t.inHeader == u.inHeader && t.inBody == u.inBody && bytes.Equal(t.needle, u.needle)
}

// textTest returns the test for a text. Tests for the same text are one.
func (p *Program) textTest(n needs, t textTest, value string) test {
	p.textKeys++
	t.needle = fold(nil, []byte(value))
	i := slices.IndexFunc(p.texts, t.equal)
	if i < 0 {
		i = len(p.texts)
		p.texts = append(p.texts, t)
	}
	return test{needs: n, try: func(r *run) verdict { return r.found[i] }}
}

// maxSearchedHeader bounds how much of one header is looked at.
const maxSearchedHeader = 1 << 20

// errDecided ends the reading of a message whose verdict is known.
var errDecided = errors.New("search: decided")

// readTexts reads the message once and looks for all texts together, until the
// search is decided. A text that is not found by the end is absent; after an error
// that is unknown.
func (r *run) readTexts() error {
	err := r.readHeader()
	if err == nil && r.have&needsContent != 0 {
		var root *message.Part
		if root, err = r.msg.Located(); err == nil {
			root.Walk(func(_ []int, p *message.Part) bool {
				if err == nil {
					err = r.readPart(p, p == root)
				}
				return err == nil
			})
		}
	}
	if err == errDecided {
		return nil
	}
	if err == nil {
		r.ruleOut(func(textTest) bool { return true })
	}
	return err
}

// ruleOut marks texts that have not been found as absent.
func (r *run) ruleOut(which func(textTest) bool) {
	for i, t := range r.texts {
		if r.found[i] == unknown && which(t) {
			r.found[i] = mismatch
		}
	}
}

// decided returns errDecided if the search is decided.
func (r *run) decided() error {
	if err := r.spend(keyCost * r.leaves); err != nil {
		return err
	}
	if r.root.eval(r) != unknown {
		return errDecided
	}
	return nil
}

// contains is bytes.Contains, and counts the work. It finds nothing once the search
// has ended.
func (r *run) contains(text, needle []byte) bool {
	return r.spend(len(text)) == nil && bytes.Contains(text, needle)
}

// readHeader searches the header of the message.
func (r *run) readHeader() error {
	if !slices.ContainsFunc(r.texts, func(t textTest) bool { return t.inHeader || t.field != "" }) {
		return nil
	}
	h, err := message.ReadHeader(headerOf(r.msg), maxSearchedHeader)
	if err != nil {
		return err
	}
	for f := range h.All() {
		if err := r.fieldRead(f); err != nil {
			return err
		}
		var value []byte // decoded and folded
		news := false
		for i, t := range r.texts {
			if r.found[i] != unknown || t.field == "" || !f.Is(t.field) {
				continue
			}
			if value == nil {
				value = r.scan.foldText(f.Value())
			}
			if r.contains(value, t.needle) {
				r.found[i], news = match, true
			}
		}
		if r.inField(f, func(t textTest) bool { return t.inHeader }) || news {
			if err := r.decided(); err != nil {
				return err
			}
		}
	}
	r.ruleOut(func(t textTest) bool { return !t.inBody })
	return r.decided()
}

// fieldRead counts the work of a field, but for what contains does.
func (r *run) fieldRead(f message.Field) error {
	return r.spend(readCost*len(f) + keyCost*len(r.texts))
}

// inField searches a whole field for texts, and reports whether it has found one.
func (r *run) inField(f message.Field, here func(textTest) bool) (news bool) {
	var text []byte
	for i, t := range r.texts {
		if r.found[i] != unknown || !here(t) {
			continue
		}
		if text == nil {
			text = r.scan.foldText(f.Name() + ": " + f.Value())
		}
		if r.contains(text, t.needle) {
			r.found[i], news = match, true
		}
	}
	return news
}

// readPart searches a part: its header, unless it is that of the message, and its
// body, if that is text.
func (r *run) readPart(p *message.Part, root bool) error {
	if !root {
		h, err := message.ReadHeader(p.Header().Reader(r.msg.Content), maxSearchedHeader)
		if err != nil {
			return err
		}
		for f := range h.All() {
			if err := r.fieldRead(f); err != nil {
				return err
			}
			if r.inField(f, func(t textTest) bool { return t.inBody }) {
				if err := r.decided(); err != nil {
					return err
				}
			}
		}
	}
	if p.Type != "text" {
		return r.ctx.Err()
	}
	return r.scan.stream(r.ctx, message.DecodedBody(r.msg.Content, p), r.longest, func(text []byte, from int) error {
		if err := r.spend(readCost * len(text)); err != nil {
			return err
		}
		news := false
		for i, t := range r.texts {
			if r.found[i] == unknown && t.inBody && r.contains(text[max(0, from-len(t.needle)+1):], t.needle) {
				r.found[i], news = match, true
			}
		}
		if news {
			return r.decided()
		}
		return r.err
	})
}

// A scanner holds the buffers for searching texts.
type scanner struct {
	line, raw, folded []byte
}

// foldText returns the text of a field, decoded and folded. It is valid until
// the next call.
func (s *scanner) foldText(text string) []byte {
	s.line = append(s.line[:0], message.DecodeText(text)...)
	s.folded = fold(s.folded[:0], s.line)
	return s.folded
}

// scanChunk is how much of a text is read at a time.
const scanChunk = 32 << 10

// stream folds a stream of UTF-8 and calls look for each piece. The new octets of
// text begin at from; before them are the last octets of the previous piece, so
// that a text of the longest length is found across two pieces. An error of look
// or a context that is done ends the stream.
func (s *scanner) stream(ctx context.Context, r io.Reader, longest int, look func(text []byte, from int) error) error {
	if cap(s.raw) < scanChunk {
		s.raw = make([]byte, scanChunk)
	}
	raw := s.raw[:scanChunk]
	s.folded = s.folded[:0]
	have := 0 // octets of a character that is not complete yet
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		// In whole chunks, however little is decoded at a time: with each, as much
		// of what precedes it is searched as the longest text has.
		var err error
		for have < len(raw) && err == nil {
			var n int
			n, err = r.Read(raw[have:])
			have += n
		}
		whole := have
		if err == nil {
			whole = completeRunes(raw[:have])
		}
		from := len(s.folded)
		s.folded = fold(s.folded, raw[:whole])
		if err := look(s.folded, from); err != nil {
			return err
		}
		if keep := max(0, longest-1); len(s.folded) > keep {
			s.folded = append(s.folded[:0], s.folded[len(s.folded)-keep:]...)
		}
		have = copy(raw, raw[whole:have])
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
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
