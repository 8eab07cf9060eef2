package imapclient_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/imap/imapserver"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/memory"
	"github.com/posthorn-mail/posthorn/mailbox/search"
	"github.com/posthorn-mail/posthorn/sasl"
)

// exampleServer serves the account of tim, with some messages, on loopback. With
// TLS, the examples would call DialTLS.
func exampleServer() (addr string, options *imapclient.Options, stop func()) {
	ctx := context.Background()
	store := memory.New(nil)
	users := &sasl.Users{Iterations: sasl.MinIterations}
	check(store.CreateAccount(ctx, "tim"))
	check(users.Set("tim", "tanstaaftanstaaf"))
	account, err := store.Account(ctx, "tim")
	check(err)
	inbox, err := account.Mailbox(ctx, "INBOX")
	check(err)
	for _, text := range []string{
		"From: Ann <ann@example.org>\r\nSubject: Lunch\r\n\r\nAt noon?\r\n",
		"From: billing@example.com\r\nSubject: =?utf-8?q?Rechnung_f=C3=BCr_Mai?=\r\nMIME-Version: 1.0\r\n" +
			"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nSee the attachment.\r\n--b\r\n" +
			"Content-Type: text/csv; name=may.csv\r\nContent-Disposition: attachment; filename=may.csv\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
			"YSxiCjEsMgo=\r\n--b--\r\n",
		"From: Ann <ann@example.org>\r\nSubject: Re: Lunch\r\n\r\nOr at one?\r\n",
	} {
		_, err := inbox.Append(ctx, mailbox.Incoming{Body: strings.NewReader(text), Size: int64(len(text))})
		check(err)
	}
	_, err = account.Create(ctx, "Bills", nil)
	check(err)
	srv := &imapserver.Server{Store: store, Authenticator: users, AllowInsecureAuth: true}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	go srv.Serve(l)
	return l.Addr().String(), &imapclient.Options{
			Credentials:       &sasl.Credentials{Username: "tim", Password: "tanstaaftanstaaf"},
			AllowInsecureAuth: true, // it is only over loopback
		}, func() {
			srv.Close()
			store.Close()
		}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// The unread messages with their subjects.
func Example() {
	addr, options, stop := exampleServer()
	defer stop()
	ctx := context.Background()

	c, err := imapclient.Dial(ctx, addr, options)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Logout(ctx)
	inbox, err := c.Select(ctx, "INBOX", nil)
	if err != nil {
		log.Fatal(err)
	}
	for msg, err := range inbox.Fetch(ctx, imapclient.Where(search.Unseen), imapclient.Envelope) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(msg.UID, msg.Subject())
	}
	// Output:
	// 1 Lunch
	// 2 Rechnung für Mai
	// 3 Re: Lunch
}

// The attachments of the last week, into files.
func ExampleMailbox_Download() {
	addr, options, stop := exampleServer()
	defer stop()
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "attachments")
	check(err)
	defer os.RemoveAll(dir)
	c, err := imapclient.Dial(ctx, addr, options)
	check(err)
	defer c.Logout(ctx)
	inbox, err := c.Select(ctx, "INBOX", nil)
	check(err)

	week := imapclient.Where(search.Since(time.Now().AddDate(0, 0, -7)))
	for msg, err := range inbox.Fetch(ctx, week, imapclient.Structure) {
		check(err)
		for path, part := range msg.Attachments() {
			f, err := os.Create(filepath.Join(dir, fmt.Sprint(msg.UID, "-", filepath.Base(part.Filename()))))
			check(err)
			n, err := inbox.Download(ctx, msg.UID, imapclient.Part(path...).Decoded(), f)
			check(errors.Join(err, f.Close()))
			fmt.Println(filepath.Base(f.Name()), n, "octets")
		}
	}
	// Output:
	// 2-may.csv 8 octets
}

// What a search finds is marked as read: the UIDs never cross the wire if the server
// has SEARCHRES.
func ExampleMailbox_AddFlags() {
	addr, options, stop := exampleServer()
	defer stop()
	ctx := context.Background()
	c, err := imapclient.Dial(ctx, addr, options)
	check(err)
	defer c.Logout(ctx)
	inbox, err := c.Select(ctx, "INBOX", nil)
	check(err)

	check(inbox.AddFlags(ctx, imapclient.Where(search.Unseen), mailbox.FlagSeen))
	status, err := c.Status(ctx, "INBOX")
	check(err)
	fmt.Println(*status.Unseen, "unread")
	// Output:
	// 0 unread
}

// What a search finds is moved.
func ExampleMailbox_Move() {
	addr, options, stop := exampleServer()
	defer stop()
	ctx := context.Background()
	c, err := imapclient.Dial(ctx, addr, options)
	check(err)
	defer c.Logout(ctx)
	inbox, err := c.Select(ctx, "INBOX", nil)
	check(err)

	moved, err := inbox.Move(ctx, imapclient.Where(search.And{search.From("billing@"), search.Smaller(1 << 20)}), "Bills")
	check(err)
	for _, run := range moved.Moved {
		fmt.Println("UID", run.Source.First, "is now", run.Dest.First)
	}
	// Output:
	// UID 2 is now 1
}

// A mailbox is copied to another server, with flags and dates. Many messages are in
// flight, and none is wholly in memory.
func ExampleClient_AppendSeq() {
	addr, options, stop := exampleServer()
	defer stop()
	elsewhere, options2, stop2 := exampleServer()
	defer stop2()
	ctx := context.Background()
	c, err := imapclient.Dial(ctx, addr, options)
	check(err)
	defer c.Logout(ctx)
	inbox, err := c.Select(ctx, "INBOX", nil)
	check(err)
	other, err := imapclient.Dial(ctx, elsewhere, options2)
	check(err)
	defer other.Logout(ctx)

	messages := inbox.Fetch(ctx, imapclient.All(), imapclient.Entry, imapclient.Whole())
	for uid, err := range other.AppendSeq(ctx, "Bills", imapclient.Drafts(messages)) {
		check(err)
		fmt.Println("stored as", uid)
	}
	// Output:
	// stored as 1
	// stored as 2
	// stored as 3
}

// What arrives, until the first message.
func ExampleMailbox_Watch() {
	addr, options, stop := exampleServer()
	defer stop()
	ctx := context.Background()
	c, err := imapclient.Dial(ctx, addr, options)
	check(err)
	defer c.Logout(ctx)
	inbox, err := c.Select(ctx, "INBOX", nil)
	check(err)
	go func() {
		text := "Subject: Dinner\r\n\r\nAt eight?\r\n"
		_, err := c.Append(ctx, "INBOX", mailbox.Incoming{Body: strings.NewReader(text), Size: int64(len(text))})
		check(err)
	}()

	for update, err := range inbox.Watch(ctx) {
		check(err)
		for msg, err := range inbox.Fetch(ctx, update.New, imapclient.Envelope) {
			check(err)
			fmt.Println("new:", msg.Subject())
		}
		if update.Arrived > 0 {
			break
		}
	}
	// Output:
	// new: Dinner
}
