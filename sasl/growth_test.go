package sasl

import (
	"context"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/testutil/growth"
)

// TestGrowth holds what a peer can make a mechanism parse to work and memory in
// proportion to its length. Servers read no more than MaxResponse of it.
func TestGrowth(t *testing.T) {
	users := &Users{Iterations: MinIterations, KeepSecrets: true}
	if err := users.Set("tim", "secret"); err != nil {
		t.Fatal(err)
	}
	a := everything{users}
	var parsers []growth.Parser
	for _, p := range []struct {
		name     string
		prefixes []string
		alphabet string
		patterns []string
		client   func() Client
	}{
		{"PLAIN", []string{"", "\x00"}, "a\xff", []string{"\x00", "\x00\x00", "e\u0301", "\u00ad"}, func() Client { return Plain("", "u", "p") }},
		{"LOGIN", []string{""}, "a :", nil, func() Client { return Login("u", "p") }},
		{"CRAM-MD5", []string{"", "tim "}, " a<>@", nil, func() Client { return CramMD5("u", "p") }},
		{"DIGEST-MD5", []string{"", "username=\"", "nonce=\"x\",qop=\"", "realm="}, ",=\"\\ a", []string{"a=b,", "realm=\"a\",", "a№=b,", "auth,", "\"\\\"", ",,"}, func() Client { return DigestMD5("", "u", "p", "imap", "h") }},
		{"SCRAM-SHA-256", []string{"", "n,,", "n,,n=", "n,a=", "r=NONCE,s="}, ",=2Ca", []string{"=2C", "=3D", "x=y,", "AAAA"}, func() Client { return SCRAM(SHA256, "u", "p", nil) }},
		{"OAUTHBEARER", []string{"", "n,,\x01", "n,a=", "n,,\x01auth=Bearer ", "{"}, ",=\x01a\"{[:", []string{"=2C", "a=b\x01", "a№=b\x01", "\x01", "[", "{\"a\":", "{\"a\":…}", "\"a\":1,"}, func() Client { return OAuthBearer(Token{Bearer: "t"}) }},
		{"XOAUTH2", []string{"", "user=", "user=a\x01"}, "=\x01a", []string{"a=b\x01"}, func() Client { return XOAuth2("u", "t") }},
		{"ANONYMOUS", []string{""}, "a@\xc3\xa4", nil, func() Client { return Anonymous("") }},
	} {
		c := Conn{TLS: under, Mechanisms: []string{p.name}}
		for _, prefix := range p.prefixes {
			parsers = append(parsers, growth.Parser{Name: p.name + " " + prefix, Prefix: prefix, Alphabet: p.alphabet, Patterns: p.patterns, Parse: func(in string) {
				s, err := NewServer(p.name, a, c)
				if err != nil {
					t.Fatal(err)
				}
				if _, _, err = s.Next(context.Background(), nil); err == nil {
					_, _, _ = s.Next(context.Background(), []byte(in))
				}
				client := p.client()
				if _, err := client.Start(); err != nil {
					t.Fatal(err)
				}
				if s, ok := client.(*scramClient); ok {
					s.nonce = "NONCE"
				}
				_, _ = client.Next([]byte(in))
				_ = Reason(client)
			}})
		}
	}
	parsers = append(parsers,
		growth.Parser{Name: "Prep", Alphabet: "a \u00ad\u0301\u0627\xff", Patterns: []string{"e\u0301", "\u00ad", "\u0627\u0031\u0628", "\ufb01"}, Parse: func(s string) { _, _ = Prep(s) }},
		growth.Parser{Name: "base64", Alphabet: "A=\r\n ", Parse: func(s string) { _, _ = Decode([]byte(s)) }},
		growth.Parser{Name: "mechanisms", Alphabet: "A-", Parse: func(s string) { IsName([]byte(s)); RevealsSecret(s) }})
	growth.Test(t, parsers)
}
