package grammar

import "github.com/posthorn-mail/posthorn/imap"

// statusSizeExt is STATUS=SIZE (RFC 8438).
func statusSizeExt() extension {
	return extension{
		caps:        []imap.Cap{imap.CapStatusSize, imap.CapIMAP4rev2},
		statusItems: []row[imap.StatusData]{statusNumber(imap.StatusSize, func(s *imap.StatusData) **int64 { return &s.Size })},
	}
}
