package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
)

func parseStore(d *wire.Decoder, uid bool) imap.Command {
	c := imap.Store{UID: uid}
	if !d.SP() || !d.NumSet(&c.Set) || !d.SP() {
		return nil
	}
	if d.Peek() == '(' { // store-modifiers, RFC 4466 §2.5
		ok := d.List1(func() bool {
			if !d.Keyword("UNCHANGEDSINCE") || !d.SP() {
				return false
			}
			c.UnchangedSince = new(mailbox.ModSeq)
			return d.ModSeq(c.UnchangedSince)
		})
		if !ok || !d.SP() {
			return nil
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
	switch w := d.Word(); {
	case wire.Is(w, "FLAGS"):
	case wire.Is(w, "FLAGS.SILENT"):
		c.Silent = true
	default:
		d.Expected("FLAGS or FLAGS.SILENT")
		return nil
	}
	if !d.SP() {
		return nil
	}
	if d.Peek() == '(' {
		return result(d.FlagList(&c.Flags), &c)
	}
	// Without parentheses there is at least one flag (RFC 9051 §9, store-att-flags).
	for len(c.Flags) == 0 || d.TrySP() {
		var f mailbox.Flag
		if !d.Element() || !d.Flag(&f) {
			return nil
		}
		c.Flags = append(c.Flags, f)
	}
	return &c
}
