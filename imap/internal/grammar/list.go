package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// parseList reads LIST, also in the extended form (RFC 5258 §6, RFC 9051 §9).
func parseList(d *wire.Decoder) imap.Command {
	var c imap.List
	if !d.SP() {
		return nil
	}
	if d.Peek() == '(' {
		c.Extended = true
		if !d.List(func() bool { return parseListSelect(d, &c) }) || !d.SP() {
			return nil
		}
		if c.Select&imap.SelectRecursiveMatch != 0 && c.Select&^(imap.SelectRecursiveMatch|imap.SelectRemote) == 0 {
			d.Expected("a selection option for RECURSIVEMATCH to act on")
			return nil
		}
	}
	if !d.Mailbox(&c.Reference) || !d.SP() {
		return nil
	}
	pattern := func() bool {
		var p string
		if !d.ListMailbox(&p) {
			return false
		}
		c.Patterns = append(c.Patterns, p)
		return true
	}
	if d.Peek() == '(' {
		c.Extended = true
		if !d.List1(pattern) {
			return nil
		}
	} else if !pattern() {
		return nil
	}
	if !d.TrySP() {
		return &c
	}
	c.Extended = true
	ok := d.Keyword("RETURN") && d.SP() && d.List(func() bool { return parseListReturn(d, &c) })
	return result(ok, &c)
}

func parseListSelect(d *wire.Decoder, c *imap.List) bool {
	switch w := d.Word(); {
	case wire.Is(w, "SUBSCRIBED"):
		c.Select |= imap.SelectSubscribed
	case wire.Is(w, "REMOTE"):
		c.Select |= imap.SelectRemote
	case wire.Is(w, "RECURSIVEMATCH"):
		c.Select |= imap.SelectRecursiveMatch
	case wire.Is(w, "SPECIAL-USE"):
		c.Select |= imap.SelectSpecialUse
	default:
		return d.Expected("selection option")
	}
	return true
}

func parseListReturn(d *wire.Decoder, c *imap.List) bool {
	switch w := d.Word(); {
	case wire.Is(w, "SUBSCRIBED"):
		c.Return |= imap.ReturnSubscribed
	case wire.Is(w, "CHILDREN"):
		c.Return |= imap.ReturnChildren
	case wire.Is(w, "SPECIAL-USE"):
		c.Return |= imap.ReturnSpecialUse
	case wire.Is(w, "STATUS"): // RFC 5819 §2
		c.Return |= imap.ReturnStatus
		return d.SP() && parseStatusItems(d, &c.Status)
	default:
		return d.Expected("return option")
	}
	return true
}

func parseLSub(d *wire.Decoder) imap.Command {
	var c imap.LSub
	return result(d.SP() && d.Mailbox(&c.Reference) && d.SP() && d.ListMailbox(&c.Pattern), &c)
}

func writeAttr(e *wire.Encoder, a imap.MailboxAttr) {
	if a == "" || a[0] != '\\' {
		e.Atom(string(a))
		return
	}
	e.Raw(`\`).Atom(string(a[1:]))
}
