package imapclient_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"strings"

	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/imap/imapserver"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/memory"
	"github.com/posthorn-mail/posthorn/sasl"
)

// connectTim returns a client of a server in memory, logged in as tim, whose mailbox
// Drafts has one message.
func connectTim(ctx context.Context) (c *imapclient.Client, again func() *imapclient.Client, stop func()) {
	store := memory.New(nil)
	users := &sasl.Users{Iterations: sasl.MinIterations}
	srv := &imapserver.Server{Store: store, Authenticator: users, AllowInsecureAuth: true}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	for _, e := range []error{err, store.CreateAccount(ctx, "tim"), users.Set("tim", "tanstaaftanstaaf")} {
		if e != nil {
			log.Fatal(e)
		}
	}
	go srv.Serve(l)
	again = func() *imapclient.Client {
		c, err := imapclient.Dial(ctx, l.Addr().String(), &imapclient.Options{
			Credentials:       &sasl.Credentials{Username: "tim", Password: "tanstaaftanstaaf"},
			AllowInsecureAuth: true, // it is only over loopback
		})
		if err != nil {
			log.Fatal(err)
		}
		return c
	}
	c = again()
	if err := c.Create(ctx, "Drafts"); err != nil {
		log.Fatal(err)
	}
	text := "Subject: Lunch\r\n\r\nAt noo\r\n"
	if _, err := c.Append(ctx, "Drafts", mailbox.Incoming{Body: strings.NewReader(text), Size: int64(len(text))}); err != nil {
		log.Fatal(err)
	}
	return c, again, func() {
		c.Close()
		srv.Close()
		store.Close()
	}
}

// A file with the line ends of Unix is stored as a message.
func ExampleClient_Append() {
	ctx := context.Background()
	c, _, stop := connectTim(ctx)
	defer stop()

	file := strings.NewReader("Subject: Dinner\n\nAt eight?\n")
	progress := imapclient.WithProgress(ctx, func(p imapclient.Progress) {
		fmt.Println(100*p.Done/p.Total, "%")
	})
	stored, err := c.Append(progress, "Drafts", mailbox.Incoming{
		Body:  imapclient.CRLF(file),
		Size:  mailbox.SizeUnknown,
		Flags: mailbox.NewFlagSet(mailbox.FlagDraft, mailbox.FlagSeen),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("stored with UID", stored.UIDs[0])
	// Output:
	// 100 %
	// stored with UID 2
}

// A draft is saved again.
func ExampleMailbox_Replace() {
	ctx := context.Background()
	c, _, stop := connectTim(ctx)
	defer stop()

	drafts, err := c.Select(ctx, "Drafts", nil)
	if err != nil {
		log.Fatal(err)
	}
	text := "Subject: Lunch\r\n\r\nAt noon?\r\n"
	uid, err := drafts.Replace(ctx, 1, mailbox.Incoming{Body: strings.NewReader(text), Size: int64(len(text))})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(drafts.Exists(), "message, UID", uid)
	// Output:
	// 1 message, UID 2
}

// All mailboxes are watched, and the selected one with subjects.
func ExampleClient_Watch() {
	ctx := context.Background()
	c, again, stop := connectTim(ctx)
	defer stop()
	if _, err := c.Select(ctx, "INBOX", nil); err != nil {
		log.Fatal(err)
	}

	for event, err := range c.Watch(ctx, &imapclient.WatchOptions{Personal: true, Fetch: imapclient.Envelope}) {
		if err != nil {
			log.Fatal(err)
		}
		switch event := event.(type) {
		case *imapclient.MailboxStatus:
			fmt.Println(event.Mailbox, "has", *event.Messages)
			go deliver(ctx, again) // as others may do
		case *imapclient.Update:
			for _, msg := range event.Messages {
				fmt.Println("new:", msg.Subject())
			}
			return
		}
	}
	// Output:
	// Drafts has 1
	// new: Dinner
}

func deliver(ctx context.Context, connect func() *imapclient.Client) {
	c := connect()
	defer c.Close()
	text := "Subject: Dinner\r\n\r\nAt eight?\r\n"
	c.Append(ctx, "INBOX", mailbox.Incoming{Body: strings.NewReader(text), Size: int64(len(text))})
}

// An attachment is forwarded without being downloaded, if the server has CATENATE.
func ExampleClient_Catenate() {
	ctx := context.Background()
	c, _, stop := connectTim(ctx)
	defer stop()
	m, err := c.Select(ctx, "Drafts", nil)
	if err != nil {
		log.Fatal(err)
	}
	text := func(s string) imapclient.CatPart {
		return imapclient.CatPart{Body: strings.NewReader(s), Size: int64(len(s))}
	}
	parts := []imapclient.CatPart{
		text("Subject: Fwd\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nSee below.\r\n--b\r\n"),
		{URL: m.URL(1, imapclient.Part(2).MIME())},
		{URL: m.URL(1, imapclient.Part(2))},
		text("\r\n--b--\r\n"),
	}
	uid, err := c.Catenate(ctx, "Drafts", mailbox.Incoming{}, parts...)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("stored with UID", uid)
}

// records answers as the DNS would.
type records struct{}

func (records) LookupSRV(_ context.Context, service, _, name string) (string, []*net.SRV, error) {
	switch service {
	case "imaps":
		return name, []*net.SRV{{Target: "imap.example.org.", Port: 993}}, nil
	case "submissions":
		return name, []*net.SRV{{Target: "mail.example.net.", Port: 465}}, nil
	}
	return "", nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// The servers are found by the domain of an address.
func ExampleLookup() {
	servers, err := imapclient.Lookup(context.Background(), records{}, "example.org") // nil for the system's resolver
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range append(servers.IMAP, servers.Submission...) {
		fmt.Println(s.Addr, "TLS:", s.TLS, "foreign:", s.Foreign)
	}
	// Output:
	// imap.example.org:993 TLS: true foreign: false
	// mail.example.net:465 TLS: true foreign: true
}
