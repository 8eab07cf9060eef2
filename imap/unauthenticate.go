package imap

// Unauthenticate is UNAUTHENTICATE (RFC 8437 §3).
type Unauthenticate struct{}

func (*Unauthenticate) Name() string { return "UNAUTHENTICATE" }
