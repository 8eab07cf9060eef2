package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/posthorn-mail/posthorn/internal/durable"
	"github.com/posthorn-mail/posthorn/sasl"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, errUsage):
	case err != nil:
		fmt.Fprintln(os.Stderr, "mailserver:", err)
		os.Exit(1)
	}
}

// run is the server from the flags to the end.
func run(ctx context.Context, args []string, out, errout io.Writer) error {
	c, err := parseFlags(args, out)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(errout, nil))
	if err := durable.MkdirAll(c.data, 0o700); err != nil {
		return fmt.Errorf("the data folder: %w", err)
	}
	users, passwords, err := accounts(c)
	if err != nil {
		return err
	}
	tlsConf, certificate, err := tlsConfig(c)
	if err != nil {
		return err
	}
	auth, err := authenticator(users)
	if err != nil {
		return err
	}
	st, err := openStore(ctx, c, log)
	if err != nil {
		return err
	}
	defer st.Close()
	if err := provision(ctx, st, users, c.quota); err != nil {
		return err
	}
	servers := newServers(c, st, auth, newPolicy(users), tlsConf, log)
	if c.metrics != "" {
		stop, err := serveMetrics(c.metrics, metrics(servers, auth.Checks))
		if err != nil {
			return fmt.Errorf("-metrics %s: %w", c.metrics, err)
		}
		defer stop()
	}
	open, err := listen(c, servers)
	if err != nil {
		return err
	}
	announce(out, c, open, users, passwords, certificate)
	err = serve(ctx, open)
	fmt.Fprintln(out, "stopped")
	if err := st.Close(); err != nil {
		return fmt.Errorf("closing the store: %w", err)
	}
	return err
}

// authenticator checks logins against the passwords. They are kept in memory in
// the clear as well as hashed, for APOP and CRAM-MD5.
func authenticator(users []user) (*sasl.Users, error) {
	auth := &sasl.Users{KeepSecrets: true, Checks: new(sasl.Checks)}
	for _, u := range users {
		if err := auth.Set(u.address, u.password); err != nil {
			return nil, fmt.Errorf("the account %s: %w", u.address, err)
		}
	}
	return auth, nil
}

// announce prints what listens where and how to log in.
func announce(out io.Writer, c *config, open []service, users []user, passwords, certificate string) {
	fmt.Fprintln(out, "Posthorn mailserver")
	fmt.Fprintln(out)
	for _, s := range open {
		for _, known := range services {
			if known.name == s.name {
				fmt.Fprintf(out, "  %-21s %s\n", s.listener.Addr(), known.help)
			}
		}
	}
	fmt.Fprintln(out)
	for _, u := range users {
		if passwords == "" {
			fmt.Fprintf(out, "  user %s\n", u.address)
		} else {
			fmt.Fprintf(out, "  user %s  password %s\n", u.address, u.password)
		}
	}
	fmt.Fprintln(out)
	if passwords != "" {
		fmt.Fprintf(out, "  passwords    %s\n", passwords)
	}
	fmt.Fprintf(out, "  mail         %s\n", c.store)
	fmt.Fprintf(out, "  certificate  %s\n", certificate)
	if c.metrics != "" {
		fmt.Fprintf(out, "  metrics      http://%s/\n", c.metrics)
	}
	if c.insecureAuth {
		fmt.Fprintln(out, "  logins       with or without TLS")
	} else {
		fmt.Fprintln(out, "  logins       with TLS only")
	}
	fmt.Fprintln(out)
	fmt.Fprintln(out, "Serving. Press Ctrl-C to stop.")
}
