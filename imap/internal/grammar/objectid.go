package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// objectIDExt is OBJECTID (RFC 8474).
func objectIDExt() extension {
	return extension{
		caps:       []imap.Cap{imap.CapObjectID},
		fetchItems: []row[imap.FetchItem]{item(imap.FetchEmailID), item(imap.FetchThreadID)},
		fetchData:  []row[Item]{datum(imap.FetchEmailID, readObjectID, writeObjectID), datum(imap.FetchThreadID, readObjectID, writeObjectID)},
		searchKeys: []row[search.Key]{
			key("EMAILID", search.EmailID{}, nil,
				func(d *decoder, k *search.EmailID) bool { return d.SP() && d.Atom(&k.ID) },
				func(e *wire.Encoder, k search.EmailID) { e.SP().Atom(k.ID) }),
			key("THREADID", search.ThreadID{}, nil,
				func(d *decoder, k *search.ThreadID) bool { return d.SP() && d.Atom(&k.ID) },
				func(e *wire.Encoder, k search.ThreadID) { e.SP().Atom(k.ID) }),
		},
		statusItems: []row[imap.StatusData]{{
			name: "MAILBOXID", has: func(s *imap.StatusData) bool { return s.MailboxID != "" },
			read:  func(d *decoder, s *imap.StatusData) bool { return readMailboxID(d, &s.MailboxID) },
			write: func(e *wire.Encoder, s *imap.StatusData) { writeMailboxID(e, &s.MailboxID) },
		}},
		codes: []row[any]{value("MAILBOXID", readMailboxID, writeMailboxID)},
	}
}

func readMailboxID(d *decoder, id *string) bool {
	return d.SP() && d.Special('(') && d.Atom(id) && d.Special(')')
}

func writeMailboxID(e *wire.Encoder, id *string) { e.Raw(" (").Atom(*id).Raw(")") }

func readObjectID(d *decoder, it *Item) bool {
	return d.TryKeyword("NIL") || d.Special('(') && d.Atom(&it.Text) && d.Special(')')
}

func writeObjectID(e *wire.Encoder, it *Item) { WriteObjectID(e, it.Text) }

// WriteObjectID writes the value of EMAILID or THREADID. An empty id is written
// as NIL, which is allowed for THREADID only.
func WriteObjectID(e *wire.Encoder, id string) {
	if id == "" {
		e.NIL()
		return
	}
	e.Raw("(").Atom(id).Raw(")")
}
