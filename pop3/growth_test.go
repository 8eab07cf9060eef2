package pop3

import (
	"testing"

	"github.com/posthorn-mail/posthorn/internal/testutil/growth"
)

// TestGrowth holds the parsers of commands and replies to work and memory in
// proportion to their length.
func TestGrowth(t *testing.T) {
	command := func(s string) {
		_, _ = ParseCommand([]byte(s))
		Redact([]byte(s))
	}
	reply := func(s string) {
		if st, ok := ParseStatus([]byte(s)); ok {
			AppendStatus(nil, st)
		}
		ParseListing([]byte(s))
		ParseUIDListing([]byte(s))
		ParseCapability([]byte(s))
		Stamp(s)
	}
	parsers := []growth.Parser{
		{Name: "reply", Alphabet: "+-[]<>/ 1a@", Parse: reply, Patterns: []string{"+OK ", "-ERR ", "<a@b>", "[A]"}},
		{Name: "positive reply", Prefix: "+OK ", Alphabet: "<>@[] a\\", Parse: reply, Patterns: []string{"<", "<a", "<a@b"}},
		{Name: "negative reply", Prefix: "-ERR [", Alphabet: "[]/ a", Parse: reply, Patterns: []string{"A/", "]"}},
		{Name: "listing", Prefix: "1 ", Alphabet: " 1a\x80", Parse: reply},
		{Name: "command", Alphabet: " 1aA\x7f=", Parse: command},
	}
	for _, verb := range []string{"USER ", "PASS ", "APOP ", "AUTH ", "TOP ", "RETR ", "LIST "} {
		parsers = append(parsers, growth.Parser{Name: verb, Prefix: verb, Alphabet: " 1a=", Parse: command})
	}
	growth.Test(t, parsers)
}
