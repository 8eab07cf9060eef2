package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// multiSearchExt is MULTISEARCH (RFC 7377).
func multiSearchExt() extension {
	return extension{
		caps:     []imap.Cap{imap.CapMultiSearch},
		commands: []row[imap.Command]{command("ESEARCH", readESearch, writeESearch)},
		correlators: []row[imap.ESearchData]{
			{
				name: "MAILBOX", has: func(s *imap.ESearchData) bool { return s.Mailbox != "" },
				read:  func(d *decoder, s *imap.ESearchData) bool { return d.SP() && d.Mailbox(&s.Mailbox) },
				write: func(e *wire.Encoder, s *imap.ESearchData) { e.SP().Mailbox(s.Mailbox) },
			},
			{
				name: "UIDVALIDITY", has: func(s *imap.ESearchData) bool { return s.UIDValidity != 0 },
				read:  func(d *decoder, s *imap.ESearchData) bool { return d.SP() && d.Number(&s.UIDValidity) },
				write: func(e *wire.Encoder, s *imap.ESearchData) { e.SP().Uint(uint64(s.UIDValidity)) },
			},
		},
	}
}

// readESearch reads no scope-options, since none are defined.
func readESearch(d *decoder, c *imap.ESearch) bool {
	if !d.SP() {
		return false
	}
	if d.TryKeyword("IN") {
		ok := d.SP() && d.List1(func() bool {
			var s imap.Scope
			ok := readScope(d, &s, imap.ScopeSelectedDelayed)
			c.In = append(c.In, s)
			return ok
		}) && d.SP()
		if !ok {
			return false
		}
	}
	return readReturn(d, &c.Search) && readSearchProgram(d, &c.Search)
}

func writeESearch(e *wire.Encoder, c *imap.ESearch) {
	if len(c.In) > 0 {
		writeAll(e.Raw(" IN "), c.In, func(s imap.Scope) { writeScope(e, s, imap.ScopeSelectedDelayed) })
	}
	writeReturn(e, &c.Search)
	writeSearchProgram(e, &c.Search)
}
