// Proxy is an IMAP and POP3 server in front of accounts on another IMAP server.
//
//	go run ./examples/proxy -server imap.example.org:993
//
// Users log in to it with the names and passwords that they have there: whether
// they are right is asked of the other server. Programs that speak only POP3, or
// an old IMAP, or no TLS, can thus use an account that wants more; and it is a
// place to look at what they do, with -trace.
//
// It is made of three parts that do not know of each other: imapstore makes a
// remote account a mailbox.Store, and the servers serve any store.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/posthorn-mail/posthorn/imap/imapserver"
	"github.com/posthorn-mail/posthorn/mailbox/imapstore"
	"github.com/posthorn-mail/posthorn/pop3/pop3server"
	"github.com/posthorn-mail/posthorn/textproto"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "proxy:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, errout io.Writer) error {
	users := &logins{}
	fs := flag.NewFlagSet("proxy", flag.ContinueOnError)
	users.remote.Register(fs) // how to reach the other server
	imapAddr := fs.String("imap", "127.0.0.1:1143", "`address` to serve IMAP on; empty: not at all")
	pop3Addr := fs.String("pop3", "127.0.0.1:1110", "`address` to serve POP3 on; empty: not at all")
	cert := fs.String("tls-cert", "", "PEM `file` with the certificate chain, to serve STARTTLS and STLS")
	key := fs.String("tls-key", "", "PEM `file` with its private key")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q (-help lists the flags)", fs.Arg(0))
	}
	if *imapAddr == "" && *pop3Addr == "" {
		return errors.New("nothing to serve")
	}
	log := slog.New(slog.NewTextHandler(errout, nil))
	store := &imapstore.Store{Dial: users.dial, Logger: log}
	defer store.Close()
	imap := &imapserver.Server{Store: store, Authenticator: users, AllowInsecureAuth: loopback(*imapAddr)}
	pop3 := &pop3server.Server{Store: store, Authenticator: users, AllowInsecureAuth: loopback(*pop3Addr)}
	for _, s := range []*textproto.Server{&imap.Server, &pop3.Server} {
		s.Logger = log
		if *cert != "" || *key != "" {
			pair, err := tls.LoadX509KeyPair(*cert, *key)
			if err != nil {
				return err
			}
			s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}}
		}
		if users.remote.Trace {
			s.Trace = textproto.SlogTracer(log, slog.LevelInfo)
		}
	}
	return serve(ctx, out, []service{{"IMAP", *imapAddr, imap}, {"POP3", *pop3Addr, pop3}})
}

// loopback reports whether an address is of this machine only: then passwords may
// come without TLS.
func loopback(addr string) bool {
	host, _, _ := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// A service is a server and where it listens.
type service struct {
	name, addr string
	server     interface {
		Serve(net.Listener) error
		Shutdown(context.Context) error
		Close() error
	}
}

// serve runs servers until ctx ends, or one of them fails.
func serve(ctx context.Context, out io.Writer, services []service) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for _, s := range services {
		if s.addr == "" {
			continue
		}
		l, err := net.Listen("tcp", s.addr)
		if err != nil {
			cancel(err)
			break
		}
		fmt.Fprintf(out, "%s on %s\n", s.name, l.Addr())
		wg.Go(func() {
			if err := s.server.Serve(l); ctx.Err() == nil {
				cancel(err)
			}
		})
	}
	if ctx.Err() == nil {
		fmt.Fprintln(out, "Serving. Press Ctrl-C to stop.")
	}
	<-ctx.Done()
	patience, done := context.WithTimeout(context.Background(), 10*time.Second)
	defer done()
	for _, s := range services {
		if s.server.Shutdown(patience) != nil {
			s.server.Close()
		}
	}
	wg.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
