// Package search says what is looked for in a mailbox: as a tree of keys, which
// are those of IMAP (RFC 9051 §6.4.4 and its extensions) without what only an
// IMAP session knows. Sequence numbers, "$" and \Recent are keys of package
// imap; a server replaces them by UIDs with [Rewrite].
package search
