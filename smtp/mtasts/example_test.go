package mtasts_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"

	"github.com/posthorn-mail/posthorn/smtp/mtasts"
	"github.com/posthorn-mail/posthorn/smtp/outbound"
)

// A Deliverer with Fetch follows the policies of domains.
func ExampleFetch() {
	d := &outbound.Deliverer{MTASTS: &outbound.MTASTS{Fetch: mtasts.Fetch}}
	fmt.Println(d.MTASTS.Fetch != nil)
	// Output: true
}

// What a domain's policy says of a mail host.
func ExampleFetcher() {
	f := &mtasts.Fetcher{Transport: webServer{}} // for the example; by default, the policy is fetched over the network
	text, err := f.Fetch(context.Background(), "example.com")
	if err != nil {
		log.Fatal(err)
	}
	policy, err := outbound.ParseSTSPolicy(text)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(policy.Mode, policy.MaxAge)
	for _, host := range []string{"mx1.mail.example.com", "mx.example.net"} {
		fmt.Println(host, policy.Matches(host))
	}
	// Output:
	// enforce 168h0m0s
	// mx1.mail.example.com true
	// mx.example.net false
}

type webServer struct{}

func (webServer) RoundTrip(r *http.Request) (*http.Response, error) {
	policy := "version: STSv1\nmode: enforce\nmx: *.mail.example.com\nmax_age: 604800\n"
	if r.URL.String() != "https://mta-sts.example.com/.well-known/mta-sts.txt" {
		return nil, fmt.Errorf("no such page: %s", r.URL)
	}
	return &http.Response{
		StatusCode: http.StatusOK,
		Header:     http.Header{"Content-Type": {"text/plain"}},
		Body:       io.NopCloser(strings.NewReader(policy)),
	}, nil
}
