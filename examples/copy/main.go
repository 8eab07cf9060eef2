package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/posthorn-mail/posthorn/examples/internal/account"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/memory"
	"github.com/posthorn-mail/posthorn/mailbox/sqlite"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "copy:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, errout io.Writer) (err error) {
	source, target := &account.Options{}, &account.Options{Env: "POSTHORN_TARGET_PASSWORD"}
	c := &copier{errout: errout, attempts: 5, wait: time.Second}
	fs := flag.NewFlagSet("copy", flag.ContinueOnError)
	source.RegisterTLS(fs)
	fs.BoolVar(&c.delete, "delete", false, "delete on the target what was copied and is gone at the source")
	fs.BoolVar(&c.dryRun, "dry-run", false, "only say what would be done")
	verify := fs.Bool("verify", false, "compare the contents of all messages of both sides, after copying")
	quiet := fs.Bool("quiet", false, "no progress bar")
	state := fs.String("state", "", "`file` that says what has been copied (default: one for each pair of accounts in the user's configuration folder)")
	fs.IntVar(&c.connections, "connections", 3, "how many mailboxes are copied at a time")
	fs.IntVar(&c.batch, "batch", 4000, "how many messages are appended in one step, at most; no more than 8 MB in any case")
	list := func(to *[]string) func(string) error {
		return func(s string) error { *to = append(*to, s); return nil }
	}
	fs.Func("mailbox", "copy only the mailbox of this `name`; may be repeated", list(&c.only))
	fs.Func("exclude", "do not copy the mailbox of this `name`; may be repeated", list(&c.except))
	fs.Usage = func() {
		fmt.Fprintln(fs.Output(), "usage: copy [flags] SOURCE TARGET\neach is an address, imaps://USER@HOST, imap://USER@HOST or sqlite:FILE#ACCOUNT")
		fs.PrintDefaults()
	}
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() != 2 || c.connections < 1 || c.batch < 1 {
		return errors.New("want a source and a target (-help lists the flags)")
	}
	from, to := fs.Arg(0), fs.Arg(1)
	target.StartTLS, target.Insecure, target.CA, target.Token, target.Trace = source.StartTLS, source.Insecure, source.CA, source.Token, source.Trace

	var closeSource, closeTarget func() error
	if c.source, closeSource, err = connect(ctx, from, source, existing); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeSource()) }()
	mode := created
	if c.dryRun {
		mode = imagined
	}
	if c.target, closeTarget, err = connect(ctx, to, target, mode); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeTarget()) }()
	if *state == "" {
		if *state, err = defaultState(from, to); err != nil {
			return err
		}
	}
	if c.journal, err = openJournal(*state, from, to, c.dryRun); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.journal.close()) }()

	c.progress = newProgress(out, *quiet)
	stop := c.progress.watch()
	err = c.run(ctx)
	stop()
	if ctx.Err() != nil {
		err = errors.New("interrupted: the next run goes on from here")
	}
	if !c.dryRun {
		fmt.Fprintln(out, c.progress.summary())
	}
	if err == nil && *verify {
		err = c.verify(ctx)
	}
	if n := c.failures.Load(); err == nil && n > 0 {
		err = fmt.Errorf("not everything is the same: %d failures", n)
	}
	return err
}

// defaultState returns the name of the journal of two accounts.
func defaultState(from, to string) (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("%w: name a file with -state", err)
	}
	absolute := func(s string) string {
		path, acct, ok := strings.Cut(strings.TrimPrefix(s, "sqlite:"), "#")
		if abs, err := filepath.Abs(path); ok && strings.HasPrefix(s, "sqlite:") && err == nil {
			return "sqlite:" + abs + "#" + acct
		}
		return s
	}
	sum := sha256.Sum256([]byte(absolute(from) + "\n" + absolute(to)))
	return filepath.Join(dir, "posthorn-copy", fmt.Sprintf("%x.state", sum[:12])), nil
}

// What connect does if there is no such SQLite file, or no such account in it.
type missing int

const (
	existing missing = iota // it is an error
	created                 // it is created
	imagined                // an empty account takes its place
)

// connect returns what opens the account that an argument names.
func connect(ctx context.Context, arg string, o *account.Options, otherwise missing) (connector, func() error, error) {
	if rest, ok := strings.CutPrefix(arg, "sqlite:"); ok {
		path, name, ok := strings.Cut(rest, "#")
		if !ok || path == "" || name == "" {
			return nil, nil, fmt.Errorf("%s: want sqlite:FILE#ACCOUNT", arg)
		}
		return connectSQLite(ctx, path, name, otherwise)
	}
	address := arg
	scheme, rest, ok := strings.Cut(arg, "://")
	if ok {
		at := strings.LastIndexByte(rest, '@')
		if scheme != "imap" && scheme != "imaps" || at < 0 {
			return nil, nil, fmt.Errorf("%s: want an address, imaps://USER@HOST, imap://USER@HOST or sqlite:FILE#ACCOUNT", arg)
		}
		user, err := url.PathUnescape(rest[:at])
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", arg, err)
		}
		if strings.ContainsRune(user, ':') {
			return nil, nil, errors.New("a password does not belong into the arguments: all users of this machine can see them")
		}
		address, o.Server, o.StartTLS = user, strings.TrimSuffix(rest[at+1:], "/"), o.StartTLS || scheme == "imap"
	}
	return func(ctx context.Context) (side, error) {
		c, err := o.Dial(ctx, address)
		if err != nil {
			return nil, err
		}
		s, err := newIMAPSide(ctx, c)
		if err != nil {
			c.Close()
			return nil, err
		}
		return s, nil
	}, func() error { return nil }, nil
}

// connectSQLite opens an account in a SQLite file.
func connectSQLite(ctx context.Context, path, name string, otherwise missing) (connector, func() error, error) {
	if _, err := os.Stat(path); err != nil && otherwise == imagined {
		return connectStore(ctx, memory.New(nil), name, true, func() error { return nil })
	} else if err != nil && otherwise == existing {
		return nil, nil, err
	}
	st, err := sqlite.Open(ctx, path, nil)
	if err != nil {
		return nil, nil, err
	}
	return connectStore(ctx, st, name, otherwise == created, st.Close)
}

// connectStore opens an account of any store.
func connectStore(ctx context.Context, st mailbox.Admin, name string, create bool, end func() error) (connector, func() error, error) {
	if create {
		if err := st.CreateAccount(ctx, name); err != nil && !errors.Is(err, mailbox.ErrExist) {
			return nil, nil, errors.Join(err, end())
		}
	}
	acct, err := st.Account(ctx, name)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("account %s: %w", name, err), end())
	}
	open := func(context.Context) (side, error) { return storeSide{acct}, nil }
	return open, func() error { return errors.Join(acct.Close(), end()) }, nil
}
