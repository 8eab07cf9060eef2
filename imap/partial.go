package imap

// A PartialRange is a range of positions in the result of a search, which start
// at 1 (RFC 9394 §3.1). Negative positions count from the end: -1 is the last
// one. Both have the same sign and are at most 2^32-1 from zero; they may be in
// either order.
type PartialRange struct{ First, Last int64 }

// PartialData is the part of a result that lies in Range, which is the range that
// the client asked for. Nums is empty if there is none (NIL).
type PartialData struct {
	Range PartialRange
	Nums  NumSet
}
