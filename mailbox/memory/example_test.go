package memory_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/memory"
)

// A store with a message size limit, for a test.
func Example() {
	ctx := context.Background()
	store := memory.New(&memory.Options{Limits: mailbox.Limits{MaxMessageSize: 100}})
	defer store.Close()
	if err := store.CreateAccount(ctx, "alice"); err != nil {
		log.Fatal(err)
	}
	account, err := store.Account(ctx, "alice")
	if err != nil {
		log.Fatal(err)
	}
	inbox, err := account.Mailbox(ctx, mailbox.Inbox)
	if err != nil {
		log.Fatal(err)
	}
	stored, err := inbox.Append(ctx, mailbox.Incoming{Body: strings.NewReader("Subject: Hello\r\n\r\nHi\r\n"), Size: mailbox.SizeUnknown})
	fmt.Println(stored.DestUIDs(), err)
	_, err = inbox.Append(ctx, mailbox.Incoming{Body: strings.NewReader(strings.Repeat("x", 101)), Size: 101})
	fmt.Println("too large:", errors.Is(err, mailbox.ErrTooLarge))
	// Output:
	// 1 <nil>
	// too large: true
}
