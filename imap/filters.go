package imap

// SearchFilter is the key that a filter on the server stands for (RFC 5466 §3.1).
// The name is an atom without "/".
type SearchFilter struct{ Name string }

// SearchKey marks the type as a search.Key.
func (SearchFilter) SearchKey() {}
