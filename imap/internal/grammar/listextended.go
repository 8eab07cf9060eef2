package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

var listExtendedCaps = []imap.Cap{imap.CapListExtended, imap.CapIMAP4rev2}

// listExtendedExt is LIST-EXTENDED (RFC 5258), without which LIST has no options.
func listExtendedExt() extension {
	return extension{
		caps: listExtendedCaps,
		listSelects: []row[imap.List]{
			option("SUBSCRIBED", listSelect, imap.SelectSubscribed),
			option("REMOTE", listSelect, imap.SelectRemote),
			option("RECURSIVEMATCH", listSelect, imap.SelectRecursiveMatch),
		},
		listReturns: []row[imap.List]{
			option("SUBSCRIBED", listReturn, imap.ReturnSubscribed),
			option("CHILDREN", listReturn, imap.ReturnChildren),
		},
		listItems: []row[imap.ListData]{
			{ // RFC 5258 §4
				name: "CHILDINFO", has: func(l *imap.ListData) bool { return len(l.ChildInfo) > 0 },
				read:  func(d *decoder, l *imap.ListData) bool { return d.SP() && readStrings(d, &l.ChildInfo) },
				write: func(e *wire.Encoder, l *imap.ListData) { writeStrings(e.SP(), l.ChildInfo) },
			},
			{ // RFC 9051 §7.3.1.1
				name: "OLDNAME", has: func(l *imap.ListData) bool { return l.OldName != "" },
				read: func(d *decoder, l *imap.ListData) bool {
					return d.SP() && d.Special('(') && d.Mailbox(&l.OldName) && d.Special(')')
				},
				write: func(e *wire.Encoder, l *imap.ListData) { e.Raw(" (").Mailbox(l.OldName).Raw(")") },
			},
		},
	}
}

func listSelect(c *imap.List) *imap.ListSelect { return &c.Select }
func listReturn(c *imap.List) *imap.ListReturn { return &c.Return }

func readListSelects(d *decoder, c *imap.List) bool {
	c.Extended = true
	if !d.List(func() bool { return all().listSelects.read(d, c, "selection option") }) {
		return false
	}
	if c.Select&imap.SelectRecursiveMatch != 0 && c.Select&^(imap.SelectRecursiveMatch|imap.SelectRemote) == 0 {
		return d.Expected("a selection option for RECURSIVEMATCH to act on")
	}
	return d.SP()
}

func readListReturns(d *decoder, c *imap.List) bool {
	c.Extended = true
	return d.Keyword("RETURN") && d.SP() && d.List(func() bool { return all().listReturns.read(d, c, "return option") })
}

// readListItem reads an mbox-list-extended-item, whose name may be quoted.
func readListItem(d *decoder, l *imap.ListData) bool {
	var name string
	if !d.AString(&name) {
		return false
	}
	if r := all().listItems.find(d, []byte(name)); r != nil {
		return r.read(d, l)
	}
	return readUnknown(d, []byte(name), &l.Unknown)
}

func readStrings(d *decoder, list *[]string) bool {
	return d.List(func() bool {
		var s string
		if !d.AString(&s) {
			return false
		}
		*list = append(*list, s)
		return true
	})
}

func writeStrings(e *wire.Encoder, list []string) {
	writeAll(e, list, func(s string) { e.String(s) })
}
