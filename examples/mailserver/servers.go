package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/posthorn-mail/posthorn/imap/imapserver"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/pop3/pop3server"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
	"github.com/posthorn-mail/posthorn/textproto"
)

// protocolServer is what the servers of the three protocols have in common.
type protocolServer interface {
	Serve(net.Listener) error
	ServeTLS(net.Listener) error
	Shutdown(context.Context) error
	Close() error
	Stats() textproto.Stats
}

// service is a port that is served.
type service struct {
	name     string
	listener net.Listener
	tls      bool // from the start
	server   protocolServer
}

// maxConnsPerNetwork is how many connections a client network may have to a server.
const maxConnsPerNetwork = 2000

// newServers makes the four servers: two speak SMTP, with different policies.
func newServers(c *config, st mailbox.Store, auth sasl.Authenticator, p *policy, tlsConf *tls.Config, log *slog.Logger) map[string]protocolServer {
	logs := map[string]*slog.Logger{}
	for _, name := range []string{"smtp", "submission", "imap", "pop3"} {
		logs[name] = log.With("service", name)
	}
	// Reports about delivery go to mailboxes of this server only: it sends no mail
	// to others. So those who submit mail are offered DSN, anybody else is not.
	mx := &smtpserver.Server{
		Backend: smtpserver.Wrap(&smtpserver.Delivery{
			Store: st, Resolve: p.resolve, TempDir: c.data,
		}, refusals(logs["smtp"])),
		Limits: smtpserver.Limits{Message: c.maxMessageSize},
		Allow:  smtp.AllowHello, // real senders have names such as "(none)"
	}
	submission := &smtpserver.Server{
		Backend: smtpserver.Wrap(&smtpserver.Delivery{
			Store: st, Resolve: p.resolve, MaySend: p.maySend, CompleteHeader: true, TempDir: c.data,
		}, refusals(logs["submission"])),
		Authenticator:     auth,
		AllowInsecureAuth: c.insecureAuth,
		RequireAuth:       true,
		OnAuth:            logins(logs["submission"]),
		Limits:            smtpserver.Limits{Message: c.maxMessageSize},
		Allow:             smtp.AllowHello,
	}
	imap := &imapserver.Server{Store: st, Authenticator: auth, AllowInsecureAuth: c.insecureAuth, OnAuth: logins(logs["imap"])}
	pop3 := &pop3server.Server{Store: st, Authenticator: auth, AllowInsecureAuth: c.insecureAuth, OnAuth: logins(logs["pop3"])}
	bounds := &textproto.Bounds{MaxConnsPerAccount: c.maxConnsPerAccount, Memory: c.memory}
	for name, s := range map[string]*textproto.Server{"smtp": &mx.Server, "submission": &submission.Server, "imap": &imap.Server, "pop3": &pop3.Server} {
		s.TLSConfig = tlsConf
		s.Logger = logs[name]
		s.MaxConns = 5000
		s.MaxConnsPerNetwork = maxConnsPerNetwork
		s.Bounds = bounds
		if c.trace {
			s.Trace = textproto.SlogTracer(s.Logger, slog.LevelInfo)
		}
	}
	return map[string]protocolServer{
		"smtp": mx, "submission": submission, "smtps": submission,
		"imap": imap, "imaps": imap, "pop3": pop3, "pop3s": pop3,
	}
}

// listen opens the ports, all or none.
func listen(c *config, servers map[string]protocolServer) (open []service, err error) {
	defer func() {
		if err != nil {
			for _, s := range open {
				s.listener.Close()
			}
		}
	}()
	for _, s := range services {
		port := c.ports[s.name]
		if port == 0 {
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort(c.listen, strconv.Itoa(port)))
		if err != nil {
			return open, fmt.Errorf("-%s %d: %w", s.name, port, err)
		}
		open = append(open, service{s.name, l, s.name[len(s.name)-1] == 's', servers[s.name]})
	}
	if len(open) == 0 {
		return nil, errors.New("every port is turned off: nothing to serve")
	}
	return open, nil
}

// patience is how long running commands may take to finish when the server
// stops.
const patience = 10 * time.Second

// serve runs until ctx is done, or a listener fails; then it stops all.
func serve(ctx context.Context, open []service) error {
	failed := make(chan error, len(open))
	for _, s := range open {
		go func() {
			run := s.server.Serve
			if s.tls {
				run = s.server.ServeTLS
			}
			failed <- run(s.listener)
		}()
	}
	running := len(open)
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
		running--
	}
	stop, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	stopped := make(chan struct{})
	for _, s := range open {
		go func() {
			if s.server.Shutdown(stop) != nil {
				s.server.Close()
			}
			stopped <- struct{}{}
		}()
	}
	for range open {
		<-stopped
	}
	for range running {
		<-failed
	}
	return err
}
