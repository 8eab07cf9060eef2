package sqlite_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/sqlite"
)

// A store is one file. Mail that Append has taken is there when the store is
// opened again.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "mail")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "mail.db")

	store, err := sqlite.Open(ctx, path, nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := store.CreateAccount(ctx, "ann@example.org"); err != nil {
		log.Fatal(err)
	}
	account, err := store.Account(ctx, "ann@example.org")
	if err != nil {
		log.Fatal(err)
	}
	inbox, err := account.Mailbox(ctx, "INBOX")
	if err != nil {
		log.Fatal(err)
	}
	res, err := inbox.Append(ctx, mailbox.Incoming{
		Body:  strings.NewReader("From: Bob <bob@example.net>\r\nSubject: Lunch\r\n\r\nAt noon?\r\n"),
		Size:  mailbox.SizeUnknown,
		Flags: mailbox.NewFlagSet(mailbox.FlagFlagged),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("appended", res.DestUIDs())
	if err := store.Close(); err != nil {
		log.Fatal(err)
	}

	store, err = sqlite.Open(ctx, path, &sqlite.Options{Exclusive: true})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	account, err = store.Account(ctx, "ann@example.org")
	if err != nil {
		log.Fatal(err)
	}
	inbox, err = account.Mailbox(ctx, "INBOX")
	if err != nil {
		log.Fatal(err)
	}
	for msg, err := range inbox.Messages(ctx, mailbox.AllUIDs(), mailbox.WantFlags|mailbox.WantEnvelope|mailbox.WantStructure|mailbox.WantContent) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(msg.UID, msg.Flags, msg.Envelope.From[0].Name, msg.Envelope.Subject)
		io.Copy(os.Stdout, io.NewSectionReader(msg.Content, msg.Structure.BodyOffset, msg.Structure.BodySize))
	}
	// Output:
	// appended 1
	// 1 \Flagged Bob Lunch
	// At noon?
}
