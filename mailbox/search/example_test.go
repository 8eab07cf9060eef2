package search_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/memory"
	"github.com/posthorn-mail/posthorn/mailbox/message"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// A search program is a tree: unseen messages from one sender, or large ones.
func ExampleKey() {
	var key search.Key = search.Or{
		A: search.And{search.Unseen, search.From("smith")},
		B: search.Larger(1 << 20),
	}
	switch k := key.(type) {
	case search.Or:
		fmt.Printf("%T, or %T\n", k.A, k.B)
	}
	// Output: search.And, or search.Size
}

func ExampleFind() {
	ctx := context.Background()
	store := memory.New(nil)
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
	for _, subject := range []string{"Minutes", "=?utf-8?Q?Re=3A_M=C3=A9nu?=", "Re: minutes"} {
		msg := "Subject: " + subject + "\r\n\r\nSee below.\r\n"
		if _, err := inbox.Append(ctx, mailbox.Incoming{Body: strings.NewReader(msg), Size: int64(len(msg))}); err != nil {
			log.Fatal(err)
		}
	}

	for _, key := range []search.Key{
		search.Subject("MÉNU"),
		search.And{search.Not{Key: search.Subject("re:")}, search.Body{Value: "below"}},
	} {
		found, err := search.Find(ctx, inbox, mailbox.AllUIDs(), key, nil)
		fmt.Println(found, err)
	}
	// Output:
	// 2 <nil>
	// 1 <nil>
}

func ExampleSorter() {
	messages := []mailbox.Message{ // as an IMAP client has fetched them
		{Entry: mailbox.Entry{UID: 1, Size: 700}, Envelope: &message.Envelope{Subject: "Re: Minutes"}},
		{Entry: mailbox.Entry{UID: 2, Size: 900}, Envelope: &message.Envelope{Subject: "Agenda"}},
		{Entry: mailbox.Entry{UID: 3, Size: 800}, Envelope: &message.Envelope{Subject: "minutes"}},
	}
	sorter := search.NewSorter([]search.SortKey{{By: search.SortSubject}, {By: search.SortSize, Reverse: true}})
	for i := range messages {
		sorter.Add(&messages[i])
	}
	fmt.Println(sorter.UIDs())
	// Output: [2 3 1]
}

func ExampleThreader() {
	messages := []mailbox.Message{ // as an IMAP client has fetched them
		{Entry: mailbox.Entry{UID: 1}, Envelope: &message.Envelope{Subject: "Minutes", MessageID: "<a@example.org>"}},
		{Entry: mailbox.Entry{UID: 2}, Envelope: &message.Envelope{Subject: "Lunch?"}},
		{Entry: mailbox.Entry{UID: 3}, Envelope: &message.Envelope{Subject: "AW: Minutes", InReplyTo: "<a@example.org>"}},
		{Entry: mailbox.Entry{UID: 4}, Envelope: &message.Envelope{Subject: "Re: Lunch?"}},
	}
	threader := search.NewThreader(search.References)
	for i := range messages {
		threader.Add(&messages[i])
	}
	for depth, uid := range search.Walk(threader.Threads()) {
		fmt.Printf("%s%d\n", strings.Repeat("  ", depth), uid)
	}
	// Output:
	// 1
	//   3
	// 2
	//   4
}
