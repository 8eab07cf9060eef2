package pop3client_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/memory"
	"github.com/posthorn-mail/posthorn/pop3/pop3client"
	"github.com/posthorn-mail/posthorn/pop3/pop3server"
	"github.com/posthorn-mail/posthorn/sasl"
)

// A session by hand.
func Example() {
	addr, stop := exampleServer()
	defer stop()

	ctx := context.Background()
	c, err := pop3client.Dial(ctx, addr, &pop3client.Options{
		Credentials: &sasl.Credentials{Username: "mrose", Password: "tanstaaf"},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	list, err := c.List(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range list {
		body, err := c.Retr(ctx, e.Num)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("message", e.Num, "of", e.Size, "octets")
		for lines := bufio.NewScanner(body); lines.Scan(); {
			fmt.Println(lines.Text())
		}
		body.Close()
	}
	if err := c.Delete(ctx, 1); err != nil {
		log.Fatal(err)
	}
	fmt.Println("deleted:", c.Quit(ctx) == nil)
	// Output:
	// message 1 of 32 octets
	// Subject: Hello
	//
	// How are you?
	// deleted: true
}

// exampleServer has a message for mrose.
func exampleServer() (addr string, stop func()) {
	ctx := context.Background()
	store := memory.New(nil)
	store.CreateAccount(ctx, "mrose")
	account, _ := store.Account(ctx, "mrose")
	inbox, _ := account.Mailbox(ctx, mailbox.Inbox)
	inbox.Append(ctx, mailbox.Incoming{Body: strings.NewReader("Subject: Hello\r\n\r\nHow are you?\r\n"), Size: 32})
	users := &sasl.Users{Iterations: sasl.MinIterations}
	users.Set("mrose", "tanstaaf")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	srv := &pop3server.Server{Store: store, Authenticator: users}
	done := make(chan struct{})
	go func() {
		defer close(done)
		srv.Serve(l)
	}()
	return l.Addr().String(), func() { srv.Close(); <-done }
}

// Every message, into a file each, and then off the server.
func ExampleClient_Messages() {
	ctx := context.Background()
	c, err := pop3client.DialTLS(ctx, "pop.example.org:995", &pop3client.Options{
		Credentials: &sasl.Credentials{Username: "mrose", Password: "tanstaaf"},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	for m, err := range c.Messages(ctx, nil) {
		if m != nil && err != nil { // of this message only
			log.Print(err)
			continue
		}
		if err != nil {
			log.Fatal(err)
		}
		f, err := os.Create(fmt.Sprintf("%d.eml", m.Num))
		if err != nil {
			log.Fatal(err)
		}
		if _, err := io.Copy(f, m.Body); err != nil {
			log.Fatal(err)
		}
		if err := f.Close(); err != nil {
			log.Fatal(err)
		}
		m.Delete()
	}
	if err := c.Quit(ctx); err != nil { // deletes
		log.Fatal(err)
	}
}

// What is new, into a Maildir; messages stay on the server for two weeks.
func ExampleClient_Download() {
	ctx := context.Background()
	c, err := pop3client.DialStartTLS(ctx, "pop.example.org:110", &pop3client.Options{
		Credentials: &sasl.Credentials{Username: "mrose", Password: "tanstaaf"},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	seen, err := pop3client.OpenSeen("pop.example.org.seen")
	if err != nil {
		log.Fatal(err)
	}
	defer seen.Close()

	done, err := c.Download(ctx, seen, &pop3client.DownloadOptions{Leave: 14 * 24 * time.Hour}, func(m *pop3client.Message) error {
		f, err := os.CreateTemp("Maildir/tmp", "*")
		if err != nil {
			return err
		}
		defer f.Close()
		if _, err := io.Copy(f, m.Body); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		return os.Rename(f.Name(), filepath.Join("Maildir/new", filepath.Base(f.Name())))
	})
	fmt.Println(done.Fetched, "new messages", err)
}
