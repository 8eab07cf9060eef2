package imapclient_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"strings"
	"time"

	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/imap/imapserver"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/memory"
	"github.com/posthorn-mail/posthorn/mailbox/search"
	"github.com/posthorn-mail/posthorn/sasl"
)

// exampleInbox returns the selected INBOX of an account with three messages.
func exampleInbox(ctx context.Context) (inbox *imapclient.Mailbox, stop func()) {
	must := func(err error) {
		if err != nil {
			log.Fatal(err)
		}
	}
	store, users := memory.New(nil), &sasl.Users{Iterations: sasl.MinIterations}
	must(store.CreateAccount(ctx, "tim"))
	must(users.Set("tim", "secret"))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	srv := &imapserver.Server{Store: store, Authenticator: users, AllowInsecureAuth: true}
	go srv.Serve(l)
	c, err := imapclient.Dial(ctx, l.Addr().String(), &imapclient.Options{
		Credentials: &sasl.Credentials{Username: "tim", Password: "secret"}, AllowInsecureAuth: true,
	})
	must(err)
	for i, text := range []string{"Subject: Lunch", "Subject: Invoice", "References: <1@example.org>\r\nSubject: Re: Lunch"} {
		text = fmt.Sprintf("From: ann@example.org\r\nDate: %d Feb 2026 12:00:00 +0000\r\nMessage-ID: <%d@example.org>\r\n%s\r\n\r\nText\r\n", 9-i, i+1, text)
		_, err := c.Append(ctx, "INBOX", mailbox.Incoming{Body: strings.NewReader(text), Size: int64(len(text))})
		must(err)
	}
	inbox, err = c.Select(ctx, "INBOX", nil)
	must(err)
	return inbox, func() {
		c.Logout(ctx)
		srv.Close()
		store.Close()
	}
}

// The state is kept beside what a program keeps of the messages. It is text.
func ExampleMailbox_Sync() {
	ctx := context.Background()
	inbox, stop := exampleInbox(ctx)
	defer stop()

	saved := "" // from a file
	subjects := map[mailbox.UID]string{}
	sync := func() error {
		var state imapclient.State
		if err := state.UnmarshalText([]byte(saved)); err != nil {
			return err
		}
		for ch, err := range inbox.Sync(ctx, &state, imapclient.Entry, imapclient.Envelope) {
			if err != nil {
				return err
			}
			switch ch.Kind {
			case imapclient.Reset:
				clear(subjects)
			case imapclient.Vanished:
				fmt.Println("vanished", ch.Vanished)
				for uid := range ch.Vanished.All() {
					delete(subjects, uid)
				}
			case imapclient.Changed:
				fmt.Println("changed", ch.Message.UID, ch.Message.Entry.Flags)
			case imapclient.New:
				fmt.Println("new", ch.Message.UID, ch.Message.Subject())
				subjects[ch.Message.UID] = ch.Message.Subject()
			}
		}
		text, err := state.MarshalText()
		saved = string(text)
		return err
	}
	if err := sync(); err != nil {
		log.Fatal(err)
	}
	// Time passes …
	if _, err := inbox.Delete(ctx, imapclient.UIDs(2)); err != nil {
		log.Fatal(err)
	}
	if err := inbox.AddFlags(ctx, imapclient.UIDs(1), mailbox.FlagSeen); err != nil {
		log.Fatal(err)
	}
	if err := sync(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(subjects), "messages")
	// Output:
	// new 1 Lunch
	// new 2 Invoice
	// new 3 Re: Lunch
	// vanished 2
	// changed 1 \Seen
	// 2 messages
}

// The newest first, sorted by the server or else by the client.
func ExampleMailbox_Sort() {
	ctx := context.Background()
	inbox, stop := exampleInbox(ctx)
	defer stop()

	newest := []search.SortKey{{By: search.SortDate, Reverse: true}}
	found, err := inbox.Sort(ctx, newest, search.From("ann@"), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(found.Count(), found.Order)
	// Output: 3 [1 2 3]
}

// Threads, indented.
func ExampleMailbox_Thread() {
	ctx := context.Background()
	inbox, stop := exampleInbox(ctx)
	defer stop()

	threads, err := inbox.Thread(ctx, search.References, search.SentSince(time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)))
	if err != nil {
		log.Fatal(err)
	}
	subjects := map[mailbox.UID]string{}
	for msg, err := range inbox.Fetch(ctx, imapclient.UIDSet(search.ThreadUIDs(threads)), imapclient.Envelope) {
		if err != nil {
			log.Fatal(err)
		}
		subjects[msg.UID] = msg.Subject()
	}
	for depth, uid := range search.Walk(threads) {
		fmt.Println(strings.Repeat("- ", depth) + subjects[uid])
	}
	// Output:
	// Invoice
	// Lunch
	// - Re: Lunch
}

// A search among the messages that arrived last.
func ExampleMailbox_Search() {
	ctx := context.Background()
	inbox, stop := exampleInbox(ctx)
	defer stop()

	found, err := inbox.Search(ctx, search.Subject("lunch"), &imapclient.SearchOptions{In: imapclient.Last(2)})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(found.UIDs, found.Count())
	// Output: 3 1
}
