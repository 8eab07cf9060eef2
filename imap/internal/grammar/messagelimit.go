package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// messageLimitExt is MESSAGELIMIT and SAVELIMIT (RFC 9738).
func messageLimitExt() extension {
	return extension{
		caps: []imap.Cap{imap.CapMessageLimit},
		searchKeys: []row[search.Key]{
			key("UIDAFTER", imap.SearchUIDAfter{}, nil,
				func(d *decoder, k *imap.SearchUIDAfter) bool { return d.SP() && d.NZNumber((*uint32)(&k.UID)) },
				func(e *wire.Encoder, k imap.SearchUIDAfter) { e.SP().Uint(uint64(k.UID)) }),
			key("UIDBEFORE", imap.SearchUIDBefore{}, nil,
				func(d *decoder, k *imap.SearchUIDBefore) bool { return d.SP() && d.NZNumber((*uint32)(&k.UID)) },
				func(e *wire.Encoder, k imap.SearchUIDBefore) { e.SP().Uint(uint64(k.UID)) }),
		},
		codes: []row[any]{value("MESSAGELIMIT",
			func(d *decoder, m *imap.MessageLimit) bool {
				return d.SP() && d.NZNumber(&m.Limit) && (!d.TrySP() || d.NZNumber((*uint32)(&m.UID)))
			},
			func(e *wire.Encoder, m *imap.MessageLimit) {
				if e.SP().Uint(uint64(m.Limit)); m.UID != 0 {
					e.SP().Uint(uint64(m.UID))
				}
			})},
	}
}
