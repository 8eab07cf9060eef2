package grammar

import (
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// BeginUIDFetch begins a UIDFETCH response, which takes the place of FETCH once
// UIDONLY is enabled (RFC 9586 §3). It goes on as after BeginFetch.
func BeginUIDFetch(e *wire.Encoder, uid mailbox.UID) {
	e.Raw("* ").Uint(uint64(uid)).Raw(" UIDFETCH (")
}
