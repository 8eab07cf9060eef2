package mailbox_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"strings"

	"github.com/posthorn-mail/posthorn/imap/imapserver"
	"github.com/posthorn-mail/posthorn/mailbox/memory"
	"github.com/posthorn-mail/posthorn/pop3/pop3client"
	"github.com/posthorn-mail/posthorn/pop3/pop3server"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

// One store behind three protocols: SMTP delivers mail, IMAP and POP3 read it.
func Example_servers() {
	ctx := context.Background()
	store := memory.New(nil) // or sqlite.Open, or a store of your own
	defer store.Close()
	if err := store.CreateAccount(ctx, "alice@example.org"); err != nil {
		log.Fatal(err)
	}
	users := &sasl.Users{}
	if err := users.Set("alice@example.org", "a good password"); err != nil {
		log.Fatal(err)
	}

	mx := &smtpserver.Server{
		Hostname: "mx.example.org",
		Backend: &smtpserver.Delivery{
			Store: store,
			Resolve: func(_ context.Context, to smtp.Address) (account, mailbox string, err error) {
				if to.ASCIIDomain() != "example.org" {
					return "", "", smtpserver.ErrRelayDenied
				}
				return to.String(), "INBOX", nil
			},
		},
	}
	imap := &imapserver.Server{Store: store, Authenticator: users}
	pop := &pop3server.Server{Store: store, Authenticator: users}

	// Each server has ListenAndServe(":143"), ListenAndServeTLS(":993") and
	// Shutdown, as in net/http; set TLSConfig for STARTTLS.
	serve := func(s interface{ Serve(net.Listener) error }) net.Addr {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			log.Fatal(err)
		}
		go s.Serve(l)
		return l.Addr()
	}
	smtpAddr, _, popAddr := serve(mx), serve(imap), serve(pop)
	defer mx.Shutdown(ctx)
	defer imap.Shutdown(ctx)
	defer pop.Shutdown(ctx)

	c, err := smtpclient.Dial(ctx, smtpAddr.String(), nil)
	if err != nil {
		log.Fatal(err)
	}
	result, err := c.Send(ctx, &smtpclient.Envelope{
		From: smtp.Address{Local: "bob", Domain: "example.net"},
		To:   []smtp.Address{{Local: "alice", Domain: "example.org"}, {Local: "nobody", Domain: "example.org"}},
	}, strings.NewReader("Subject: Lunch?\n\nAt noon?\n"))
	if err != nil && !errors.Is(err, smtpclient.ErrPartial) {
		log.Fatal(err)
	}
	for _, r := range result.Recipients {
		fmt.Println(r.Address, r.Status, r.Err)
	}
	c.Quit(ctx)

	p, err := pop3client.Dial(ctx, popAddr.String(), &pop3client.Options{
		Credentials: &sasl.Credentials{Username: "alice@example.org", Password: "a good password"},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	for m, err := range p.Messages(ctx, nil) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("message", m.Num)
	}
	p.Quit(ctx)
	// Output:
	// alice@example.org accepted <nil>
	// nobody@example.org rejected smtpclient: RCPT: 550 5.1.1 no such user here
	// message 1
}
