package tlsrpt_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/netip"
	"time"

	"github.com/posthorn-mail/posthorn/smtp/outbound"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
	"github.com/posthorn-mail/posthorn/smtp/tlsrpt"
)

// A Deliverer tells the Collector of its attempts; once a day, reports are made.
func ExampleCollector() {
	c := &tlsrpt.Collector{}
	d := &outbound.Deliverer{OnAttempt: c.Attempt}

	// This is what d does when a host that has no TLS, against the policy of its
	// domain, is tried.
	d.OnAttempt(context.Background(), &outbound.Attempt{
		Domain: "example.com", Host: "mx.example.com", Addr: netip.MustParseAddrPort("192.0.2.1:25"),
		Policy: outbound.PolicySTS, STS: &outbound.STSPolicy{Mode: outbound.STSEnforce, MX: []string{"mx.example.com"}, MaxAge: 24 * time.Hour},
		Security: outbound.Cleartext, TLSErr: smtpclient.ErrNoStartTLS,
	})

	for _, r := range c.Take() {
		r.Organization, r.Contact, r.ID = "Example", "postmaster@example.org", "2026-11-24-example.com"
		text, err := json.Marshal(r) // RFC 8460 §4.4
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(r.Domain, json.Valid(text))
		for _, p := range r.Policies {
			fmt.Println(p.Policy.Type, "succeeded", p.Summary.Successes, "failed", p.Summary.Failures)
			for _, f := range p.Details {
				fmt.Println(f.Result, f.Host, f.Sessions)
			}
		}
	}
	// Output:
	// example.com true
	// sts succeeded 0 failed 1
	// starttls-not-supported mx.example.com 1
}
