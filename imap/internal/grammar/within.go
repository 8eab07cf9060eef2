package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// withinExt is WITHIN (RFC 5032).
func withinExt() extension {
	return extension{
		caps:       []imap.Cap{imap.CapWithin},
		searchKeys: []row[search.Key]{withinKey("OLDER", false), withinKey("YOUNGER", true)},
	}
}

func withinKey(name string, younger bool) row[search.Key] {
	return key(name, search.Within{Younger: younger},
		func(k search.Within) bool { return k.Younger == younger },
		func(d *decoder, k *search.Within) bool { return d.SP() && d.NZNumber(&k.Seconds) },
		func(e *wire.Encoder, k search.Within) { e.SP().Uint(uint64(k.Seconds)) })
}
