package imapserver

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// separator is the hierarchy separator of every mailbox.Account.
const separator = '/'

// namespaceExt is NAMESPACE (RFC 2342).
func namespaceExt() extension {
	return extension{
		caps:     []imap.Cap{imap.CapNamespace},
		commands: []command{{"NAMESPACE", loggedIn, on((*Conn).namespace)}},
	}
}

func (c *Conn) namespace(*imap.Namespace) (reply, error) {
	ns := mailbox.Namespaces{Personal: []string{""}}
	if n, ok := c.account.(mailbox.Namespacer); ok {
		var err error
		if ns, err = n.Namespaces(c.ctx); err != nil {
			return reply{}, err
		}
	}
	entries := func(prefixes []string) (list []imap.NamespaceEntry) {
		for _, p := range prefixes {
			list = append(list, imap.NamespaceEntry{Prefix: p, Separator: separator})
		}
		return list
	}
	return reply{}, c.respond(&imap.NamespaceData{
		Personal: entries(ns.Personal), OtherUsers: entries(ns.OtherUsers), Shared: entries(ns.Shared),
	})
}
