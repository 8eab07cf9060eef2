package grammar

import "github.com/posthorn-mail/posthorn/imap"

// noopExt is NOOP and LOGOUT (RFC 9051 §6.1.2, §6.1.3).
func noopExt() extension {
	return extension{commands: []row[imap.Command]{
		command[imap.Noop]("NOOP", nil, nil),
		command[imap.Logout]("LOGOUT", nil, nil),
	}}
}
