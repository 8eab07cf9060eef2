package imapserver

import (
	"slices"
	"strings"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// A pattern is a pattern of LIST or LSUB: "*" stands for anything, "%" for anything
// without a separator (RFC 9051 §6.3.9). INBOX, as a name and as a first level,
// matches without regard to case.
//
// It is an automaton. Its state i is that the first i of the octets that are no
// wildcards have matched what has been read of a name, and a wildcard before the
// next one lets the state stay. All states together are bits, which an octet of a
// name moves on at once. So the cost is the length of the name for every 64 octets of
// the pattern, whatever wildcards it has.
type pattern struct {
	text   string
	prefix string // what stands before the first wildcard
	octets int    // without wildcards

	// deep: "%" is the last octet, so that levels that are no mailboxes are
	// listed too. "*" lists what is below them anyway (RFC 3501 §6.3.8).
	deep bool

	// The bits of states, in words for every 64. There are none without wildcards.
	words  int
	within []uint64    // those that stay, with an octet other than the separator
	across []uint64    // those that stay with the separator, too
	row    [256]uint16 // by octet: the place of its row in rows
	rows   []uint64    // states that go on with that octet; the first row is empty
}

func isWildcard(c byte) bool { return c == '*' || c == '%' }

// compile compiles a pattern. It returns nil for one that no name of up to longest
// octets can match.
func compile(text string, longest int) *pattern {
	p := &pattern{text: text, deep: strings.HasSuffix(text, "%")}
	for i := range len(text) {
		if !isWildcard(text[i]) {
			p.octets++
		}
	}
	if p.octets > longest {
		return nil
	}
	first := strings.IndexAny(text, "*%")
	if first < 0 {
		p.prefix = text
		return p
	}
	p.prefix = text[:first]
	p.words = p.octets/64 + 1
	p.within, p.across = make([]uint64, p.words), make([]uint64, p.words)
	p.rows = make([]uint64, p.words)
	at := 0
	for i := range len(text) {
		c, bit := text[i], uint64(1)<<(at%64)
		switch c {
		case '*':
			p.across[at/64] |= bit
			fallthrough
		case '%':
			p.within[at/64] |= bit
		default:
			if p.row[c] == 0 {
				p.row[c] = uint16(len(p.rows) / p.words)
				p.rows = append(p.rows, make([]uint64, p.words)...)
			}
			p.rows[int(p.row[c])*p.words+at/64] |= bit
			at++
		}
	}
	return p
}

// begins reports whether a name begins with the prefix; its first fold octets are
// compared without regard to case.
func (p *pattern) begins(name string, fold int) bool {
	if len(name) < len(p.prefix) {
		return false
	}
	fold = min(fold, len(p.prefix))
	return strings.EqualFold(name[:fold], p.prefix[:fold]) && strings.HasPrefix(name[fold:], p.prefix[fold:])
}

// A level is the end of a name, or of a superior in it, with the result of matching
// that far.
type level struct {
	end     int
	matched bool
	deep    bool // by a pattern that ends with "%"
}

// match sets what a name and its superiors match. It returns how many words it has
// moved on. state has room for words.
func (p *pattern) match(name string, levels []level, state []uint64) (steps int) {
	fold := 0
	if name == mailbox.Inbox || strings.HasPrefix(name, mailbox.Inbox+"/") {
		fold = len(mailbox.Inbox)
	}
	if len(name) < p.octets || !p.begins(name, fold) {
		return 1
	}
	at := len(p.prefix)
	for len(levels) > 0 && levels[0].end < at {
		levels = levels[1:]
	}
	if p.words == 0 {
		if len(levels) > 0 && levels[0].end == at {
			levels[0].matched = true
		}
		return 1
	}
	state = state[:p.words]
	clear(state)
	state[at/64] = 1 << (at % 64)
	for {
		if levels[0].end == at {
			if state[p.octets/64]&(1<<(p.octets%64)) != 0 {
				levels[0].matched = true
				levels[0].deep = levels[0].deep || p.deep
			}
			if levels = levels[1:]; len(levels) == 0 {
				return steps + 1
			}
		}
		c := name[at]
		stay := p.within
		if c == separator {
			stay = p.across
		}
		row := int(p.row[c]) * p.words
		lower := row
		if at < fold {
			lower = int(p.row[c|0x20]) * p.words
		}
		var carry, any uint64
		for w := range state {
			on := state[w] & (p.rows[row+w] | p.rows[lower+w])
			state[w] = state[w]&stay[w] | on<<1 | carry
			carry = on >> 63
			any |= state[w]
		}
		steps += p.words
		if any == 0 {
			return steps
		}
		at++
	}
}

// patterns are those of one command.
type patterns struct {
	list   []*pattern
	state  []uint64 // room for match
	levels []level
	steps  int // work that was done
}

// compilePatterns compiles the patterns of a command, without repetitions. An empty
// one asks for nothing, whatever the reference is.
func compilePatterns(reference string, texts []string, longest int) *patterns {
	ps := &patterns{}
	words := 0
	for _, text := range texts {
		if text == "" {
			continue
		}
		text = reference + text
		if slices.ContainsFunc(ps.list, func(p *pattern) bool { return p.text == text }) {
			continue
		}
		if p := compile(text, longest); p != nil {
			ps.list = append(ps.list, p)
			words = max(words, p.words)
		}
	}
	ps.state = make([]uint64, words)
	return ps
}

// deep reports whether a pattern ends with "%".
func (ps *patterns) deep() bool {
	return slices.ContainsFunc(ps.list, func(p *pattern) bool { return p.deep })
}

// match matches a name, and those of its superiors that end at from or behind. The
// last level is that of the name. The result is valid until the next call.
func (ps *patterns) match(name string, from int) []level {
	ps.levels = ps.levels[:0]
	for at := from; at < len(name); at++ {
		if name[at] == separator {
			ps.levels = append(ps.levels, level{end: at})
		}
	}
	ps.levels = append(ps.levels, level{end: len(name)})
	for _, p := range ps.list {
		ps.steps += p.match(name, ps.levels, ps.state)
	}
	return ps.levels
}
