package grammar

import "github.com/posthorn-mail/posthorn/imap"

// startTLSExt is STARTTLS (RFC 9051 §6.2.1). It is accepted even if it is
// not offered, so that the server can say why.
func startTLSExt() extension {
	return extension{commands: []row[imap.Command]{command[imap.StartTLS]("STARTTLS", nil, nil)}}
}
