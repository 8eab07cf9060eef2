package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// uidBatchesExt is UIDBATCHES (RFC 10022).
func uidBatchesExt() extension {
	return extension{
		caps:      []imap.Cap{imap.CapUIDBatches},
		commands:  []row[imap.Command]{command("UIDBATCHES", readUIDBatches, writeUIDBatches)},
		responses: []row[Response]{data("UIDBATCHES", readUIDBatchesData, writeUIDBatchesData)},
	}
}

func readUIDBatches(d *decoder, c *imap.UIDBatches) bool {
	return d.SP() && d.NZNumber(&c.Size) &&
		(!d.TrySP() || d.NZNumber(&c.First) && d.Special(':') && d.NZNumber(&c.Last))
}

func writeUIDBatches(e *wire.Encoder, c *imap.UIDBatches) {
	if e.SP().Uint(uint64(c.Size)); c.First != 0 || c.Last != 0 {
		e.SP().Uint(uint64(c.First)).Raw(":").Uint(uint64(c.Last))
	}
}

// readUIDBatchesData reads the ranges, which begin with the higher end.
func readUIDBatchesData(d *decoder, b *imap.UIDBatchesData) bool {
	if !d.SP() || !d.Special('(') || !d.Keyword("TAG") || !d.SP() || !d.AString(&b.Tag) || !d.Special(')') {
		return false
	}
	if !d.TrySP() {
		return d.Err() == nil
	}
	var set imap.NumSet
	if !d.NumSet(&set) {
		return false
	}
	for _, r := range set.Ranges {
		if r.First == imap.Star || r.Last == imap.Star {
			return d.Expected("UID")
		}
		b.Batches = append(b.Batches, mailbox.UIDRange{First: mailbox.UID(min(r.First, r.Last)), Last: mailbox.UID(max(r.First, r.Last))})
	}
	return !set.Saved || d.Expected("UID")
}

func writeUIDBatchesData(e *wire.Encoder, b *imap.UIDBatchesData) {
	e.Raw(" (TAG ").String(b.Tag).Raw(")")
	for i, r := range b.Batches {
		if i == 0 {
			e.SP()
		} else {
			e.Raw(",")
		}
		e.Uint(uint64(r.Last)).Raw(":").Uint(uint64(r.First))
	}
}
