package outbound_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/netip"
	"strings"

	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/mtasts"
	"github.com/posthorn-mail/posthorn/smtp/outbound"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

// A mail server delivers to the hosts that its recipients' domains name, with
// MTA-STS.
func ExampleDeliverer() {
	network := newExampleNetwork()
	defer network.server.Close()
	d := &outbound.Deliverer{
		Options: smtpclient.Options{LocalName: "mail.example.org"},
		MTASTS:  &outbound.MTASTS{Fetch: mtasts.Fetch},
		// For the example, a DNS and a network of its own.
		Resolver: network,
	}
	d.Options.Dialer = network

	env, err := smtpclient.ParseEnvelope("alice@example.org", "bob@example.net", "nobody@example.net", "carol@nomail.example")
	if err != nil {
		log.Fatal(err)
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

// exampleNetwork has one mail host, which knows everybody but nobody.
type exampleNetwork struct {
	server *smtpserver.Server
	addr   string
}

func newExampleNetwork() *exampleNetwork {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	srv := &smtpserver.Server{Hostname: "mx.example.net", Backend: &mailHost{rcpt: func(to smtp.Address) error {
		if to.Local == "nobody" {
			return smtpserver.ErrNoSuchUser
		}
		return nil
	}}}
	go srv.Serve(l)
	return &exampleNetwork{srv, l.Addr().String()}
}

func (n *exampleNetwork) DialContext(ctx context.Context, network, _ string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, n.addr)
}

func (*exampleNetwork) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	if name == "nomail.example." {
		return []*net.MX{{Host: ".", Pref: 0}}, nil
	}
	return []*net.MX{{Host: "mx.example.net.", Pref: 10}}, nil
}

func (*exampleNetwork) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("192.0.2.1")}, nil
}

func (*exampleNetwork) LookupTXT(_ context.Context, name string) ([]string, error) {
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}
