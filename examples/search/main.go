// Search prints the messages that match, one line each.
//
//	go run ./examples/search -from anna -since 2026-01-31 tim@example.org
//	go run ./examples/search -unseen -text "quarterly report" -mailbox Archive tim@example.org
//
// The server is found from the address, and the password is asked for. All flags
// together must match; see -help.
//
// It shows how search keys are combined, and that a search and the reading of
// what it finds are one loop.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/posthorn-mail/posthorn/examples/internal/account"
	"github.com/posthorn-mail/posthorn/examples/internal/terminal"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "search:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var acct account.Options
	fs := flag.NewFlagSet("search", flag.ContinueOnError)
	acct.Register(fs)
	name := fs.String("mailbox", "INBOX", "`name` of the mailbox")
	var key search.And // of all flags that are used
	add := func(k search.Key) { key = append(key, k) }
	text := func(flag, help string, of func(string) search.Key) {
		fs.Func(flag, help, func(s string) error { add(of(s)); return nil })
	}
	text("from", "`text` in the sender's name or address", search.From)
	text("to", "`text` in a recipient's name or address", search.To)
	text("subject", "`text` in the subject", search.Subject)
	text("text", "`text` anywhere in the message", func(s string) search.Key { return search.Text{Value: s} })
	text("flag", "messages that have the `keyword`", func(s string) search.Key { return search.Keyword(mailbox.Flag(s)) })
	day := func(flag, help string, of func(time.Time) search.Key) {
		fs.Func(flag, help, func(s string) error {
			t, err := time.Parse(time.DateOnly, s)
			add(of(t))
			return err
		})
	}
	day("since", "messages received on the `day`, such as 2026-01-31, or later", search.Since)
	day("before", "messages received before the `day`", search.Before)
	for flag, k := range map[string]search.Key{"unseen": search.Unseen, "flagged": search.Flagged} {
		fs.BoolFunc(flag, "only "+flag+" messages", func(string) error { add(k); return nil })
	}
	address, err := acct.Parse(fs, args)
	if err != nil {
		return err
	}

	c, err := acct.Dial(ctx, address)
	if err != nil {
		return err
	}
	defer c.Logout(ctx)
	m, err := c.Examine(ctx, *name) // nothing is changed
	if err != nil {
		return err
	}
	for msg, err := range m.Fetch(ctx, imapclient.Where(key), imapclient.Flags, imapclient.Date, imapclient.Envelope) {
		var item *imapclient.ItemError
		if errors.As(err, &item) { // of this message only
			fmt.Fprintln(os.Stderr, "search:", err)
			continue
		} else if err != nil {
			return err
		}
		fmt.Fprintln(out, line(msg))
	}
	return nil
}

// line describes a message: its UID, "N" if it is new and "!" if it is flagged,
// when it was received, from whom, and the subject.
func line(msg *imapclient.Message) string {
	mark := " "
	switch {
	case msg.Flags.Has(mailbox.FlagFlagged):
		mark = "!"
	case !msg.Flags.Has(mailbox.FlagSeen):
		mark = "N"
	}
	return strings.TrimRight(fmt.Sprintf("%7d %s %s  %-24s  %s", msg.UID, mark, msg.InternalDate.Local().Format("2006-01-02 15:04"),
		terminal.Shorten(terminal.Clean(sender(msg.Envelope)), 24), terminal.Clean(msg.Subject())), " ")
}

// sender returns the name of the first author, or the address.
func sender(env *message.Envelope) string {
	if env == nil || len(env.From) == 0 {
		return ""
	}
	from := env.From[0]
	if name := message.DecodeText(from.Name); name != "" {
		return name
	}
	return from.Local + "@" + from.Domain
}
