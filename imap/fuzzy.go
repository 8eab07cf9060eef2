package imap

import "github.com/posthorn-mail/posthorn/mailbox/search"

// SearchFuzzy matches messages that its key matches in a way that the server
// chooses (RFC 6203 §3). [search.Leaves] and [search.Rewrite] do not look into it.
type SearchFuzzy struct{ Key search.Key }

// SearchKey marks the type as a search.Key.
func (SearchFuzzy) SearchKey() {}
