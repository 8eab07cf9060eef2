package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// appendLimitExt is APPENDLIMIT (RFC 7889). The STATUS item exists if the
// capability has no value (§2).
func appendLimitExt() extension {
	return extension{
		caps: []imap.Cap{imap.CapAppendLimit},
		statusItems: []row[imap.StatusData]{{
			name: "APPENDLIMIT", has: func(s *imap.StatusData) bool { return s.AppendLimit != nil },
			read: func(d *decoder, s *imap.StatusData) bool {
				s.AppendLimit = new(int64)
				if !d.SP() {
					return false
				}
				if d.TryKeyword("NIL") {
					*s.AppendLimit = -1
					return true
				}
				return d.Number64(s.AppendLimit)
			},
			write: func(e *wire.Encoder, s *imap.StatusData) {
				if e.SP(); *s.AppendLimit < 0 {
					e.NIL()
				} else {
					e.Int(*s.AppendLimit)
				}
			},
		}},
	}
}
