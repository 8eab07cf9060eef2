package imap

// Annotation is an entry of a message's annotations, such as "/comment", and its
// attributes (RFC 5257 §3).
type Annotation struct {
	Entry string
	Attrs []AnnotationAttr // empty in what a server tells unasked: the entry has changed
}

// AnnotationAttr is an attribute of an entry, such as "value.priv", "value.shared" or
// "size.shared".
type AnnotationAttr struct {
	Name  string
	Value []byte // nil: NIL, there is none, or it is removed
}

// AnnotationQuery says which annotations FETCH asks for (RFC 5257 §4.3). Entries may have
// the wildcards "*" and "%". An attribute without ".priv" or ".shared" stands for both.
type AnnotationQuery struct {
	Entries, Attrs []string // at least one of each
}

// SearchAnnotation matches messages with Value in an annotation (RFC 5257 §4.8): in the
// attribute Attr ("value", "value.priv" or "value.shared") of an entry that matches
// Entry. Only a server that has annotations can evaluate it.
type SearchAnnotation struct{ Entry, Attr, Value string }

// SearchKey marks the type as a search.Key.
func (SearchAnnotation) SearchKey() {}

// AnnotateCode is the argument of the code ANNOTATE: why a STORE of annotations was
// refused (RFC 5257 §4.5).
type AnnotateCode string

// The arguments of ANNOTATE.
const (
	AnnotateTooBig  AnnotateCode = "TOOBIG"
	AnnotateTooMany AnnotateCode = "TOOMANY"
)

// AnnotationsCode is the argument of the code ANNOTATIONS: what a selected mailbox can
// do (RFC 5257 §4.2). The zero value is NONE: it has no annotations.
type AnnotationsCode struct {
	MaxSize   uint32 // octets of a value
	ReadOnly  bool   // annotations can't be changed; MaxSize is zero
	NoPrivate bool   // there are no private ones
}
