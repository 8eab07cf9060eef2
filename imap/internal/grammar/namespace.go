package grammar

import (
	"strings"

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
	for _, list := range [...]*[]imap.NamespaceEntry{&n.Personal, &n.OtherUsers, &n.Shared} {
		// An example of RFC 5255 §3.2 lacks the blank.
		if (!d.Tolerant || d.Peek() != '(') && !d.SP() || !readNamespaces(d, list) {
			return false
		}
	}
	return true
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
			if x.Translation != "" {
				text := x.Translation
				if !e.UTF8 {
					text = imap.EncodeUTF7(text)
				}
				e.Raw(` "TRANSLATION" (`).String(text).Raw(")")
			}
			for _, ext := range x.Extensions {
				e.SP().String(ext.Name).SP()
				writeStrings(e, ext.Values)
			}
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
		if !d.Element() || !d.Special('(') || !d.Mailbox(&n.Prefix) || !d.SP() || !readSeparator(d, &n.Separator) || !readNamespaceExtensions(d, &n) {
			return false
		}
		*list = append(*list, n)
	}
	return true
}

// readNamespaceExtensions reads names, each with a list of strings, and the
// parenthesis behind them. What has another form is skipped.
func readNamespaceExtensions(d *decoder, n *imap.NamespaceEntry) bool {
	for d.Err() == nil {
		if c := d.Peek(); c != ' ' && c != ')' {
			return d.Expected("SP or ')'")
		}
		for d.Try(' ') {
		}
		if d.Try(')') {
			return true
		}
		var name, list imap.Value
		if !d.Value(&name) || !d.TrySP() || d.Peek() == ')' {
			continue
		}
		if !d.Value(&list) {
			return false
		}
		x := imap.NamespaceExtension{Name: name.Text}
		for _, v := range list.List {
			x.Values = append(x.Values, v.Text)
		}
		if strings.EqualFold(x.Name, "TRANSLATION") && len(x.Values) == 1 {
			n.Translation = x.Values[0]
			if text, err := imap.DecodeUTF7(n.Translation); err == nil && !d.UTF8 {
				n.Translation = text
			}
			continue
		}
		n.Extensions = append(n.Extensions, x)
	}
	return false
}
