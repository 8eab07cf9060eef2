// Attachments saves the attachments of messages into a folder.
//
//	go run ./examples/attachments -since 2026-01-31 -dir invoices -from billing@ tim@example.org
//	go run ./examples/attachments -uid 1234,1240:1250 tim@example.org
//
// The server is found from the address, and the password is asked for; see -help.
// A file that exists is never overwritten, and no name that a sender has chosen
// leaves the folder, is hidden, or does things to a terminal: see names.go.
//
// It shows that only the attachments are fetched, after the structure of a
// message has told where they are, that they are decoded on the way, and that
// none is held in memory.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/posthorn-mail/posthorn/examples/internal/account"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "attachments:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var acct account.Options
	fs := flag.NewFlagSet("attachments", flag.ContinueOnError)
	acct.Register(fs)
	name := fs.String("mailbox", "INBOX", "`name` of the mailbox")
	dir := fs.String("dir", "attachments", "`folder` for the files; it is made if need be")
	var key search.And
	fs.Func("from", "`text` in the sender's name or address", func(s string) error {
		key = append(key, search.From(s))
		return nil
	})
	fs.Func("since", "messages received on the `day`, such as 2026-01-31, or later", func(s string) error {
		day, err := time.Parse(time.DateOnly, s)
		key = append(key, search.Since(day))
		return err
	})
	fs.Func("uid", "messages with these `UIDs`, as ./examples/search prints them: 17,20:23", func(s string) error {
		set, err := mailbox.ParseUIDSet(s)
		key = append(key, search.UIDs(set))
		return err
	})
	address, err := acct.Parse(fs, args)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(*dir, 0o777); err != nil {
		return err
	}
	folder, err := os.OpenRoot(*dir) // no path leads out of it
	if err != nil {
		return err
	}
	defer folder.Close()

	c, err := acct.Dial(ctx, address)
	if err != nil {
		return err
	}
	defer c.Logout(ctx)
	m, err := c.Examine(ctx, *name)
	if err != nil {
		return err
	}
	for msg, err := range m.Fetch(ctx, imapclient.Where(key), imapclient.Structure) {
		var item *imapclient.ItemError
		if errors.As(err, &item) { // of this message only
			fmt.Fprintln(os.Stderr, "attachments:", err)
			continue
		} else if err != nil {
			return err
		}
		for path, part := range msg.Attachments() {
			file, size, err := save(ctx, m, msg.UID, path, part, folder)
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "%s  %d octets, from message %d\n", file, size, msg.UID)
		}
	}
	return nil
}

// save downloads a part into a new file of the folder.
func save(ctx context.Context, m *imapclient.Mailbox, uid mailbox.UID, path []int, part *message.Part, folder *os.Root) (string, int64, error) {
	f, name, err := create(folder, fileName(part, uid, path))
	if err != nil {
		return "", 0, err
	}
	size, err := m.Download(ctx, uid, imapclient.Part(path...).Decoded(), f)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", 0, errors.Join(fmt.Errorf("message %d: %w", uid, err), folder.Remove(name)) // no half of a file
	}
	return name, size, nil
}
