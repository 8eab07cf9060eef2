package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// uidPlusExt is UIDPLUS (RFC 4315).
func uidPlusExt() extension {
	return extension{
		caps: []imap.Cap{imap.CapUIDPlus, imap.CapIMAP4rev2},
		commands: []row[imap.Command]{form("UID EXPUNGE", func(c *imap.Expunge) *bool { return &c.UID }, true,
			func(d *decoder, c *imap.Expunge) bool { return d.SP() && d.NumSet(&c.Set) },
			func(e *wire.Encoder, c *imap.Expunge) { e.SP().NumSet(c.Set) })},
		codes: []row[any]{
			value("APPENDUID",
				func(d *decoder, a *imap.AppendUID) bool {
					return d.SP() && d.NZNumber(&a.UIDValidity) && d.SP() && d.UIDSet(&a.UIDs)
				},
				func(e *wire.Encoder, a *imap.AppendUID) { e.SP().Uint(uint64(a.UIDValidity)).SP().UIDSet(a.UIDs) }),
			value("COPYUID", readCopyUID, writeCopyUID),
		},
	}
}

// readCopyUID pairs the UIDs of both sets in the order of the sets; the UIDs of a
// range ascend, even if its higher end is first (RFC 4315 §4).
func readCopyUID(d *decoder, c *imap.CopyUID) bool {
	var sets [2]imap.NumSet
	if !d.SP() || !d.NZNumber(&c.UIDValidity) || !d.SP() || !d.NumSet(&sets[0]) || !d.SP() || !d.NumSet(&sets[1]) {
		return false
	}
	var sides [2][]mailbox.UIDRange
	for i, set := range sets {
		if set.Saved {
			return d.Expected("UID")
		}
		for _, r := range set.Ranges {
			if r.First == 0 || r.Last == 0 { // "*"
				return d.Expected("UID")
			}
			sides[i] = append(sides[i], mailbox.UIDRange{First: mailbox.UID(min(r.First, r.Last)), Last: mailbox.UID(max(r.First, r.Last))})
		}
	}
	source, dest := sides[0], sides[1]
	for len(source) > 0 && len(dest) > 0 {
		n := mailbox.UID(min(source[0].Len(), dest[0].Len()))
		c.Moved = append(c.Moved, mailbox.Moved{Source: cut(&source, n), Dest: cut(&dest, n)})
	}
	return len(source) == 0 && len(dest) == 0 || d.Expected("sets of the same size")
}

// cut removes n UIDs from the front of ranges.
func cut(ranges *[]mailbox.UIDRange, n mailbox.UID) mailbox.UIDRange {
	r := &(*ranges)[0]
	first := mailbox.UIDRange{First: r.First, Last: r.First + n - 1}
	if first.Last == r.Last {
		*ranges = (*ranges)[1:]
	} else {
		r.First += n
	}
	return first
}

func writeCopyUID(e *wire.Encoder, c *imap.CopyUID) {
	e.SP().Uint(uint64(c.UIDValidity))
	for _, side := range [...]func(mailbox.Moved) mailbox.UIDRange{
		func(m mailbox.Moved) mailbox.UIDRange { return m.Source },
		func(m mailbox.Moved) mailbox.UIDRange { return m.Dest },
	} {
		e.SP()
		for i := 0; i < len(c.Moved); {
			r := side(c.Moved[i])
			for i++; i < len(c.Moved) && side(c.Moved[i]).First == r.Last+1; i++ {
				r.Last = side(c.Moved[i]).Last
			}
			e.UIDSet(mailbox.UIDRangeSet(r.First, r.Last))
			if i < len(c.Moved) {
				e.Raw(",")
			}
		}
	}
}
