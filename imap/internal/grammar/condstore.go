package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// condStoreExt is CONDSTORE (RFC 7162 §3.1), which QRESYNC implies (§3.2.3).
func condStoreExt() extension {
	return extension{
		caps: []imap.Cap{imap.CapCondStore, imap.CapQResync},
		selectParams: []row[imap.Select]{{ // §3.1.8
			name: "CONDSTORE", has: func(c *imap.Select) bool { return c.CondStore },
			read: func(_ *decoder, c *imap.Select) bool { c.CondStore = true; return true },
		}},
		fetchModifiers: []row[imap.Fetch]{modSeqModifier("CHANGEDSINCE", func(c *imap.Fetch) **mailbox.ModSeq { return &c.ChangedSince })},     // §3.1.4.1
		storeModifiers: []row[imap.Store]{modSeqModifier("UNCHANGEDSINCE", func(c *imap.Store) **mailbox.ModSeq { return &c.UnchangedSince })}, // §3.1.3
		fetchItems:     []row[imap.FetchItem]{item(imap.FetchModSeq)},                                                                          // §3.1.4.2
		fetchData: []row[Item]{datum(imap.FetchModSeq,
			func(d *decoder, it *Item) bool { return d.Special('(') && d.Number64(&it.N) && d.Special(')') },
			func(e *wire.Encoder, it *Item) { WriteModSeq(e, mailbox.ModSeq(it.N)) })},
		searchKeys: []row[search.Key]{{name: "MODSEQ", has: isModSeqKey, read: readModSeqKey, write: writeModSeqKey}},
		searchItems: []row[imap.ESearchData]{{ // §3.1.10
			name: "MODSEQ", has: func(s *imap.ESearchData) bool { return s.ModSeq != 0 },
			read:  func(d *decoder, s *imap.ESearchData) bool { return readModSeq(d, &s.ModSeq) },
			write: func(e *wire.Encoder, s *imap.ESearchData) { e.SP().Uint(uint64(s.ModSeq)) },
		}},
		statusItems: []row[imap.StatusData]{statusNumber(imap.StatusHighestModSeq, func(s *imap.StatusData) **mailbox.ModSeq { return &s.HighestModSeq })}, // §3.1.7
		codes: []row[any]{
			value("HIGHESTMODSEQ", readModSeq, func(e *wire.Encoder, m *mailbox.ModSeq) { e.SP().Uint(uint64(*m)) }), // §3.1.2.1
			value("MODIFIED", // §3.1.3
				func(d *decoder, set *imap.NumSet) bool { return d.SP() && d.NumSet(set) },
				func(e *wire.Encoder, set *imap.NumSet) { e.SP().NumSet(*set) }),
		},
	}
}

func readModSeq(d *decoder, m *mailbox.ModSeq) bool { return d.SP() && d.ModSeq(m) }

// modSeqModifier is the row of a modifier with a mod-sequence, where zero is a
// valid value.
func modSeqModifier[T any](name string, field func(*T) **mailbox.ModSeq) row[T] {
	return row[T]{
		name: name, has: func(c *T) bool { return *field(c) != nil },
		read: func(d *decoder, c *T) bool {
			m := new(mailbox.ModSeq)
			*field(c) = m
			return readModSeq(d, m)
		},
		write: func(e *wire.Encoder, c *T) { e.SP().Uint(uint64(**field(c))) },
	}
}

// WriteModSeq writes the value of the data item MODSEQ.
func WriteModSeq(e *wire.Encoder, m mailbox.ModSeq) { e.Raw("(").Uint(uint64(m)).Raw(")") }

func isModSeqKey(k *search.Key) bool {
	switch (*k).(type) {
	case search.ModSeq, imap.SearchModSeq:
		return true
	}
	return false
}

// readModSeqKey reads MODSEQ (RFC 7162 §3.1.5): a quoted entry name and its type
// may precede the value.
func readModSeqKey(d *decoder, k *search.Key) bool {
	var m imap.SearchModSeq
	if !d.SP() {
		return false
	}
	if d.Peek() == '"' && (!d.String(&m.Entry) || !d.SP() || !d.Atom(&m.Type) || !d.SP()) {
		return false
	}
	if *k = m; m.Entry == "" {
		if !d.ModSeq(&m.N) {
			return false
		}
		*k = search.ModSeq{N: m.N}
		return true
	}
	ok := d.ModSeq(&m.N)
	*k = m
	return ok
}

func writeModSeqKey(e *wire.Encoder, k *search.Key) {
	switch k := (*k).(type) {
	case search.ModSeq:
		e.SP().Uint(uint64(k.N))
	case imap.SearchModSeq:
		if e.SP(); k.Entry != "" {
			e.String(k.Entry).SP().Atom(k.Type).SP()
		}
		e.Uint(uint64(k.N))
	}
}

// readSearchModSeq reads the highest mod-sequence behind the numbers of a SEARCH
// response (RFC 7162 §3.1.5).
func readSearchModSeq(d *decoder, m *mailbox.ModSeq) bool {
	return d.Special('(') && d.Keyword("MODSEQ") && readModSeq(d, m) && d.Special(')')
}

func writeSearchModSeq(e *wire.Encoder, m mailbox.ModSeq) {
	if m != 0 {
		e.Raw(" (MODSEQ ").Uint(uint64(m)).Raw(")")
	}
}
