package grammar

import (
	"fmt"

	"github.com/posthorn-mail/posthorn/imap"
)

// idleExt is IDLE (RFC 2177).
func idleExt() extension {
	return extension{
		caps:     []imap.Cap{imap.CapIdle, imap.CapIMAP4rev2},
		commands: []row[imap.Command]{command[imap.Idle]("IDLE", nil, nil)},
	}
}

// ReadDone reads the line that ends IDLE (RFC 2177). An *imap.Error as from
// ReadCommand says that the line is not DONE.
func (r *Reader) ReadDone() error {
	if err := r.d.Begin(); err != nil {
		return r.refuse(err)
	}
	if !r.d.Keyword("DONE") || !r.d.End() {
		return r.refuse(fmt.Errorf("in IDLE: %w", r.d.Err()))
	}
	return nil
}
