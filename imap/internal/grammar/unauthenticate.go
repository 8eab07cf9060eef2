package grammar

import "github.com/posthorn-mail/posthorn/imap"

// unauthenticateExt is UNAUTHENTICATE (RFC 8437).
func unauthenticateExt() extension {
	return extension{
		caps:     []imap.Cap{imap.CapUnauthenticate},
		commands: []row[imap.Command]{command[imap.Unauthenticate]("UNAUTHENTICATE", nil, nil)},
	}
}
