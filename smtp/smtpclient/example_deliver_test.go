package smtpclient_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/netip"
	"strings"

	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/mtasts"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
)

// Many messages to one server.
func ExamplePool() {
	options := &smtpclient.Options{Credentials: &sasl.Credentials{Username: "alice", Password: "open sesame"}}
	pool := &smtpclient.Pool{Dial: func(ctx context.Context) (*smtpclient.Client, error) {
		return smtpclient.DialStartTLS(ctx, "smtp.example.org:587", options)
	}}
	defer pool.Close()
	// From any number of goroutines:
	env := &smtpclient.Envelope{
		From: smtp.Address{Local: "alice", Domain: "example.org"},
		To:   []smtp.Address{{Local: "bob", Domain: "example.net"}},
	}
	if _, err := pool.Send(context.Background(), env, strings.NewReader("…")); err != nil {
		log.Print(err)
	}
}

// A mail server delivers to the hosts that its recipients' domains name, with
// MTA-STS.
func ExampleDeliverer() {
	addr, stop := exampleServer()
	defer stop()
	d := &smtpclient.Deliverer{
		Options: smtpclient.Options{LocalName: "mail.example.org"},
		MTASTS:  &smtpclient.MTASTS{Fetch: mtasts.Fetch},
		// For the example, a DNS and a network of its own.
		Resolver: exampleDNS{},
	}
	d.Options.Dialer = portDialer(addr)

	env := &smtpclient.Envelope{
		From: smtp.Address{Local: "alice", Domain: "example.org"},
		To: []smtp.Address{
			{Local: "bob", Domain: "example.net"},
			{Local: "nobody", Domain: "example.net"},
			{Local: "carol", Domain: "nomail.example"},
		},
	}
	out, _ := d.Deliver(context.Background(), env, strings.NewReader("Subject: Hello\n\nHi\n"))
	for _, r := range out.Recipients {
		fmt.Println(r.Address, r.Status)
		if r.Attempt != nil {
			fmt.Println("  by", r.Attempt.Host, r.Attempt.Security)
		}
		if r.Err != nil {
			fmt.Println(" ", smtpclient.Diagnose(r.Err), "- again later:", smtpclient.Temporary(r.Err))
		}
	}
	// Output:
	// bob@example.net accepted
	//   by mx.example.net cleartext
	// nobody@example.net rejected
	//   by mx.example.net cleartext
	//   550 5.1.1 no such user here - again later: false
	// carol@nomail.example rejected
	//   556 5.1.10 domain takes no mail (null MX) - again later: false
}

type exampleDNS struct{}

func (exampleDNS) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	if name == "nomail.example." {
		return []*net.MX{{Host: ".", Pref: 0}}, nil
	}
	return []*net.MX{{Host: "mx.example.net.", Pref: 10}}, nil
}

func (exampleDNS) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("192.0.2.1")}, nil
}

func (exampleDNS) LookupTXT(_ context.Context, name string) ([]string, error) {
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}
