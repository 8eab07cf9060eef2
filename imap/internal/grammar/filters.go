package grammar

import (
	"fmt"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// filtersExt is FILTERS (RFC 5466).
func filtersExt() extension {
	return extension{
		caps: []imap.Cap{imap.CapFilters},
		searchKeys: []row[search.Key]{key("FILTER", imap.SearchFilter{}, nil,
			func(d *decoder, k *imap.SearchFilter) bool { return readFilterName(d, &k.Name) },
			func(e *wire.Encoder, k imap.SearchFilter) { writeFilterName(e, &k.Name) })},
		codes: []row[any]{value("UNDEFINED-FILTER", readFilterName, writeFilterName)},
	}
}

func readFilterName(d *decoder, name *string) bool {
	return d.SP() && d.Atom(name) && (!strings.Contains(*name, "/") || d.Expected("filter name without '/'")) // §4
}

func writeFilterName(e *wire.Encoder, name *string) {
	if strings.Contains(*name, "/") {
		e.Fail(fmt.Errorf("imap: invalid filter name %q", *name))
		return
	}
	e.SP().Atom(*name)
}
