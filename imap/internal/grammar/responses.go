package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// WriteCapability writes a CAPABILITY response line (RFC 9051 §7.2.2).
func WriteCapability(e *wire.Encoder, caps imap.CapSet) {
	e.Raw("* CAPABILITY")
	writeCaps(e, caps)
	e.CRLF()
}

// WriteCapabilityCode writes the response code in its brackets.
func WriteCapabilityCode(e *wire.Encoder, caps imap.CapSet) {
	e.Raw("[CAPABILITY")
	writeCaps(e, caps)
	e.Raw("]")
}

func writeCaps(e *wire.Encoder, caps imap.CapSet) {
	for c := range caps.All() {
		e.SP().Atom(string(c))
	}
}

// WriteEnabled writes an ENABLED response line (RFC 5161 §3.2).
func WriteEnabled(e *wire.Encoder, caps []imap.Cap) {
	e.Raw("* ENABLED")
	for _, c := range caps {
		e.SP().Atom(string(c))
	}
	e.CRLF()
}

// WriteID writes an ID response line (RFC 2971 §3.2).
func WriteID(e *wire.Encoder, fields imap.IDFields) {
	e.Raw("* ID ")
	writeIDFields(e, fields)
	e.CRLF()
}

func writeIDFields(e *wire.Encoder, fields imap.IDFields) {
	if len(fields) == 0 {
		e.NIL()
		return
	}
	e.Raw("(")
	for i, f := range fields {
		if i > 0 {
			e.SP()
		}
		e.String(f.Name).SP().NString(f.Value)
	}
	e.Raw(")")
}

// WriteNamespace writes a NAMESPACE response line (RFC 2342 §5).
func WriteNamespace(e *wire.Encoder, n *imap.NamespaceData) {
	e.Raw("* NAMESPACE")
	for _, list := range [...][]imap.NamespaceEntry{n.Personal, n.OtherUsers, n.Shared} {
		e.SP()
		if len(list) == 0 {
			e.NIL()
			continue
		}
		e.Raw("(")
		for _, x := range list {
			e.Raw("(")
			if x.Prefix == "" {
				e.Raw(`""`)
			} else {
				e.String(wirePrefix(e, x.Prefix))
			}
			e.SP().Separator(x.Separator).Raw(")")
		}
		e.Raw(")")
	}
	e.CRLF()
}

// wirePrefix encodes a prefix as mailbox names are.
func wirePrefix(e *wire.Encoder, s string) string {
	if e.UTF8 {
		return s
	}
	return imap.EncodeUTF7(s)
}
