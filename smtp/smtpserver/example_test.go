package smtpserver_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/mail"
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
	for m, err := range inbox.Messages(ctx, mailbox.AllUIDs(), mailbox.WantSummary) {
		fmt.Println(m.UID, m.Summary.Envelope.Subject, err)
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

// A Backend of one's own that prints what comes.
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
