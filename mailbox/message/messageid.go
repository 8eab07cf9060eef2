package message

import "strings"

// MessageIDs returns the message identifiers in the value of a field such as
// References or In-Reply-To (RFC 5322 §3.6.4), with angle brackets. Phrases,
// comments and other text between them are skipped, and blanks within an
// identifier are removed.
func MessageIDs(s string) []string { return appendMessageIDs(nil, s, len(s)) }

func appendMessageIDs(ids []string, s string, max int) []string {
	for len(ids) < max {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			break
		}
		s = s[i:]
		end := strings.IndexByte(s, '>')
		if end < 0 {
			break
		}
		// "<a <b@c>": the first one is incomplete.
		id := s[strings.LastIndexByte(s[:end], '<') : end+1]
		if strings.ContainsAny(id, " \t\r\n") {
			id = strings.Join(strings.Fields(id), "")
		}
		if len(id) > 2 {
			ids = append(ids, id)
		}
		s = s[end+1:]
	}
	return ids
}
