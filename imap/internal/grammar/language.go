package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// languageExt is LANGUAGE (RFC 5255 §3).
func languageExt() extension {
	return extension{
		caps: []imap.Cap{imap.CapLanguage},
		commands: []row[imap.Command]{command("LANGUAGE",
			func(d *decoder, c *imap.Language) bool { return readAStrings(d, &c.Ranges) },
			func(e *wire.Encoder, c *imap.Language) { writeAStrings(e, c.Ranges) })},
		responses: []row[Response]{data("LANGUAGE",
			func(d *decoder, l *imap.LanguageData) bool { return d.SP() && readStrings(d, &l.Tags) },
			func(e *wire.Encoder, l *imap.LanguageData) {
				writeAll(e.SP(), l.Tags, func(s string) { e.AString(s) })
			})},
	}
}

// comparatorExt is I18NLEVEL=2 (RFC 5255 §4).
func comparatorExt() extension {
	return extension{
		caps: []imap.Cap{imap.CapI18NLevel2},
		commands: []row[imap.Command]{command("COMPARATOR",
			func(d *decoder, c *imap.Comparator) bool { return readAStrings(d, &c.Order) },
			func(e *wire.Encoder, c *imap.Comparator) { writeAStrings(e, c.Order) })},
		responses: []row[Response]{data("COMPARATOR",
			func(d *decoder, c *imap.ComparatorData) bool {
				return d.SP() && d.AString(&c.Active) && (!d.TrySP() || readStrings(d, &c.Available))
			},
			func(e *wire.Encoder, c *imap.ComparatorData) {
				if e.SP().AString(c.Active); len(c.Available) > 0 {
					writeAll(e.SP(), c.Available, func(s string) { e.AString(s) })
				}
			})},
	}
}

func writeAStrings(e *wire.Encoder, list []string) {
	for _, s := range list {
		e.SP().AString(s)
	}
}
