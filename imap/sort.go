package imap

import "github.com/posthorn-mail/posthorn/mailbox/search"

// Sort is SORT, or UID SORT (RFC 5256 §3): a Search whose result has an order.
// The answer is a SORT response, or an ESEARCH response if there are result
// options (RFC 5267 §3.1).
type Sort struct {
	Search
	By []search.SortKey // at least one; the first counts most
}

func (*Sort) Name() string { return "SORT" }

// SortRelevancy sorts by relevancy, the most relevant message first (RFC 6203
// §6). It needs a SearchFuzzy.
const SortRelevancy search.SortField = 255

// SortData is a SORT response (RFC 5256 §4). Nums are in the order asked for.
type SortData SearchData
