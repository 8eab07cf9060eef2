package mailbox_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/memory"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// open returns the INBOX of an account of a new store.
func open(ctx context.Context) mailbox.Mailbox {
	store := memory.New(nil)
	if err := store.CreateAccount(ctx, "alice"); err != nil {
		log.Fatal(err)
	}
	account, err := store.Account(ctx, "alice")
	if err != nil {
		log.Fatal(err)
	}
	inbox, err := account.Mailbox(ctx, "INBOX")
	if err != nil {
		log.Fatal(err)
	}
	return inbox
}

// Delivering a message, and reading it back.
func Example() {
	ctx := context.Background()
	inbox := open(ctx)
	text := "From: Bob <bob@example.org>\r\nSubject: lunch?\r\n\r\nAt noon?\r\n"
	stored, err := inbox.Append(ctx, mailbox.Incoming{Body: strings.NewReader(text), Size: int64(len(text))})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("UIDs", stored.DestUIDs())

	for msg, err := range inbox.Messages(ctx, mailbox.AllUIDs(), mailbox.WantEntry|mailbox.WantEnvelope|mailbox.WantStructure|mailbox.WantContent) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(msg.UID, msg.Size, msg.Envelope.Subject)
		io.Copy(os.Stdout, message.DecodedBody(msg.Content, msg.Structure))
	}
	// Output:
	// UIDs 1
	// 1 58 lunch?
	// At noon?
}

// Following a mailbox: Changes returns all that has changed since a State.
func ExampleMailbox_changes() {
	ctx := context.Background()
	inbox := open(ctx)
	for range 3 {
		inbox.Append(ctx, mailbox.Incoming{Body: strings.NewReader("Subject: x\r\n\r\n"), Size: mailbox.SizeUnknown})
	}
	view, err := inbox.Snapshot(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("there are", view.UIDs)

	inbox.SetFlags(ctx, mailbox.UIDSetOf(2), mailbox.FlagChange{Op: mailbox.FlagsAdd, Flags: mailbox.NewFlagSet(mailbox.FlagSeen)})
	inbox.Expunge(ctx, mailbox.UIDSetOf(3), mailbox.FlagSet{})
	inbox.Append(ctx, mailbox.Incoming{Body: strings.NewReader("Subject: new\r\n\r\n"), Size: mailbox.SizeUnknown})

	changes, err := inbox.Changes(ctx, view.State)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("new are", changes.New)
	fmt.Println("gone are", changes.Vanished)
	for msg, err := range inbox.Messages(ctx, changes.Changed, mailbox.WantFlags) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("UID %d has flags (%v)\n", msg.UID, msg.Flags)
	}
	// Output:
	// there are 1:3
	// new are 4
	// gone are 3
	// UID 2 has flags (\Seen)
}

func ExampleUIDSet() {
	set := mailbox.UIDSetOf(9, 1, 2, 3)
	set.Add(10)
	fmt.Println(set, set.Len(), set.Contains(4))
	fmt.Println(set.Subtract(mailbox.UIDRangeSet(2, 9)))
	// Output:
	// 1:3,9:10 5 false
	// 1,10
}

func ExampleFlagSet() {
	flags := mailbox.NewFlagSet(mailbox.FlagSeen, "Work", "work", `\FLAGGED`)
	fmt.Println(flags)
	fmt.Println(flags.Without(mailbox.NewFlagSet("WORK")), flags.Has("wOrK"))
	// Output:
	// \Flagged \Seen Work
	// \Flagged \Seen true
}

func TestProvision(t *testing.T) {
	ctx := t.Context()
	store := memory.New(nil)
	require.NoError(t, store.CreateAccount(ctx, "alice"))
	account, err := store.Account(ctx, "alice")
	require.NoError(t, err)
	_, err = account.Create(ctx, "Papierkorb", &mailbox.CreateOptions{SpecialUse: mailbox.UseTrash})
	require.NoError(t, err)
	_, err = account.Create(ctx, "Junk", nil)
	require.NoError(t, err)
	var before []mailbox.Info
	for range 2 {
		require.NoError(t, mailbox.Provision(ctx, account))
		list, err := account.Mailboxes(ctx, 0)
		require.NoError(t, err)
		var all []string
		for _, info := range list {
			all = append(all, fmt.Sprint(info.Name, info.SpecialUse, info.Subscribed))
		}
		require.Equal(t, `[Archive\Archive true Drafts\Drafts true INBOX true Junk false Papierkorb\Trash false Sent\Sent true]`, fmt.Sprint(all))
		if before != nil {
			require.Equal(t, before, list)
		}
		before = list
	}
}
