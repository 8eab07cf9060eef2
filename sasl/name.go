package sasl

// maxName is the most characters that the name of a mechanism has (RFC 4422 §3.1).
const maxName = 20

// IsName reports whether a word looks like the name of a mechanism, known or not: 1
// to 20 letters, digits, hyphens and underscores (RFC 4422 §3.1). Names may be
// written in small letters, but not in letters of both cases: that is how base64
// looks. It is for traces, which show the mechanism of an AUTH command but not a
// response or a password that stands in its place.
func IsName(word []byte) bool {
	var upper, lower bool
	for _, c := range word {
		switch {
		case 'A' <= c && c <= 'Z':
			upper = true
		case 'a' <= c && c <= 'z':
			lower = true
		case '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return 0 < len(word) && len(word) <= maxName && !(upper && lower)
}
