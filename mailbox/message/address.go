package message

import "strings"

// ParseAddressList reads the value of a field such as To: the addresses and
// groups of RFC 5322 §3.4, with comments, folds and the obsolete forms of §4.4.
// It reads malformed text as well as it can, and a malformed address does not
// hide those around it. ok is false if it had to guess. At most max elements
// are returned; zero means no limit but the length of s.
func ParseAddressList(s string, max int) (list []Address, ok bool) {
	if max <= 0 {
		max = len(s) + 2
	}
	if strings.ContainsAny(s, "\x00\r\n") {
		text, _ := unfold(nil, []byte(s))
		s = string(text)
	}
	p := addressParser{s: s, max: max}
	list = p.parse(nil)
	return list, !p.broken && !p.full
}

// An addressParser goes through the text once from left to right; every part
// of it is linear in the length of s.
type addressParser struct {
	s      string
	i      int
	max    int
	n      int
	broken bool
	full   bool

	// Once a quoted string, comment or domain literal was found to have no end,
	// none that starts later has one.
	noQuote, noComment, noLiteral bool
	noWord                        int // no encoded word ends before this place

	phrase  []word
	comment string // the last comment of the address being read
}

// A word is an atom or quoted string of a phrase or of an address.
type word struct {
	text   string
	spaced bool // blanks or a comment stand before it
	at     bool // an "@" outside of quotes
}

func (p *addressParser) parse(list []Address) []Address {
	inGroup := false
	for p.i < len(p.s) && !p.full {
		p.collect(inGroup)
		var c byte
		if p.i < len(p.s) {
			c = p.s[p.i]
		}
		switch c {
		case ':':
			p.i++
			list = p.add(list, Address{Kind: GroupStart, Name: p.phraseText(len(p.phrase))})
			inGroup = !p.full
		case '<':
			p.i++
			list = p.angle(list)
		case ';':
			p.i++
			list = p.bare(list)
			if inGroup {
				list = p.endGroup(list)
				inGroup = false
			} else {
				p.broken = true
			}
		default: // a comma or the end
			p.i++
			list = p.bare(list)
		}
	}
	if inGroup {
		p.broken = true
		list = p.endGroup(list)
	}
	return list
}

// endGroup closes a group that add has started, even beyond the limit.
func (p *addressParser) endGroup(list []Address) []Address {
	return append(list, Address{Kind: GroupEnd})
}

func (p *addressParser) add(list []Address, a Address) []Address {
	if p.n >= p.max {
		p.full = true
		return list
	}
	p.n++
	return append(list, a)
}

// collect reads words up to a comma, semicolon, "<", the colon after a group's
// name, or the end.
func (p *addressParser) collect(inGroup bool) {
	p.phrase, p.comment = p.phrase[:0], ""
	spaced, at := false, false
	for p.i < len(p.s) {
		switch c := p.s[p.i]; c {
		case ' ', '\t', '\r', '\n':
			p.i++
			spaced = true
		case '(':
			if p.skipComment() {
				spaced = true
				continue
			}
			p.word(spaced)
			spaced = false
		case ',', ';', '<':
			return
		case ':':
			if !inGroup && !at {
				return
			}
			p.broken = true
			p.word(spaced)
			spaced = false
		case '@':
			p.i++
			p.push(word{text: "@", spaced: spaced, at: true})
			spaced, at = false, true
		case '"':
			if text, ok := p.quoted(); ok {
				p.push(word{text: text, spaced: spaced})
			} else {
				p.word(spaced)
			}
			spaced = false
		case '[':
			if !p.literal(spaced) {
				p.word(spaced)
			}
			spaced = false
		default:
			p.word(spaced)
			spaced = false
		}
	}
}

// word reads an atom. A character that no atom may contain is taken as one
// where an atom must stand.
func (p *addressParser) word(spaced bool) {
	start := p.i
	if n := p.encodedWord(); n > 0 {
		p.i += n
	} else {
		if isSpecial(p.s[p.i]) {
			p.broken = true
		}
		p.i++
		for p.i < len(p.s) && !isSpecial(p.s[p.i]) && p.s[p.i] != ' ' && p.s[p.i] != '\t' {
			if p.s[p.i] == '=' && p.encodedWord() > 0 {
				break
			}
			p.i++
		}
	}
	p.push(word{text: p.s[start:p.i], spaced: spaced})
}

// maxWords bounds what is collected of one address.
const maxWords = 1000

func (p *addressParser) push(w word) {
	if len(p.phrase) == maxWords {
		p.broken = true
		return
	}
	p.phrase = append(p.phrase, w)
}

// encodedWord returns the length of the encoded word at i, or 0. Its text may
// contain what a phrase may not, such as commas, which many senders do not
// encode (against RFC 2047 §5).
func (p *addressParser) encodedWord() int {
	s := p.s[p.i:]
	if p.i < p.noWord || !strings.HasPrefix(s, "=?") {
		return 0
	}
	marks := 0
	for i := 2; i < len(s); i++ {
		switch c := s[i]; {
		case c == '?':
			if marks++; marks >= 3 && i+1 < len(s) && s[i+1] == '=' {
				return i + 2
			}
		case c <= ' ' || c == '"' || c == '<' || c == '>':
			p.noWord = p.i + i
			return 0
		}
	}
	p.noWord = len(p.s)
	return 0
}

func isSpecial(c byte) bool {
	switch c {
	case '(', ')', '<', '>', '[', ']', ':', ';', '@', '\\', ',', '"':
		return true
	}
	return false
}

// quoted reads the quoted string at i.
func (p *addressParser) quoted() (string, bool) {
	if p.noQuote {
		return "", false
	}
	start, escaped := p.i+1, false
	for i := start; i < len(p.s); i++ {
		switch p.s[i] {
		case '\\':
			escaped = true
			i++
		case '"':
			p.i = i + 1
			if !escaped {
				return p.s[start:i], true
			}
			return unescape(p.s[start:i]), true
		}
	}
	p.noQuote, p.broken = true, true
	return "", false
}

// unescape removes the backslashes of quoted pairs.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}

// skipComment reads the comment at i, nested comments included, and stores it.
func (p *addressParser) skipComment() bool {
	if p.noComment {
		return false
	}
	depth := 0
	for i := p.i; i < len(p.s); i++ {
		switch p.s[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				p.comment = p.s[p.i+1 : i]
				p.i = i + 1
				return true
			}
		}
	}
	p.noComment, p.broken = true, true
	return false
}

// literal reads the domain literal at i.
func (p *addressParser) literal(spaced bool) bool {
	if p.noLiteral {
		return false
	}
	n := strings.IndexByte(p.s[p.i:], ']')
	if n < 0 {
		p.noLiteral = true
		return false
	}
	p.push(word{text: p.s[p.i : p.i+n+1], spaced: spaced})
	p.i += n + 1
	return true
}

// phraseText is the text of the first n words, with a space where there were
// blanks.
func (p *addressParser) phraseText(n int) string {
	return joinWords(p.phrase[:n])
}

func joinWords(words []word) string {
	if len(words) == 1 {
		return words[0].text
	}
	var b strings.Builder
	for i, w := range words {
		if i > 0 && w.spaced {
			b.WriteByte(' ')
		}
		b.WriteString(w.text)
	}
	return b.String()
}

// bare adds the address that was collected without angle brackets: an
// addr-spec. Its name may follow as a comment or, against the rules, precede
// it.
func (p *addressParser) bare(list []Address) []Address {
	if len(p.phrase) == 0 {
		return list
	}
	var a Address
	last := p.lastAt()
	switch {
	case last < 0 && len(p.phrase) == 1:
		a.Local = p.phrase[0].text
		p.broken = true
	case last < 0:
		a.Name = p.phraseText(len(p.phrase))
		p.broken = true
	default:
		// Blanks within an address may stand around dots and the "@" (RFC 5322
		// §4.4); a word that only blanks separate from it is not part of it.
		start := last
		for start > 0 && (start == last || !p.apart(start)) {
			start--
		}
		end := last + 1
		for end < len(p.phrase) && (end == last+1 || !p.apart(end)) {
			end++
		}
		if start > 0 || end < len(p.phrase) || start == last || end == last+1 {
			p.broken = true
		}
		a.Local = squeeze(p.phrase[start:last])
		a.Domain = squeeze(p.phrase[last+1 : end])
		rest := append(p.phrase[:start:start], p.phrase[end:]...)
		a.Name = joinWords(rest)
	}
	if a.Name == "" {
		a.Name = p.commentName()
	}
	return p.add(list, a)
}

// lastAt returns the place of the "@" before the domain, or -1.
func (p *addressParser) lastAt() int {
	last := -1
	for i, w := range p.phrase {
		if w.at {
			p.broken = p.broken || last >= 0
			last = i
		}
	}
	return last
}

// apart reports whether blanks separate the words at i-1 and i, with no dot or
// "@" between them.
func (p *addressParser) apart(i int) bool {
	before, w := p.phrase[i-1], p.phrase[i]
	return w.spaced && !w.at && !before.at && !strings.HasSuffix(before.text, ".") && !strings.HasPrefix(w.text, ".")
}

func squeeze(words []word) string {
	if len(words) == 1 {
		return words[0].text
	}
	var b strings.Builder
	for _, w := range words {
		b.WriteString(w.text)
	}
	return b.String()
}

// commentName is the name given in a comment next to an address, as was usual
// before RFC 822.
func (p *addressParser) commentName() string {
	return strings.TrimSpace(unescape(p.comment))
}

// angle reads the address after a "<", whose name was collected.
func (p *addressParser) angle(list []Address) []Address {
	a := Address{Name: p.phraseText(len(p.phrase))}
	p.phrase = p.phrase[:0]
	spaced, done := false, false
	routed := false
	for p.i < len(p.s) && !done {
		switch c := p.s[p.i]; c {
		case ' ', '\t', '\r', '\n':
			p.i++
			spaced = true
		case '>', ',', ';':
			// A comma may belong to a source route.
			if c == ',' && !routed && len(p.phrase) > 0 && p.phrase[0].at {
				p.i++
				p.push(word{text: ","})
				continue
			}
			done = true
		case '(':
			if !p.skipComment() {
				p.word(spaced)
			}
		case ':':
			if !routed && len(p.phrase) > 0 && p.phrase[0].at {
				a.Route = squeeze(p.phrase)
				p.phrase, routed = p.phrase[:0], true
				p.i++
				continue
			}
			p.word(spaced)
		case '@':
			p.i++
			p.push(word{text: "@", at: true})
		case '"':
			if text, ok := p.quoted(); ok {
				p.push(word{text: text})
			} else {
				p.word(spaced)
			}
		case '[':
			if !p.literal(spaced) {
				p.word(spaced)
			}
		default:
			p.word(spaced)
		}
	}
	if last := p.lastAt(); last >= 0 {
		a.Local, a.Domain = squeeze(p.phrase[:last]), squeeze(p.phrase[last+1:])
	} else {
		a.Local = squeeze(p.phrase)
	}
	if a.Local == "" || a.Domain == "" {
		p.broken = true
	}
	p.phrase = p.phrase[:0]
	if p.i < len(p.s) && p.s[p.i] == '>' {
		p.i++
		p.afterAngle()
	} else {
		p.broken = true
	}
	if a.Name == "" {
		a.Name = p.commentName()
	}
	return p.add(list, a)
}

// afterAngle skips comments and blanks after a ">". Where no comma follows,
// another address begins.
func (p *addressParser) afterAngle() {
	for p.i < len(p.s) {
		switch p.s[p.i] {
		case ' ', '\t', '\r', '\n':
			p.i++
		case '(':
			if !p.skipComment() {
				return
			}
		case ',':
			p.i++
			return
		case ';':
			return
		default:
			p.broken = true
			return
		}
	}
}
