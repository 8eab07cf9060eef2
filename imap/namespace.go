package imap

// NamespaceData is a NAMESPACE response (RFC 2342 §5). A nil list is NIL.
type NamespaceData struct {
	Personal, OtherUsers, Shared []NamespaceEntry
}

// NamespaceEntry is one namespace.
type NamespaceEntry struct {
	Prefix    string
	Separator byte // zero: NIL

	Translation string               // of Prefix, in the language of LANGUAGE (RFC 5255 §3.4); empty: none
	Extensions  []NamespaceExtension // others
}

// NamespaceExtension is what an extension tells of a namespace (RFC 2342 §5).
type NamespaceExtension struct {
	Name   string
	Values []string
}
