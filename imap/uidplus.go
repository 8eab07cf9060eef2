package imap

import "github.com/posthorn-mail/posthorn/mailbox"

// AppendUID is the code by which a server tells where messages were appended
// (RFC 4315 §3).
type AppendUID struct {
	UIDValidity uint32
	UIDs        mailbox.UIDSet
}

// CopyUID is the code by which a server tells where messages were copied or
// moved (RFC 4315 §3), in the order in which that was done.
type CopyUID struct {
	UIDValidity uint32
	Moved       []mailbox.Moved
}
