package grammar

import (
	"bytes"
	"slices"

	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// A FetchPart is one item of a FETCH response that was split.
type FetchPart struct {
	Item Item   // if Err is nil
	Ext  int    // index of the literal that is its value and was taken out of the text, -1 if there is none
	Name string // in capitals, as far as it can be read
	Raw  []byte // the item as in the text
	Err  error
}

// SplitFetch reads a FETCH response of which an item can't be read: it cuts the
// response into items by parentheses, quotes and literals, and reads each alone, so
// that one does not affect the others. Literals at the offsets ext, which ascend, were
// taken out of the text.
//
// Where quotes are not escaped, a string ends only before a blank or a
// parenthesis; where even that finds no end of an item, it ends before what looks
// like the name of another.
func SplitFetch(text []byte, ext []int, utf8 bool) []FetchPart {
	open := bytes.IndexByte(text, '(')
	if open < 0 {
		return nil
	}
	var parts []FetchPart
	hard := 0
	for i := open + 1; i < len(text); {
		if c := text[i]; c == ' ' || c == ')' {
			i++
			continue
		}
		p := FetchPart{Ext: -1}
		if hard == maxHard {
			p.Raw, p.Name, p.Err = text[i:], itemName(text[i:]), &wire.SyntaxError{Problem: "too many unreadable items"}
			return append(parts, p)
		}
		end, plain := itemEnd(text, i, ext, &p.Ext)
		p.Raw = text[i:end]
		p.Name = itemName(p.Raw)
		src := append([]byte("* 1 FETCH ("), p.Raw...)
		if p.Ext >= 0 {
			src = append(src[:len(src)-len(p.Raw)], p.Raw[:bytes.LastIndexByte(p.Raw, ' ')+1]...)
			src = append(src, "NIL"...)
		}
		r := NewResponseReader(wire.Bytes(append(src, ")\r\n"...)), wire.LimitsClient())
		r.SetUTF8(utf8)
		_, err := r.Read()
		var it *Item
		if err == nil {
			it, err = r.NextItem()
		}
		if err == nil && it == nil {
			err = &wire.SyntaxError{Problem: "no item"}
		}
		if p.Err = err; err == nil {
			p.Item = *it
		}
		if err != nil || !plain {
			hard++
		}
		parts = append(parts, p)
		i = end
	}
	return parts
}

// maxHard is how many items may be unreadable, or have no clear end, before the rest is
// given up: each may take time that grows with the length of the text.
const maxHard = 16

// itemName returns the name at the beginning of an item, without a section.
func itemName(b []byte) string {
	end := bytes.IndexAny(b, " [(")
	if end < 0 {
		end = len(b)
	}
	return string(wire.Upper(append([]byte(nil), b[:min(end, 64)]...)))
}

// itemEnd returns where the item that begins at i ends. plain is false if that is not
// clear.
func itemEnd(text []byte, i int, ext []int, at *int) (end int, plain bool) {
	start := i
	// The name, with a section that may have blanks in it.
	for depth := 0; i < len(text) && (depth > 0 || text[i] != ' ' && text[i] != ')'); i++ {
		switch text[i] {
		case '[':
			depth++
		case ']':
			depth = max(depth-1, 0)
		}
	}
	for i < len(text) && text[i] == ' ' {
		i++
	}
	for _, loose := range [...]bool{false, true} {
		if end, ok := valueEnd(text, i, loose, ext, at); ok && (end == len(text) || text[end] == ' ' || text[end] == ')') {
			return end, !loose
		}
	}
	*at = -1
	for j := start + 1; j < len(text); j++ {
		if text[j] != ' ' {
			continue
		}
		for _, name := range [...]string{"UID ", "FLAGS (", "INTERNALDATE \"", "RFC822.SIZE ", "ENVELOPE (", "BODYSTRUCTURE (", "BODY[", "MODSEQ ("} {
			if bytes.HasPrefix(text[j+1:], []byte(name)) {
				return j, false
			}
		}
	}
	if end := bytes.LastIndexByte(text, ')'); end > start {
		return end, false
	}
	return len(text), false
}

// valueEnd returns where the value that begins at i ends. ok is false if it has no
// end.
func valueEnd(text []byte, i int, loose bool, ext []int, at *int) (end int, ok bool) {
	depth := 0
	for i < len(text) {
		switch c := text[i]; {
		case c == '(':
			depth++
			i++
		case c == ')':
			if depth == 0 {
				return i, true
			}
			depth--
			i++
		case c == ' ' && depth == 0:
			return i, true
		case c == '"':
			if i = stringEnd(text, i, loose); i < 0 {
				return 0, false
			}
		case c == '{' || c == '~' && i+1 < len(text) && text[i+1] == '{':
			n, end, ok := literalAt(text, i)
			if !ok {
				i++
				continue
			}
			i = end
			out := false
			if k, ok := slices.BinarySearch(ext, i); ok {
				*at, out = k, true
			}
			if !out {
				i += min(n, len(text)-i)
			}
		default:
			i++
		}
		if depth == 0 && i < len(text) && (text[i] == ' ' || text[i] == ')') {
			return i, true
		}
	}
	return i, depth == 0
}

// literalAt reads the header of a literal, [~]{n[+]} and CRLF. end is the offset behind
// it.
func literalAt(text []byte, i int) (n, end int, ok bool) {
	if text[i] == '~' {
		i++
	}
	for i++; i < len(text) && text[i] >= '0' && text[i] <= '9'; i++ {
		n = min(n*10+int(text[i]-'0'), len(text))
		ok = true
	}
	if i < len(text) && text[i] == '+' {
		i++
	}
	return n, i + 3, ok && bytes.HasPrefix(text[min(i, len(text)):], []byte("}\r\n"))
}

// stringEnd returns the offset behind a quoted string, -1 if it has no end.
func stringEnd(text []byte, i int, loose bool) int {
	for i++; i < len(text); i++ {
		switch {
		case text[i] == '\\' && !loose:
			i++
		case text[i] == '"' && (!loose || i+1 == len(text) || text[i+1] == ' ' || text[i+1] == ')'):
			return i + 1
		case text[i] == '\n':
			return -1
		}
	}
	return -1
}
