package smtpserver_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/mail"
	"net/textproto"
	"strings"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/memory"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

// A server that puts the mail for example.org into a store.
func ExampleDelivery() {
	ctx := context.Background()
	store := memory.New(nil)
	defer store.Close()
	store.CreateAccount(ctx, "alice")

	srv := &smtpserver.Server{
		Hostname: "mx.example.org",
		Backend: &smtpserver.Delivery{
			Store: store,
			Resolve: func(_ context.Context, to smtp.Address) (account, mailbox string, err error) {
				if to.ASCIIDomain() != "example.org" {
					return "", "", smtpserver.ErrRelayDenied
				}
				return strings.ToLower(to.Local), "INBOX", nil
			},
		},
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go srv.Serve(l)
	defer srv.Close()

	k := exampleDial(l.Addr().String())
	k("EHLO client.example")
	k("MAIL FROM:<bob@example.net>")
	fmt.Println(k("RCPT TO:<nobody@example.org>"))
	fmt.Println(k("RCPT TO:<alice@example.org>"))
	k("DATA")
	k("Subject: Hello\r\n\r\nHi Alice\r\n.")

	account, _ := store.Account(ctx, "alice")
	inbox, _ := account.Mailbox(ctx, "INBOX")
	for m, err := range inbox.Messages(ctx, mailbox.AllUIDs(), mailbox.WantEnvelope) {
		fmt.Println(m.UID, m.Envelope.Subject, err)
	}
	// Output:
	// 550 5.1.1 no such user here
	// 250 2.1.5 recipient OK
	// 1 Hello <nil>
}

// A submission server: clients log in, and send as themselves only.
func ExampleServer_submission() {
	users := &sasl.Users{}
	if err := users.Set("alice@example.org", "open sesame"); err != nil {
		log.Fatal(err)
	}
	srv := &smtpserver.Server{
		Backend: &smtpserver.Delivery{
			Store:   memory.New(nil),
			Resolve: func(_ context.Context, to smtp.Address) (string, string, error) { return to.String(), "", nil },
			MaySend: func(_ context.Context, identity string, from smtp.Address) error {
				if !strings.EqualFold(from.String(), identity) {
					return smtpserver.ErrNotOwner
				}
				return nil
			},
			CompleteHeader: true,
		},
		Authenticator: users,
		RequireAuth:   true,
	}
	// srv.TLSConfig = …
	go srv.ListenAndServe("127.0.0.1:0")
	srv.Shutdown(context.Background())
}

// A program that does something with each message.
func ExampleBackendFunc() {
	srv := &smtpserver.Server{
		Hostname: "mx.example.org",
		Backend: smtpserver.BackendFunc(func(ctx context.Context, c *smtpserver.Conn, from smtp.Address, to []smtp.Address, r io.Reader) error {
			m, err := mail.ReadMessage(r)
			if err != nil {
				return err
			}
			fmt.Printf("from %s to %v: %s\n", from, to, m.Header.Get("Subject"))
			return nil // the client is told that the message is accepted
		}),
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go srv.Serve(l)
	defer srv.Close()
	k := exampleDial(l.Addr().String())
	k("EHLO client.example")
	k("MAIL FROM:<bob@example.net>")
	k("RCPT TO:<alice@example.org>")
	k("RCPT TO:<carol@example.org>")
	k("DATA")
	k("Subject: Hello\r\n\r\nHi\r\n.")
	// Output:
	// from bob@example.net to [alice@example.org carol@example.org]: Hello
}

// Hooks around a Backend take mail for one domain only.
func ExampleWrap() {
	var backend smtpserver.Backend = smtpserver.BackendFunc(func(_ context.Context, _ *smtpserver.Conn, _ smtp.Address, to []smtp.Address, r io.Reader) error {
		n, err := io.Copy(io.Discard, r)
		fmt.Println("to", to, n, "octets")
		return err
	})
	backend = smtpserver.Wrap(backend, func(c *smtpserver.Conn) smtpserver.Hooks {
		return smtpserver.Hooks{
			Rcpt: func(ctx context.Context, to smtp.Address, o *smtp.RcptOptions, next smtpserver.RcptFunc) error {
				if to.ASCIIDomain() != "example.org" {
					return smtpserver.ErrRelayDenied
				}
				return next(ctx, to, o)
			},
		}
	})
	srv := &smtpserver.Server{Hostname: "mx.example.org", Backend: backend}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go srv.Serve(l)
	defer srv.Close()
	k := exampleDial(l.Addr().String())
	k("EHLO client.example")
	k("MAIL FROM:<bob@example.net>")
	fmt.Println(k("RCPT TO:<x@elsewhere.example>"))
	k("RCPT TO:<alice@example.org>")
	k("DATA")
	k("Subject: Hello\r\n\r\nHi\r\n.")
	// Output:
	// 550 5.7.1 relaying denied: not a local address
	// to [alice@example.org] 22 octets
}

// A Backend that prints what comes.
func ExampleBackend() {
	srv := &smtpserver.Server{Hostname: "mx.example.org", Backend: printer{}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go srv.Serve(l)
	defer srv.Close()
	k := exampleDial(l.Addr().String())
	k("HELO client.example")
	fmt.Println(k("MAIL FROM:<spammer@example.net>"))
	k("MAIL FROM:<bob@example.net>")
	k("RCPT TO:<alice@example.org>")
	k("DATA")
	k("Subject: Hello\r\n\r\nHi\r\n.")
	// Output:
	// 550 5.7.1 we know you
	// from bob@example.net to alice@example.org: Hello
}

type printer struct{}

func (printer) NewSession(context.Context, *smtpserver.Conn) (smtpserver.Session, error) {
	return &printing{}, nil
}

type printing struct{ from, to smtp.Address }

func (p *printing) Mail(_ context.Context, from smtp.Address, _ *smtp.MailOptions) error {
	if from.Local == "spammer" {
		return &smtp.Error{Code: 550, Enhanced: smtp.EnhancedCode{5, 7, 1}, Text: "we know you"}
	}
	p.from = from
	return nil
}

func (p *printing) Rcpt(_ context.Context, to smtp.Address, _ *smtp.RcptOptions) error {
	p.to = to
	return nil
}

func (p *printing) Data(_ context.Context, r io.Reader) error {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	fmt.Printf("from %s to %s: %s\n", p.from, p.to, m.Header.Get("Subject"))
	return nil
}

func (p *printing) Reset(context.Context) {}
func (p *printing) Close() error          { return nil }

// An LMTP server answers for each recipient after the message.
func ExampleRecipientErrors() {
	backend := smtpserver.BackendFunc(func(_ context.Context, _ *smtpserver.Conn, _ smtp.Address, to []smtp.Address, r io.Reader) error {
		if _, err := io.Copy(io.Discard, r); err != nil {
			return err // for all
		}
		results := make(smtpserver.RecipientErrors, len(to))
		for i := range to {
			if to[i].Local == "carol" {
				results[i] = &smtp.Error{Code: 452, Enhanced: smtp.EnhancedCode{4, 2, 2}, Text: "mailbox is full"}
			}
		}
		return results
	})
	srv := &smtpserver.Server{Hostname: "mail.example.org", LMTP: true, Backend: backend}
	l, err := net.Listen("tcp", "127.0.0.1:0") // or a Unix socket
	if err != nil {
		log.Fatal(err)
	}
	go srv.Serve(l)
	defer srv.Close()

	c, err := textproto.Dial("tcp", l.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	for _, line := range []string{"LHLO client.example", "MAIL FROM:<bob@example.net>", "RCPT TO:<alice@example.org>", "RCPT TO:<carol@example.org>", "DATA"} {
		c.ReadResponse(0)
		c.PrintfLine("%s", line)
	}
	c.ReadResponse(354)
	c.PrintfLine("Subject: Hello\r\n\r\nHi\r\n.")
	for _, to := range []string{"alice", "carol"} {
		code, text, err := c.ReadResponse(0)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(to, code, text[:5])
	}
	// Output:
	// alice 250 2.0.0
	// carol 452 4.2.2
}

// exampleDial returns a function that sends a command and returns the last line
// of the reply.
func exampleDial(addr string) func(string) string {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		log.Fatal(err)
	}
	buf := make([]byte, 4096)
	read := func() string {
		text := ""
		for {
			n, err := nc.Read(buf)
			if err != nil {
				log.Fatal(err)
			}
			text += string(buf[:n])
			lines := strings.Split(strings.TrimSuffix(text, "\r\n"), "\r\n")
			if last := lines[len(lines)-1]; strings.HasSuffix(text, "\r\n") && len(last) > 3 && last[3] == ' ' {
				return last
			}
		}
	}
	read()
	return func(line string) string {
		io.WriteString(nc, line+"\r\n")
		return read()
	}
}
