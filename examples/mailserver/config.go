package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strconv"
	"strings"
)

// config holds the settings of the command line.
type config struct {
	listen string
	ports  map[string]int // by the names of the port flags; 0: off

	store string
	data  string
	users []user

	quota          int64 // octets per account, 0: none
	maxMessageSize int64 // octets

	maxConnsPerAccount int
	memory             int64  // octets for all connections, 0: by what there is
	metrics            string // where to serve the counters, "": nowhere

	tlsCert, tlsKey string
	insecureAuth    bool
	trace           bool
}

// user is a -user flag: an address that is the account's name as well.
type user struct{ address, password string }

// services are the port flags in the order in which they are printed.
var services = []struct {
	name string
	port int
	help string
}{
	{"smtp", 2525, "SMTP: takes mail for the accounts from anybody"},
	{"submission", 2587, "submission with STARTTLS: takes mail from users that log in"},
	{"smtps", 2465, "submission with TLS from the start"},
	{"imap", 1143, "IMAP, with STARTTLS"},
	{"imaps", 1993, "IMAP with TLS from the start"},
	{"pop3", 1110, "POP3, with STLS"},
	{"pop3s", 1995, "POP3 with TLS from the start"},
}

// errUsage means that the flag package has already informed the user.
var errUsage = errors.New("usage")

func parseFlags(args []string, out io.Writer) (*config, error) {
	c := &config{ports: map[string]int{}}
	fs := flag.NewFlagSet("mailserver", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&c.listen, "listen", "127.0.0.1", "`address` to listen on")
	ports := map[string]*int{}
	for _, s := range services {
		ports[s.name] = fs.Int(s.name, s.port, "`port` of "+s.help+"; 0: off")
	}
	fs.StringVar(&c.store, "store", "", "where mail is kept: sqlite:`PATH` or memory: (default sqlite:DATA/mail.db)")
	fs.StringVar(&c.data, "data", "mail-data", "`folder` for the store, the passwords and the certificate")
	var accounts []string
	fs.Func("user", "`NAME@DOMAIN:PASSWORD` of an account; may be repeated (default: alice and bob @example.org, with random passwords)", func(s string) error {
		// Parsed later: package flag would print a bad value, with its password.
		accounts = append(accounts, s)
		return nil
	})
	fs.Func("quota", "how much an account may hold, such as 500M or 2G (default: no limit)", sizeFlag(&c.quota))
	c.maxMessageSize = 256 << 20
	fs.Func("max-message-size", "the largest message taken, such as 50M (default 256M)", sizeFlag(&c.maxMessageSize))
	// One account may be a whole office behind one address.
	fs.IntVar(&c.maxConnsPerAccount, "max-conns-per-account", maxConnsPerNetwork, "how many connections an account may have, over all ports")
	fs.Func("memory", "how much memory all connections may use, such as 512M (default: a quarter of what there is)", sizeFlag(&c.memory))
	fs.StringVar(&c.metrics, "metrics", "", "loopback `address` such as 127.0.0.1:8025, where counters are served as JSON by HTTP (default: off)")
	fs.StringVar(&c.tlsCert, "tls-cert", "", "PEM `file` with the certificate chain (default: a self-signed one, made once in the data folder)")
	fs.StringVar(&c.tlsKey, "tls-key", "", "PEM `file` with its private key")
	fs.BoolVar(&c.insecureAuth, "insecure-auth", false, "allow passwords in the clear, without TLS (default: only when listening on a loopback address)")
	fs.BoolVar(&c.trace, "trace", false, "log every line of every protocol, without passwords and message texts")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(out, "usage: mailserver [flags]")
			fs.SetOutput(out)
			fs.PrintDefaults()
			return nil, errUsage
		}
		return nil, fmt.Errorf("%w (-help lists the flags)", err)
	}
	if fs.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q (-help lists the flags)", fs.Arg(0))
	}
	for _, s := range accounts {
		u, err := parseUser(s)
		if err != nil {
			return nil, fmt.Errorf("-user: %w", err)
		}
		c.users = append(c.users, u)
	}
	for name, port := range ports {
		if *port < 0 || *port > 65535 {
			return nil, fmt.Errorf("-%s %d: a port is a number from 0 to 65535", name, *port)
		}
		c.ports[name] = *port
	}
	if (c.tlsCert == "") != (c.tlsKey == "") {
		return nil, errors.New("-tls-cert and -tls-key must be used together")
	}
	if net.ParseIP(c.listen) == nil && c.listen != "localhost" && c.listen != "" {
		return nil, fmt.Errorf("-listen %s: not an IP address", c.listen)
	}
	if c.store == "" {
		c.store = "sqlite:" + filepath.Join(c.data, "mail.db")
	}
	if isLoopback(c.listen) {
		c.insecureAuth = true
	}
	return c, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func parseUser(s string) (user, error) {
	address, password, ok := strings.Cut(s, ":")
	name, domain, at := strings.Cut(address, "@")
	if !ok || !at || name == "" || domain == "" || password == "" {
		// The text must not hold s: it may be a password.
		return user{}, errors.New("want NAME@DOMAIN:PASSWORD")
	}
	return user{strings.ToLower(address), password}, nil
}

// sizeFlag reads a number of octets with an optional K, M or G.
func sizeFlag(to *int64) func(string) error {
	return func(s string) error {
		digits := strings.TrimRight(strings.ToUpper(s), "B")
		unit := int64(1)
		for i, suffix := range []string{"K", "M", "G"} {
			if d, ok := strings.CutSuffix(digits, suffix); ok {
				digits, unit = d, 1<<(10*(i+1))
			}
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || n < 0 || n > 1<<62/unit {
			return errors.New("want a size such as 50M")
		}
		*to = n * unit
		return nil
	}
}
