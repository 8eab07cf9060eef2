package message

import "strings"

// BaseSubject returns what SORT and THREAD compare of a raw subject (RFC 5256
// §2.1): decoded, blanks joined, and without the "Re:", "Fwd:", "[list]" and
// "(fwd)" around it. reply is true if these say that the message is a reply or
// was forwarded (RFC 5256 §3, THREAD=REFERENCES).
func BaseSubject(subject string) (base string, reply bool) {
	s := strings.Join(strings.FieldsFunc(DecodeText(subject), isBlank), " ") // step 1
	for {
		for { // step 2
			t := strings.TrimRight(s, " ")
			if cut, ok := cutSuffixFold(t, "(fwd)"); ok {
				t, reply = cut, true
			}
			if t == s {
				break
			}
			s = t
		}
		for { // steps 3 to 5
			t, refwd := cutLeader(s)
			reply = reply || refwd
			if t == s {
				break
			}
			s = t
		}
		t, ok := cutPrefixFold(s, "[fwd:") // step 6
		if !ok || !strings.HasSuffix(t, "]") {
			return s, reply
		}
		s, reply = strings.TrimSuffix(t, "]"), true
	}
}

func isBlank(r rune) bool { return r == ' ' || r == '\t' || r == '\r' || r == '\n' }

// cutLeader removes blanks, then "[blob]"s with the "re:" or "fwd:" after them.
// Without one, the blobs are removed too, as long as anything is left.
func cutLeader(s string) (rest string, refwd bool) {
	s = strings.TrimLeft(s, " ")
	rest, last := s, s
	for {
		t, ok := cutBlob(rest)
		if !ok {
			break
		}
		rest, last = t, rest
	}
	if t, ok := cutRefwd(rest); ok {
		return t, true
	}
	if rest == "" {
		return last, false
	}
	return rest, false
}

// cutBlob removes "[" *BLOBCHAR "]" *WSP.
func cutBlob(s string) (string, bool) {
	if !strings.HasPrefix(s, "[") {
		return s, false
	}
	i := strings.IndexAny(s[1:], "[]") + 1
	if i == 0 || s[i] != ']' {
		return s, false
	}
	return strings.TrimLeft(s[i+1:], " "), true
}

// cutRefwd removes ("re" / "fw" / "fwd") *WSP [subj-blob] ":".
func cutRefwd(s string) (string, bool) {
	t, ok := cutPrefixFold(s, "re")
	if !ok {
		if t, ok = cutPrefixFold(s, "fwd"); !ok {
			if t, ok = cutPrefixFold(s, "fw"); !ok {
				return s, false
			}
		}
	}
	t = strings.TrimLeft(t, " ")
	t, _ = cutBlob(t)
	return strings.CutPrefix(t, ":")
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

func cutSuffixFold(s, suffix string) (string, bool) {
	n := len(s) - len(suffix)
	if n < 0 || !strings.EqualFold(s[n:], suffix) {
		return s, false
	}
	return s[:n], true
}
