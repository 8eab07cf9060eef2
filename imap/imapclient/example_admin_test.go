package imapclient_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/imap/imapserver"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/memory"
	"github.com/posthorn-mail/posthorn/sasl"
)

// example starts a server with the account tim and returns its address.
func example() (addr string, stop func()) {
	store := memory.New(nil)
	ctx := context.Background()
	if err := store.CreateAccount(ctx, "tim"); err != nil {
		log.Fatal(err)
	}
	account, err := store.Account(ctx, "tim")
	if err != nil {
		log.Fatal(err)
	}
	limits := map[mailbox.QuotaName]int64{mailbox.QuotaStorage: 1 << 20, mailbox.QuotaMessage: 10}
	if err := account.(mailbox.QuotaKeeper).SetQuota(ctx, "account", limits); err != nil {
		log.Fatal(err)
	}
	users := &sasl.Users{Iterations: sasl.MinIterations}
	if err := users.Set("tim", "tanstaaf"); err != nil {
		log.Fatal(err)
	}
	srv := &imapserver.Server{Store: store, Authenticator: users, AllowInsecureAuth: true}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go srv.Serve(l)
	return l.Addr().String(), func() { srv.Close(); store.Close() }
}

// exampleClient logs in to it. The password crosses the loopback in the clear.
func exampleClient(ctx context.Context, addr, password string) (*imapclient.Client, error) {
	return imapclient.Dial(ctx, addr, &imapclient.Options{
		Credentials:       &sasl.Credentials{Username: "tim", Password: password},
		AllowInsecureAuth: true,
	})
}

// All mailboxes with their roles and counters, in one command where the server can do
// that.
func ExampleClient_List() {
	ctx := context.Background()
	addr, stop := example()
	defer stop()
	c, err := exampleClient(ctx, addr, "tanstaaf")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Logout(ctx)
	if err := c.Create(ctx, "Sent mail", mailbox.UseSent); err != nil {
		log.Fatal(err)
	}
	entries, err := c.List(ctx, &imapclient.ListOptions{Status: []imap.StatusItem{imap.StatusMessages, imap.StatusUnseen}})
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range entries {
		if e.Status != nil {
			fmt.Println(e.Name, e.Use, *e.Status.Messages, *e.Status.Unseen)
		}
	}
	name, err := c.FindMailbox(ctx, mailbox.UseSent)
	fmt.Println(name, err)
	// Output:
	// INBOX  0 0
	// Sent mail \Sent 0 0
	// Sent mail <nil>
}

// A name with the server's own prefix and separator.
func ExampleClient_Join() {
	ctx := context.Background()
	addr, stop := example()
	defer stop()
	c, err := exampleClient(ctx, addr, "tanstaaf")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Logout(ctx)
	name, err := c.Join(ctx, "Lists", "2026", "Käse")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(name, c.Create(ctx, name))
	_, err = c.Join(ctx, "a/b")
	fmt.Println(errors.Is(err, mailbox.ErrInvalidName))
	// Output:
	// Lists/2026/Käse <nil>
	// true
}

// An extension that the package does not know.
func ExampleClient_Raw() {
	ctx := context.Background()
	addr, stop := example()
	defer stop()
	c, err := exampleClient(ctx, addr, "tanstaaf")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Logout(ctx)
	reply, err := c.Raw(ctx, imapclient.RawCommand{
		Name:      "STATUS",
		Args:      []imap.Value{imap.MailboxName("INBOX"), imap.ListOf(imap.Atom("MESSAGES"), imap.Atom("UIDNEXT"))},
		Responses: []string{"STATUS"},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range reply.Responses {
		fmt.Println(r.Name, r.Values)
	}
	_, err = c.Raw(ctx, imapclient.RawCommand{Name: "STATUS", Args: []imap.Value{imap.Atom("INBOX\r\nx LOGOUT")}})
	fmt.Println(err)
	// Output:
	// STATUS [INBOX (MESSAGES 0 UIDNEXT 1)]
	// imapclient: STATUS: imap: value "INBOX\r\nx LOGOUT" can't be written
}

// What to do about an error.
func ExampleDiagnose() {
	ctx := context.Background()
	addr, stop := example()
	defer stop()
	_, err := exampleClient(ctx, addr, "wrong")
	switch r := imapclient.Diagnose(err); {
	case r == imapclient.ReasonCredentials:
		fmt.Println("ask the user for the password")
	case r == imapclient.ReasonToken:
		fmt.Println("get a new token")
	case r.Temporary():
		fmt.Println("again later:", r)
	default:
		fmt.Println("give up:", err)
	}
	throttled := &imap.Error{Status: imap.NO, Text: "Request is throttled. Suggested Backoff Time: 299609 milliseconds"}
	fmt.Println(imapclient.Diagnose(throttled), imapclient.RetryAfter(throttled))
	// Output:
	// ask the user for the password
	// throttled 4m59.609s
}

// How full the account is.
func ExampleClient_Quota() {
	ctx := context.Background()
	addr, stop := example()
	defer stop()
	c, err := exampleClient(ctx, addr, "tanstaaf")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Logout(ctx)
	message := "Subject: Hello\r\n\r\nHello, Tim.\r\n"
	if _, err := c.Append(ctx, "INBOX", mailbox.Incoming{Body: strings.NewReader(message), Size: mailbox.SizeUnknown}); err != nil {
		log.Fatal(err)
	}
	quotas, err := c.Quota(ctx, "INBOX")
	if err != nil {
		log.Fatal(err)
	}
	for _, q := range quotas {
		for _, r := range q.Resources {
			fmt.Printf("%s: %d %% of %d\n", r.Name, 100*r.Usage/r.Limit, r.Limit)
		}
	}
	_, err = c.ACL(ctx, "INBOX")
	fmt.Println(err)
	// Output:
	// STORAGE: 0 % of 1048576
	// MESSAGE: 10 % of 10
	// imapclient: server lacks ACL: access control
}
