// List prints the mailboxes of an account, with how many messages each has and
// which role.
//
//	go run ./examples/list tim@example.org
//	POSTHORN_PASSWORD=… go run ./examples/list -server mail.example.org:993 tim
//
// The server is found from the address, and the password is asked for. See
// -help for the flags.
//
// One command does it on most servers (RFC 5819); on others the client asks for
// the counters of each mailbox, without waiting for one before the next.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/posthorn-mail/posthorn/examples/internal/account"
	"github.com/posthorn-mail/posthorn/examples/internal/terminal"
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "list:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var acct account.Options
	fs := flag.NewFlagSet("list", flag.ContinueOnError)
	acct.Register(fs)
	subscribed := fs.Bool("subscribed", false, "only mailboxes that are subscribed to")
	address, err := acct.Parse(fs, args)
	if err != nil {
		return err
	}

	c, err := acct.Dial(ctx, address)
	if err != nil {
		return err
	}
	defer c.Logout(ctx)
	entries, err := c.List(ctx, &imapclient.ListOptions{
		Subscribed: *subscribed,
		Status:     []imap.StatusItem{imap.StatusMessages, imap.StatusUnseen},
	})
	print(out, entries)
	return err // of what could not be read, beside the entries
}

func print(out io.Writer, entries []imapclient.ListEntry) {
	slices.SortFunc(entries, func(a, b imapclient.ListEntry) int {
		return strings.Compare(order(a), order(b))
	})
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	defer w.Flush()
	fmt.Fprintln(w, "messages\tunseen\t  mailbox")
	for _, e := range entries {
		role := ""
		if e.Use != 0 {
			role = "  " + e.Use.String()
			if e.Guessed {
				role += " (by its name)"
			}
		}
		fmt.Fprintf(w, "%s\t%s\t  %s%s\n", count(e, func(s *imap.StatusData) *uint32 { return s.Messages }),
			count(e, func(s *imap.StatusData) *uint32 { return s.Unseen }), terminal.Clean(e.Name), role)
	}
}

// order is what entries are sorted by: INBOX first.
func order(e imapclient.ListEntry) string {
	if strings.EqualFold(e.Name, "INBOX") {
		return ""
	}
	return strings.ToLower(e.Name)
}

// count returns a counter, "-" if there is none: a name need not be a mailbox.
func count(e imapclient.ListEntry, of func(*imap.StatusData) *uint32) string {
	if e.Status == nil || of(e.Status) == nil {
		return "-"
	}
	return fmt.Sprint(*of(e.Status))
}
