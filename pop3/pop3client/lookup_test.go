package pop3client_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/pop3/pop3client"
)

// srvRecords answers LookupSRV by service and name.
type srvRecords map[string][]*net.SRV

func (r srvRecords) LookupSRV(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
	if records, ok := r[service+" "+proto+" "+name]; ok {
		if records == nil {
			return "", nil, &net.DNSError{Err: "server misbehaving", Name: name, IsTemporary: true}
		}
		return name, records, nil
	}
	return "", nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func TestLookup(t *testing.T) {
	r := srvRecords{
		"pop3s tcp example.com.": {{Target: "pop.example.com.", Port: 995}, {Target: "mail.example.net.", Port: 1995, Priority: 1}},
		"pop3 tcp example.com.":  {{Target: "pop.example.com.", Port: 110}},
		"pop3 tcp plain.test.":   {{Target: "plain.test.", Port: 110}},
		"pop3s tcp half.test.":   {{Target: "."}},
		"pop3 tcp half.test.":    {{Target: "half.test.", Port: 110}},
		"pop3s tcp none.test.":   {{Target: "."}},
		"pop3 tcp none.test.":    {{Target: "."}},
		"pop3s tcp broken.test.": nil,
	}
	for domain, want := range map[string][]pop3client.Server{
		"example.com": {
			{Addr: "pop.example.com:995", TLS: true}, {Addr: "mail.example.net:1995", TLS: true, Foreign: true},
			{Addr: "pop.example.com:110"},
		},
		"plain.test": {{Addr: "plain.test:110"}},
		"half.test":  {{Addr: "half.test:110"}},
	} {
		got, err := pop3client.Lookup(t.Context(), r, domain)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := pop3client.Lookup(t.Context(), r, "none.test")
	require.ErrorIs(t, err, pop3client.ErrNoService)
	var dns *net.DNSError
	_, err = pop3client.Lookup(t.Context(), r, "broken.test")
	require.ErrorAs(t, err, &dns)
	require.True(t, dns.IsTemporary)
	_, err = pop3client.Lookup(t.Context(), r, "silent.test")
	require.ErrorAs(t, err, &dns)
	require.True(t, dns.IsNotFound)
	_, err = pop3client.Lookup(t.Context(), r, "no domain")
	require.Error(t, err)
}

// A mail program needs no more than the user's address to find out where the mail
// is.
func ExampleLookup() {
	ctx := context.Background()
	// Without the resolver, which is for the example only, the system's is asked.
	resolver := srvRecords{
		"pop3s tcp example.org.": {{Target: "pop.example.org.", Port: 995}},
		"pop3 tcp example.org.":  {{Target: "pop.example.org.", Port: 110}, {Target: "mail.provider.example.", Port: 110}},
	}
	servers, err := pop3client.Lookup(ctx, resolver, "example.org")
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range servers {
		switch {
		case s.Foreign:
			fmt.Println("ask the user about", s.Addr)
		case s.TLS:
			fmt.Println("DialTLS", s.Addr)
		default:
			fmt.Println("DialStartTLS", s.Addr)
		}
	}
	// Output:
	// DialTLS pop.example.org:995
	// DialStartTLS pop.example.org:110
	// ask the user about mail.provider.example:110
}
