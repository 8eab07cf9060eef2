package imap

import "github.com/posthorn-mail/posthorn/mailbox"

// AppendUID is the code that tells which UIDs appended messages have
// (RFC 4315 §3).
type AppendUID struct {
	UIDValidity uint32
	UIDs        mailbox.UIDSet
}

// CopyUID is the code that tells which UIDs copied or moved messages have (RFC
// 4315 §3), in the order in which they were copied.
type CopyUID struct {
	UIDValidity uint32
	Moved       []mailbox.Moved
}
