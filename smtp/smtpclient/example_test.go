package smtpclient_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"strings"

	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

// Sending one message is one call. Port 587 means STARTTLS, port 465 TLS from
// the start.
func ExampleSendMail() {
	message := strings.NewReader("From: Alice <alice@example.org>\n" +
		"To: Bob <bob@example.net>\n" +
		"Subject: Hello\n" +
		"\n" +
		"Hi Bob\n")
	err := smtpclient.SendMail(context.Background(), "smtp.example.org:587",
		&sasl.Credentials{Username: "alice", Password: "open sesame"},
		"alice@example.org", []string{"bob@example.net"}, message)
	if err != nil {
		log.Print(err)
	}
}

// A provider that wants an OAuth 2.0 token gets one from the function whenever
// it is asked for.
func ExampleSendMail_token() {
	token := func(ctx context.Context) (string, error) { return "ya29.…", nil }
	err := smtpclient.SendMail(context.Background(), "smtp.gmail.com:465",
		&sasl.Credentials{Username: "alice@gmail.com", Token: token},
		"alice@gmail.com", []string{"bob@example.net"}, strings.NewReader("…"))
	if err != nil {
		log.Print(err)
	}
}

// Send tells what became of the message for each recipient.
func ExampleClient_Send() {
	addr, stop := exampleServer(false)
	defer stop()

	ctx := context.Background()
	c, err := smtpclient.Dial(ctx, addr, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	env, err := smtpclient.ParseEnvelope("alice@example.org", "bob@example.net", "nobody@example.net")
	if err != nil {
		log.Fatal(err)
	}
	res, err := c.Send(ctx, env, strings.NewReader("Subject: Hello\n\nHi\n"))
	fmt.Println("sent to some only:", errors.Is(err, smtpclient.ErrPartial))
	for _, r := range res.Recipients {
		fmt.Println(r.Address, r.Status)
		var refused *smtp.Error
		if errors.As(r.Err, &refused) {
			fmt.Println(" ", refused.Code, refused.Enhanced, refused.Text, "temporary:", refused.Temporary())
		}
	}
	c.Quit(ctx)
	// Output:
	// sent to some only: true
	// bob@example.net accepted
	// nobody@example.net rejected
	//   550 5.1.1 no such user here temporary: false
}

// A private certificate authority, and a trace of the dialogue.
func ExampleDialStartTLS() {
	o := &smtpclient.Options{
		TLSConfig: &tls.Config{ /* RootCAs: … */ },
		Trace:     nil, // textproto.SlogTracer(slog.Default(), slog.LevelDebug)
	}
	c, err := smtpclient.DialStartTLS(context.Background(), "mail.internal:587", o)
	if err != nil {
		log.Print(err)
		return
	}
	defer c.Close()
	file, err := os.Open("message.eml")
	if err != nil {
		log.Print(err)
		return
	}
	defer file.Close()
	env, err := smtpclient.ParseEnvelope("cron@internal", "admin@internal")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := c.Send(context.Background(), env, file); err != nil {
		log.Print(err)
	}
}

// Many messages to one server.
func ExamplePool() {
	options := &smtpclient.Options{Credentials: &sasl.Credentials{Username: "alice", Password: "open sesame"}}
	pool := &smtpclient.Pool{Dial: func(ctx context.Context) (*smtpclient.Client, error) {
		return smtpclient.DialStartTLS(ctx, "smtp.example.org:587", options)
	}}
	defer pool.Close()
	// From any number of goroutines:
	env, err := smtpclient.ParseEnvelope("alice@example.org", "bob@example.net")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := pool.Send(context.Background(), env, strings.NewReader("…")); err != nil {
		log.Print(err)
	}
}

// LMTP brings mail to where mailboxes are: a host and port, or the path of a Unix
// socket. Some recipients may be refused after the message, too.
func ExampleDial_lmtp() {
	addr, stop := exampleServer(true)
	defer stop()

	ctx := context.Background()
	c, err := smtpclient.Dial(ctx, addr, &smtpclient.Options{LMTP: true}) // or "/run/dovecot/lmtp"
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	env, err := smtpclient.ParseEnvelope("alice@example.org", "bob@example.net", "nobody@example.net")
	if err != nil {
		log.Fatal(err)
	}
	res, err := c.Send(ctx, env, strings.NewReader("Subject: Hello\n\nHi\n"))
	if err != nil && !errors.Is(err, smtpclient.ErrPartial) {
		log.Fatal(err)
	}
	for _, r := range res.Recipients {
		if r.Status != smtpclient.Accepted && smtpclient.Temporary(r.Err) {
			fmt.Println(r.Address, "is for the queue")
		} else {
			fmt.Println(r.Address, r.Status)
		}
	}
	c.Quit(ctx)
	// Output:
	// bob@example.net accepted
	// nobody@example.net rejected
}

// A mail program needs no more than the user's address to find out where to
// submit mail.
func ExampleLookupSubmission() {
	ctx := context.Background()
	// Without the resolver, which is for the example only, the system's is asked.
	resolver := srvRecords{
		"submissions tcp example.org.": {{Target: "smtp.example.org.", Port: 465}},
		"submission tcp example.org.":  {{Target: "smtp.example.org.", Port: 587}, {Target: "mail.provider.example.", Port: 587}},
	}
	user, err := smtp.ParseAddress("alice@example.org")
	if err != nil {
		log.Fatal(err)
	}
	servers, err := smtpclient.LookupSubmission(ctx, resolver, user.Domain)
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
	// DialTLS smtp.example.org:465
	// DialStartTLS smtp.example.org:587
	// ask the user about mail.provider.example:587
}

// exampleServer knows everybody but nobody.
func exampleServer(lmtp bool) (addr string, stop func()) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	srv := &smtpserver.Server{Backend: &sink{}, Hostname: "mx.example.net", LMTP: lmtp}
	done := make(chan struct{})
	go func() {
		defer close(done)
		srv.Serve(l)
	}()
	return l.Addr().String(), func() { srv.Close(); <-done }
}
