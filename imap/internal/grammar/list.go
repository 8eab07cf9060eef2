package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// LSub is an LSUB response.
type LSub struct{ imap.ListData }

// listExt is LIST (RFC 9051 §6.3.9, §7.3.1) without options, and LSUB (RFC 3501
// §6.3.9). Gmail had XLIST before SPECIAL-USE.
func listExt() extension {
	xlist := data("XLIST", readListData, writeListData)
	xlist.has = nil
	return extension{
		commands: []row[imap.Command]{
			command("LIST", readList, writeList),
			command("LSUB",
				func(d *decoder, c *imap.LSub) bool {
					return d.SP() && d.Mailbox(&c.Reference) && d.SP() && d.ListMailbox(&c.Pattern)
				},
				func(e *wire.Encoder, c *imap.LSub) { e.SP().Mailbox(c.Reference).SP().ListMailbox(c.Pattern) }),
		},
		responses: []row[Response]{
			data("LIST", readListData, writeListData),
			data("LSUB",
				func(d *decoder, l *LSub) bool { return readListData(d, &l.ListData) },
				func(e *wire.Encoder, l *LSub) { writeListData(e, &l.ListData) }),
			xlist,
		},
	}
}

// readList reads LIST. It refuses the extended form unless that is offered (RFC
// 5258 §6, RFC 9051 §9).
func readList(d *decoder, c *imap.List) bool {
	extended := d.offers(listExtendedCaps...)
	if !d.SP() || extended && d.Peek() == '(' && !readListSelects(d, c) || !d.Mailbox(&c.Reference) || !d.SP() {
		return false
	}
	pattern := func() bool {
		var p string
		if !d.ListMailbox(&p) {
			return false
		}
		c.Patterns = append(c.Patterns, p)
		return true
	}
	if extended && d.Peek() == '(' {
		c.Extended = true
		if !d.List1(pattern) {
			return false
		}
	} else if !pattern() {
		return false
	}
	return !extended || !d.TrySP() || readListReturns(d, c)
}

func writeList(e *wire.Encoder, c *imap.List) {
	if c.Select != 0 {
		all().listSelects.write(e.SP(), c)
	}
	e.SP().Mailbox(c.Reference).SP()
	if len(c.Patterns) == 1 {
		e.ListMailbox(c.Patterns[0])
	} else {
		writeAll(e, c.Patterns, func(p string) { e.ListMailbox(p) })
	}
	if c.Return != 0 {
		all().listReturns.write(e.Raw(" RETURN "), c)
	}
}

// writeAll writes a parenthesized list.
func writeAll[T any](e *wire.Encoder, list []T, element func(T)) {
	e.Raw("(")
	for i, x := range list {
		if i > 0 {
			e.SP()
		}
		element(x)
	}
	e.Raw(")")
}

func readListData(d *decoder, l *imap.ListData) bool {
	var attrs []mailbox.Flag
	if !d.SP() || !d.FlagList(&attrs) || !d.SP() {
		return false
	}
	for _, a := range attrs {
		l.Attrs = append(l.Attrs, imap.MailboxAttr(a))
	}
	if !readSeparator(d, &l.Separator) || !d.SP() || !d.AString(&l.Raw) {
		return false
	}
	l.Mailbox = imap.DecodeMailbox(l.Raw, d.UTF8)
	return !d.TrySP() || d.List(func() bool { return readListItem(d, l) })
}

func writeListData(e *wire.Encoder, l *imap.ListData) {
	e.SP()
	writeAttrs(e, l.Attrs)
	e.SP()
	writeSeparator(e, l.Separator)
	e.SP().Mailbox(l.Mailbox)
	if t := all().listItems; t.of(l) != nil {
		t.write(e.SP(), l)
	}
}

func writeAttrs(e *wire.Encoder, attrs []imap.MailboxAttr) {
	writeAll(e, attrs, func(a imap.MailboxAttr) {
		if a != "" && a[0] == '\\' {
			e.Raw(`\`)
			a = a[1:]
		}
		e.Atom(string(a))
	})
}

// readSeparator reads a hierarchy separator; zero is NIL.
func readSeparator(d *decoder, sep *byte) bool {
	var s string
	if !readText(d, &s) {
		return false
	}
	if s != "" {
		*sep = s[0]
	}
	return true
}

func writeSeparator(e *wire.Encoder, sep byte) {
	switch sep {
	case 0:
		e.NIL()
	case '/': // no allocation
		e.Raw(`"/"`)
	default:
		e.String(string(rune(sep)))
	}
}
