package imap

import "github.com/posthorn-mail/posthorn/mailbox/search"

// Thread is THREAD, or UID THREAD (RFC 5256 §3).
type Thread struct {
	UID       bool
	Algorithm search.Algorithm // in capitals
	Charset   string           // as in Search
	Key       search.Key
}

func (*Thread) Name() string { return "THREAD" }

// ThreadData is a THREAD response (RFC 5256 §4). The numbers in the trees are
// sequence numbers unless the command was UID THREAD. A tree can be as deep as it
// has messages.
type ThreadData struct{ Threads []*search.Thread }
