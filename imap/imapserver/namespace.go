package imapserver

import "github.com/posthorn-mail/posthorn/imap"

// separator is the hierarchy separator of every mailbox.Account.
const separator = '/'

// namespaceExt is NAMESPACE (RFC 2342). An account has one namespace, the user's
// own, without a prefix.
func namespaceExt() extension {
	return extension{
		caps:     []imap.Cap{imap.CapNamespace},
		commands: []command{{"NAMESPACE", loggedIn, on((*Session).namespace)}},
	}
}

func (s *Session) namespace(*imap.Namespace) (reply, error) {
	return reply{}, s.respond(&imap.NamespaceData{Personal: []imap.NamespaceEntry{{Separator: separator}}})
}
