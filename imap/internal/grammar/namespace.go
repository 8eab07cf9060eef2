package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// namespaceExt is NAMESPACE (RFC 2342).
func namespaceExt() extension {
	return extension{
		caps:      []imap.Cap{imap.CapNamespace, imap.CapIMAP4rev2},
		commands:  []row[imap.Command]{command[imap.Namespace]("NAMESPACE", nil, nil)},
		responses: []row[Response]{data("NAMESPACE", readNamespaceData, writeNamespaceData)},
	}
}

func readNamespaceData(d *decoder, n *imap.NamespaceData) bool {
	return d.SP() && readNamespaces(d, &n.Personal) && d.SP() && readNamespaces(d, &n.OtherUsers) && d.SP() && readNamespaces(d, &n.Shared)
}

func writeNamespaceData(e *wire.Encoder, n *imap.NamespaceData) {
	for _, list := range [...][]imap.NamespaceEntry{n.Personal, n.OtherUsers, n.Shared} {
		e.SP()
		if list == nil {
			e.NIL()
			continue
		}
		e.Raw("(")
		for _, x := range list {
			prefix := x.Prefix
			if !e.UTF8 {
				prefix = imap.EncodeUTF7(prefix)
			}
			e.Raw("(").String(prefix).SP()
			writeSeparator(e, x.Separator)
			e.Raw(")")
		}
		e.Raw(")")
	}
}

// readNamespaces reads a list without separators, whose elements may have
// extensions (RFC 2342 §5).
func readNamespaces(d *decoder, list *[]imap.NamespaceEntry) bool {
	if d.TryKeyword("NIL") {
		return true
	}
	if !d.Special('(') {
		return false
	}
	for !d.Try(')') {
		var n imap.NamespaceEntry
		for d.Try(' ') {
		}
		if !d.Element() || !d.Special('(') || !d.Mailbox(&n.Prefix) || !d.SP() || !readSeparator(d, &n.Separator) || !d.SkipTo() {
			return false
		}
		*list = append(*list, n)
	}
	return true
}
