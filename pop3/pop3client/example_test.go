package pop3client_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/posthorn-mail/posthorn/pop3/pop3client"
	"github.com/posthorn-mail/posthorn/sasl"
)

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
