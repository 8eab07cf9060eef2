package imap

// Language is LANGUAGE (RFC 5255 §3.2): the languages that texts should have, the
// preferred one first. "default" is the server's own; none asks which there are.
type Language struct{ Ranges []string }

// LanguageData is a LANGUAGE response (RFC 5255 §3.3): the language that is in use
// now, or all that there are.
type LanguageData struct{ Tags []string }

// Comparator is COMPARATOR (RFC 5255 §4.7): the collations that SEARCH, SORT and THREAD
// should use, the preferred one first. "default" is the server's own; none asks
// which is active.
type Comparator struct{ Order []string }

// ComparatorData is a COMPARATOR response (RFC 5255 §4.8).
type ComparatorData struct {
	Active    string
	Available []string // those that match the command, if there are several
}

func (*Language) Name() string   { return "LANGUAGE" }
func (*Comparator) Name() string { return "COMPARATOR" }
