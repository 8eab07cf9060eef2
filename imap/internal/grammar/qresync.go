package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// qresyncExt is QRESYNC (RFC 7162 §3.2).
func qresyncExt() extension {
	return extension{
		caps: []imap.Cap{imap.CapQResync},
		selectParams: []row[imap.Select]{{
			name: "QRESYNC", has: func(c *imap.Select) bool { return c.QResync != nil }, read: readQResync, write: writeQResync,
		}},
		fetchModifiers: []row[imap.Fetch]{{
			name: "VANISHED", has: func(c *imap.Fetch) bool { return c.Vanished },
			read: func(_ *decoder, c *imap.Fetch) bool { c.Vanished = true; return true },
		}},
		responses: []row[Response]{data("VANISHED", readVanishedData, writeVanishedData)},
	}
}

// readQResync reads the parameter of RFC 7162 §3.2.5.
func readQResync(d *decoder, c *imap.Select) bool {
	q := &imap.QResync{}
	c.QResync = q
	if !d.SP() || !d.Special('(') || !d.NZNumber(&q.UIDValidity) || !d.SP() || !d.ModSeq(&q.ModSeq) {
		return false
	}
	if d.TrySP() && d.Peek() != '(' {
		if !d.UIDSet(&q.KnownUIDs) {
			return false
		}
		d.TrySP()
	}
	if d.Peek() == '(' {
		q.SeqMatch = &imap.SeqMatch{}
		if !d.Special('(') || !d.NumSet(&q.SeqMatch.Seqs) || !d.SP() || !d.NumSet(&q.SeqMatch.UIDs) || !d.Special(')') {
			return false
		}
	}
	return d.Special(')')
}

func writeQResync(e *wire.Encoder, c *imap.Select) {
	q := c.QResync
	e.Raw(" (").Uint(uint64(q.UIDValidity)).SP().Uint(uint64(q.ModSeq))
	if !q.KnownUIDs.IsEmpty() {
		e.SP().UIDSet(q.KnownUIDs)
	}
	if q.SeqMatch != nil {
		e.Raw(" (").NumSet(q.SeqMatch.Seqs).SP().NumSet(q.SeqMatch.UIDs).Raw(")")
	}
	e.Raw(")")
}

func readVanishedData(d *decoder, v *imap.VanishedData) bool {
	if !d.SP() {
		return false
	}
	if d.Try('(') {
		v.Earlier = true
		if !d.Keyword("EARLIER") || !d.Special(')') || !d.SP() {
			return false
		}
	}
	return d.UIDSet(&v.UIDs)
}

func writeVanishedData(e *wire.Encoder, v *imap.VanishedData) {
	if v.Earlier {
		e.Raw(" (EARLIER)")
	}
	e.SP().UIDSet(v.UIDs)
}
