package imapstore_test

import (
	"context"
	"fmt"
	"log"

	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/imapstore"
	"github.com/posthorn-mail/posthorn/mailbox/search"
	"github.com/posthorn-mail/posthorn/sasl"
)

// The subjects of the unread messages of an account.
func Example() {
	ctx := context.Background()
	store := &imapstore.Store{Dial: func(ctx context.Context, account string) (*imapclient.Client, error) {
		return imapclient.DialTLS(ctx, "imap.example.org", &imapclient.Options{
			Credentials: &sasl.Credentials{Username: account, Password: "secret"},
		})
	}}
	defer store.Close()
	account, err := store.Account(ctx, "tim")
	if err != nil {
		log.Fatal(err)
	}
	defer account.Close()
	inbox, err := account.Mailbox(ctx, "INBOX")
	if err != nil {
		log.Fatal(err)
	}
	unread, err := search.Find(ctx, inbox, mailbox.AllUIDs(), search.Unseen, nil)
	if err != nil {
		log.Fatal(err)
	}
	for msg, err := range inbox.Messages(ctx, unread, mailbox.WantEnvelope) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(msg.UID, msg.Envelope.Subject)
	}
}
