package grammar

import "github.com/posthorn-mail/posthorn/imap"

// expungeExt is EXPUNGE (RFC 9051 §6.4.3).
func expungeExt() extension {
	return extension{commands: []row[imap.Command]{form[imap.Expunge]("EXPUNGE", func(c *imap.Expunge) *bool { return &c.UID }, false, nil, nil)}}
}
