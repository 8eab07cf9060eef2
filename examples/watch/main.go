// Watch prints messages as they arrive, until Ctrl-C.
//
//	go run ./examples/watch tim@example.org
//
// The server is found from the address, and the password is asked for; see -help.
//
// It shows how to follow a mailbox: the loop waits in IDLE, commands in its body
// are sent on the same connection, and after a lost connection the next one
// begins where the last one ended, so that nothing is missed.
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
	"github.com/posthorn-mail/posthorn/examples/internal/terminal"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
	"github.com/posthorn-mail/posthorn/mailbox/search"
	"github.com/posthorn-mail/posthorn/sasl"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "watch:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var w watcher
	fs := flag.NewFlagSet("watch", flag.ContinueOnError)
	w.acct.Register(fs)
	fs.StringVar(&w.name, "mailbox", "INBOX", "`name` of the mailbox")
	var err error
	if w.address, err = w.acct.Parse(fs, args); err != nil {
		return err
	}
	w.out = out
	const least, most = time.Second, 5 * time.Minute
	for wait := least; ; wait = min(2*wait, most) {
		begin := time.Now()
		err := w.connection(ctx)
		switch {
		case ctx.Err() != nil:
			return nil // Ctrl-C
		case w.next == 0, errors.Is(err, sasl.ErrAuthFailed), errors.Is(err, mailbox.ErrNotExist):
			return err // trying again would not help
		case time.Since(begin) > most:
			wait = least
		}
		fmt.Fprintf(os.Stderr, "watch: %v; again in %v\n", err, wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
	}
}

// A watcher prints what arrives in a mailbox.
type watcher struct {
	acct          account.Options
	address, name string
	out           io.Writer

	validity uint32
	next     mailbox.UID // messages below it are old; zero: there was no connection yet
}

// connection watches until the connection is lost.
func (w *watcher) connection(ctx context.Context) error {
	c, err := w.acct.Dial(ctx, w.address)
	if err != nil {
		return err
	}
	defer c.Close()
	m, err := c.Examine(ctx, w.name)
	if err != nil {
		return err
	}
	info := m.Info()
	if w.next == 0 || w.validity != info.UIDValidity { // UIDs of another UIDVALIDITY mean nothing
		w.validity, w.next = info.UIDValidity, max(info.UIDNext, 1)
		fmt.Fprintf(w.out, "watching %s, %d messages\n", terminal.Clean(w.name), info.Exists)
	} else if err := w.print(ctx, m, imapclient.Where(search.UIDs(mailbox.UIDRangeSet(w.next, mailbox.MaxUID)))); err != nil {
		return err // what has arrived since the last connection
	}
	for update, err := range m.Watch(ctx) {
		if err != nil {
			return err
		}
		if update.Arrived > 0 {
			if err := w.print(ctx, m, update.New); err != nil {
				return err
			}
		}
	}
	return nil
}

// print prints messages that have not been printed.
func (w *watcher) print(ctx context.Context, m *imapclient.Mailbox, set imapclient.Set) error {
	for msg, err := range m.Fetch(ctx, set, imapclient.Envelope) {
		var item *imapclient.ItemError
		if err != nil && !errors.As(err, &item) {
			return err
		}
		if msg.UID < w.next {
			continue
		}
		w.next = msg.UID + 1
		from := "somebody"
		if msg.Envelope != nil && len(msg.Envelope.From) > 0 {
			from = message.DecodeText(msg.Envelope.From[0].String())
		}
		fmt.Fprintf(w.out, "%d  %s: %s\n", msg.UID, terminal.Clean(from), terminal.Clean(msg.Subject()))
	}
	return nil
}
