package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// capabilityExt is CAPABILITY (RFC 9051 §6.1.1, §7.2.2).
func capabilityExt() extension {
	return extension{
		commands:  []row[imap.Command]{command[imap.Capability]("CAPABILITY", nil, nil)},
		responses: []row[Response]{value("CAPABILITY", readCapSet, writeCapSet)},
		codes:     []row[any]{value("CAPABILITY", readCapSet, writeCapSet)},
	}
}

func readCapSet(d *decoder, set *imap.CapSet) bool {
	var caps []imap.Cap
	ok := readCaps(d, &caps)
	*set = imap.NewCapSet(caps...)
	return ok
}

func writeCapSet(e *wire.Encoder, set *imap.CapSet) {
	for c := range set.All() {
		e.SP().Atom(string(c))
	}
}

// readCaps reads zero or more capabilities, each after a blank.
func readCaps(d *decoder, caps *[]imap.Cap) bool {
	for d.TrySP() {
		var s string
		if !d.Element() || !d.AString(&s) {
			return false
		}
		*caps = append(*caps, imap.Cap(s))
	}
	return d.Err() == nil
}
