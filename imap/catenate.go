package imap

// CatPart is a part of a message that APPEND or REPLACE puts together (RFC 4469 §3):
// what a URL refers to, or octets that follow on the connection.
type CatPart struct {
	URL     string // of a message or a part on the same server; empty: Literal follows
	Literal Literal
	UTF8    bool // Literal may have UTF-8 in a header, and is a literal8 (RFC 6855 §4)
}
