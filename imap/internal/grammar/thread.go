package grammar

import (
	"fmt"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// threadExt is THREAD (RFC 5256).
func threadExt() extension {
	return extension{
		caps:      []imap.Cap{threadCap(search.OrderedSubject), threadCap(search.References), threadCap(search.Refs)},
		commands:  pair("THREAD", "UID THREAD", func(c *imap.Thread) *bool { return &c.UID }, readThread, writeThread),
		responses: []row[Response]{data("THREAD", readThreadData, writeThreadData)},
	}
}

func threadCap(a search.Algorithm) imap.Cap { return imap.CapThreadPrefix + imap.Cap(a) }

func readThread(d *decoder, c *imap.Thread) bool {
	d.decode = nil
	if !d.SP() {
		return false
	}
	c.Algorithm = search.Algorithm(wire.Upper(d.Word()))
	if c.Algorithm == "" || !d.offers(threadCap(c.Algorithm)) {
		return d.Expected("threading algorithm")
	}
	return d.SP() && readSearchCharset(d, &c.Charset) && readKeys(d, &c.Key, d.TrySP)
}

func writeThread(e *wire.Encoder, c *imap.Thread) {
	e.SP().Atom(string(c.Algorithm)).Raw(" UTF-8 ")
	writeSearchKeys(e, c.Key)
}

// readThreadData reads the threads with a stack of its own: a number is the child
// of the one before it, and a list begins at the number before the list. Only
// lists count as nesting.
func readThreadData(d *decoder, t *imap.ThreadData) bool {
	root := &search.Thread{}
	cur := root
	var open []*search.Thread // where the lists begin
	empty := false            // nothing has been read since "("
	for d.Err() == nil {
		c := d.Peek()
		switch {
		case c == ' ' && !d.AtEnd():
			d.SP()
			continue
		case c == '(':
			if empty { // siblings whose parent is missing
				cur = addThread(cur, 0)
			}
			if !d.Special('(') || !d.Enter() {
				return false
			}
			open = append(open, cur)
			empty = true
			continue
		case c == ')' && len(open) > 0 && !empty:
			d.Special(')')
			d.Leave()
			cur = open[len(open)-1]
			open = open[:len(open)-1]
			continue
		case c >= '0' && c <= '9' && len(open) > 0:
			var n uint32
			// The lists of a number's children are the last in its list.
			if len(cur.Children) > 0 && !empty || !d.Numeral() || !d.NZNumber(&n) {
				return d.Expected("'(' or ')'")
			}
			cur = addThread(cur, mailbox.UID(n))
			empty = false
			continue
		case d.AtEnd() && len(open) == 0:
			t.Threads = root.Children
			return true
		}
		return d.Expected("thread")
	}
	return false
}

func addThread(parent *search.Thread, uid mailbox.UID) *search.Thread {
	t := &search.Thread{UID: uid}
	parent.Children = append(parent.Children, t)
	return t
}

func writeThreadData(e *wire.Encoder, t *imap.ThreadData) {
	if len(t.Threads) > 0 {
		e.SP()
	}
	for _, x := range t.Threads {
		writeThreadList(e, x)
	}
}

// writeThreadList calls itself only where a thread branches.
func writeThreadList(e *wire.Encoder, t *search.Thread) {
	e.Raw("(")
	for {
		if t.UID != 0 {
			e.Uint(uint64(t.UID))
			if len(t.Children) > 0 {
				e.SP()
			}
		} else if len(t.Children) == 0 {
			e.Fail(fmt.Errorf("imap: thread without messages"))
		}
		if len(t.Children) != 1 {
			break
		}
		t = t.Children[0]
	}
	for _, c := range t.Children {
		writeThreadList(e, c)
	}
	e.Raw(")")
}
