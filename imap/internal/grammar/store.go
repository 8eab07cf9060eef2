package grammar

import (
	"fmt"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// storeExt is STORE (RFC 9051 §6.4.6).
func storeExt() extension {
	return extension{
		commands: pair("STORE", "UID STORE", func(c *imap.Store) *bool { return &c.UID }, readStore, writeStore),
		storeItems: storeItem("FLAGS", imap.StoreFlags, readStoreFlags,
			func(e *wire.Encoder, c *imap.Store) { writeFlags(e, c.Flags) }),
	}
}

// storeItem is the rows of an item that can be changed, with ".SILENT" and without.
// read and write begin behind the blank that follows the name.
func storeItem(name string, what imap.StoreItem, read func(*decoder, *imap.Store) bool, write func(*wire.Encoder, *imap.Store)) []row[imap.Store] {
	form := func(name string, silent bool) row[imap.Store] {
		return row[imap.Store]{
			name: name, has: func(c *imap.Store) bool { return c.Item == what && c.Silent == silent },
			read: func(d *decoder, c *imap.Store) bool {
				c.Item, c.Silent = what, silent
				return d.SP() && read(d, c)
			},
			write: func(e *wire.Encoder, c *imap.Store) { write(e.SP(), c) },
		}
	}
	return []row[imap.Store]{form(name, false), form(name+".SILENT", true)}
}

func readStore(d *decoder, c *imap.Store) bool {
	if !d.SP() || !d.NumSet(&c.Set) || !d.SP() {
		return false
	}
	if d.Peek() == '(' { // store-modifiers, RFC 4466 §2.5
		if !d.List1(func() bool { return all().storeModifiers.read(d, c, "store modifier") }) || !d.SP() {
			return false
		}
	}
	switch {
	case d.Try('+'):
		c.Op = mailbox.FlagsAdd
	case d.Try('-'):
		c.Op = mailbox.FlagsRemove
	default:
		c.Op = mailbox.FlagsReplace
	}
	return all().storeItems.read(d, c, "FLAGS or FLAGS.SILENT")
}

func readStoreFlags(d *decoder, c *imap.Store) bool {
	if d.Peek() == '(' {
		return d.FlagList(&c.Flags)
	}
	// Without parentheses there is at least one flag (RFC 9051 §9, store-att-flags).
	for len(c.Flags) == 0 || d.TrySP() {
		var f mailbox.Flag
		if !d.Element() || !d.Flag(&f) {
			return false
		}
		c.Flags = append(c.Flags, f)
	}
	return true
}

func writeStore(e *wire.Encoder, c *imap.Store) {
	e.SP().NumSet(c.Set).SP()
	if t := all().storeModifiers; t.of(c) != nil {
		t.write(e, c)
		e.SP()
	}
	switch {
	case c.Item == imap.StoreAnnotation: // always replaced
	case c.Op == mailbox.FlagsAdd:
		e.Raw("+")
	case c.Op == mailbox.FlagsRemove:
		e.Raw("-")
	}
	r := all().storeItems.of(c)
	if r == nil {
		e.Fail(fmt.Errorf("imap: store item %d can't be written", c.Item))
		return
	}
	r.writeTo(e, c)
}

// writeFlags fails for an invalid flag, which Encoder.Flags omits, so that the
// caller of a client learns of it.
func writeFlags(e *wire.Encoder, flags []mailbox.Flag) {
	for _, f := range flags {
		if !imap.ValidFlag(f) {
			e.Fail(fmt.Errorf("imap: invalid flag %q", f))
		}
	}
	e.Flags(flags...)
}
