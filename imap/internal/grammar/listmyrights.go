package grammar

import "github.com/posthorn-mail/posthorn/imap"

// listMyRightsExt is LIST-MYRIGHTS (RFC 8440): MYRIGHTS responses follow those of
// LIST.
func listMyRightsExt() extension {
	return extension{
		caps:        []imap.Cap{imap.CapListMyRights},
		listReturns: []row[imap.List]{option("MYRIGHTS", listReturn, imap.ReturnMyRights)},
	}
}
