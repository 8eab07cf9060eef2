// Package account connects the examples to an account: from an address, such as
// tim@example.org, to a client that is logged in.
//
// The password, or with -token an OAuth 2.0 access token, is asked for on the
// terminal. It can also be in the environment variable POSTHORN_PASSWORD, or the
// first line of a standard input that is no terminal. It is never an argument:
// those are shown to all users of the machine.
package account

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"

	"github.com/posthorn-mail/posthorn/examples/internal/terminal"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/textproto"
)

// Options say how to connect. The flags set them.
type Options struct {
	Server   string // host:port; empty: found from the address
	StartTLS bool   // TLS begins with STARTTLS, as it does on port 143
	Insecure bool   // no TLS
	CA       string // PEM file with certificates to trust, beside those of the system
	Token    bool   // the secret is an OAuth 2.0 access token
	Trace    bool   // the dialogue goes to standard error

	// Env is the environment variable that may have the secret. It is
	// POSTHORN_PASSWORD if it is empty.
	Env string

	mu     sync.Mutex
	secret map[string]string // of addresses, once asked for
}

// Register defines the flags that the examples have in common.
func (o *Options) Register(fs *flag.FlagSet) {
	fs.StringVar(&o.Server, "server", "", "`host:port` of the IMAP server (default: found from the address)")
	o.RegisterTLS(fs)
}

// RegisterTLS is Register without -server, for programs with several accounts.
func (o *Options) RegisterTLS(fs *flag.FlagSet) {
	fs.BoolVar(&o.StartTLS, "starttls", false, "begin TLS with STARTTLS (default: only on port 143)")
	fs.BoolVar(&o.Insecure, "insecure", false, "use no TLS: everybody on the way can read the password. For tests on one machine")
	fs.StringVar(&o.CA, "ca", "", "PEM `file` with a certificate to trust, such as that of ./examples/mailserver")
	fs.BoolVar(&o.Token, "token", false, "ask for an OAuth 2.0 access token instead of a password")
	fs.BoolVar(&o.Trace, "trace", false, "print the dialogue, without passwords and message texts")
}

// Parse parses arguments that end with the address of the account: whatever the
// server takes as the name of the user, if there is -server.
func (o *Options) Parse(fs *flag.FlagSet, args []string) (address string, err error) {
	fs.Usage = func() {
		fmt.Fprintf(fs.Output(), "usage: %s [flags] ADDRESS\n", fs.Name())
		fs.PrintDefaults()
	}
	if err := fs.Parse(args); err != nil {
		return "", err
	}
	if fs.NArg() != 1 {
		return "", errors.New("want one address, such as tim@example.org, after the flags (-help lists them)")
	}
	return fs.Arg(0), nil
}

// Dial connects to the server of an address and logs in. The secret is asked for
// once, however often Dial is called.
func (o *Options) Dial(ctx context.Context, address string) (*imapclient.Client, error) {
	where, err := o.find(ctx, address)
	if err != nil {
		return nil, err
	}
	secret, err := o.ask(address, where.Addr)
	if err != nil {
		return nil, err
	}
	return o.dial(ctx, where, address, secret)
}

// DialWith is Dial with a secret that is known.
func (o *Options) DialWith(ctx context.Context, address, secret string) (*imapclient.Client, error) {
	where, err := o.find(ctx, address)
	if err != nil {
		return nil, err
	}
	return o.dial(ctx, where, address, secret)
}

// find returns the server of an address.
func (o *Options) find(ctx context.Context, address string) (imapclient.Server, error) {
	if o.Server == "" {
		return find(ctx, nil, address)
	}
	return imapclient.Server{Addr: o.Server, TLS: !o.StartTLS && port(o.Server) != "143"}, nil
}

func (o *Options) dial(ctx context.Context, where imapclient.Server, address, secret string) (*imapclient.Client, error) {
	opts, err := o.client()
	if err != nil {
		return nil, err
	}
	opts.Credentials = &sasl.Credentials{Username: address}
	if o.Token {
		opts.Credentials.Token = func(context.Context) (string, error) { return secret, nil }
	} else {
		opts.Credentials.Password = secret
	}
	switch {
	case o.Insecure:
		return imapclient.Dial(ctx, where.Addr, opts)
	case where.TLS:
		return imapclient.DialTLS(ctx, where.Addr, opts)
	}
	return imapclient.DialStartTLS(ctx, where.Addr, opts)
}

func port(addr string) string {
	_, p, _ := net.SplitHostPort(addr)
	return p
}

func (o *Options) client() (*imapclient.Options, error) {
	out := &imapclient.Options{AllowInsecureAuth: o.Insecure}
	if o.CA != "" {
		pem, err := os.ReadFile(o.CA)
		if err != nil {
			return nil, err
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s has no certificate", o.CA)
		}
		out.TLSConfig = &tls.Config{RootCAs: pool}
	}
	if o.Trace {
		out.Trace = textproto.SlogTracer(slog.New(slog.NewTextHandler(os.Stderr, nil)), slog.LevelInfo)
	}
	return out, nil
}

// ask returns the secret of an account.
func (o *Options) ask(address, addr string) (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if s, ok := o.secret[address]; ok {
		return s, nil
	}
	env := o.Env
	if env == "" {
		env = "POSTHORN_PASSWORD"
	}
	secret, what := os.Getenv(env), "password"
	if o.Token {
		what = "access token"
	}
	if secret == "" {
		var err error
		if secret, err = terminal.Secret(fmt.Sprintf("%s of %s at %s", what, terminal.Clean(address), addr)); err != nil {
			return "", err
		}
	}
	if secret == "" {
		return "", errors.New("the " + what + " is empty")
	}
	if o.secret == nil {
		o.secret = map[string]string{}
	}
	o.secret[address] = secret
	return secret, nil
}
