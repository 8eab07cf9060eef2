package imap

// NamespaceData is a NAMESPACE response (RFC 2342 §5). A nil list is NIL.
type NamespaceData struct {
	Personal, OtherUsers, Shared []NamespaceEntry
}

// NamespaceEntry is one namespace.
type NamespaceEntry struct {
	Prefix    string
	Separator byte // zero: NIL
}
