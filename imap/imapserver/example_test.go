package imapserver_test

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"net"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapserver"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/memory"
	"github.com/posthorn-mail/posthorn/sasl"
)

// A server over a store in memory, with one user and one message.
func Example() {
	ctx := context.Background()
	store := memory.New(nil)
	defer store.Close()
	if err := store.CreateAccount(ctx, "tim"); err != nil {
		log.Fatal(err)
	}
	account, err := store.Account(ctx, "tim")
	if err != nil {
		log.Fatal(err)
	}
	inbox, err := account.Mailbox(ctx, "INBOX")
	if err != nil {
		log.Fatal(err)
	}
	message := "Subject: Hello\r\n\r\nHello, Tim.\r\n"
	if _, err := inbox.Append(ctx, mailbox.Incoming{Body: strings.NewReader(message), Size: int64(len(message))}); err != nil {
		log.Fatal(err)
	}

	users := &sasl.Users{Iterations: sasl.MinIterations}
	if err := users.Set("tim", "tanstaaftanstaaf"); err != nil {
		log.Fatal(err)
	}
	srv := &imapserver.Server{
		Store:             store,
		Authenticator:     users,
		AllowInsecureAuth: true, // it is only over loopback
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go srv.Serve(l)
	defer srv.Close()

	// A client.
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "a LOGIN tim tanstaaftanstaaf\r\nb EXAMINE INBOX\r\nc FETCH 1 (ENVELOPE)\r\nd LOGOUT\r\n")
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		if strings.Contains(lines.Text(), "ENVELOPE") {
			fmt.Println(lines.Text())
		}
	}
	// Output: * 1 FETCH (ENVELOPE (NIL "Hello" NIL NIL NIL NIL NIL NIL NIL NIL))
}

// An account with a quota, which the administrator may change (RFC 9208).
func ExampleServer_quota() {
	store := memory.New(&memory.Options{Quota: map[mailbox.QuotaName]int64{mailbox.QuotaMessage: 1000}})
	defer store.Close()
	srv := &imapserver.Server{
		Store:             store,
		QuotaAdmin:        func(c *imapserver.Conn) bool { return c.Identity() == "admin" },
		AllowInsecureAuth: true,
	}
	for _, line := range exampleDialogue(srv, store, "admin", "b GETQUOTAROOT INBOX", `c SETQUOTA "account" (MESSAGE 2000)`) {
		fmt.Println(line)
	}
	// Output:
	// * QUOTAROOT INBOX "account"
	// * QUOTA "account" (MESSAGE 0 1000)
	// b OK GETQUOTAROOT completed
	// * QUOTA "account" (MESSAGE 0 2000)
	// c OK SETQUOTA completed
}

// Hooks see connections and logins, and turn extensions off.
func ExampleServer_hooks() {
	store := memory.New(nil)
	defer store.Close()
	srv := &imapserver.Server{
		Store: store,
		OnConnect: func(_ context.Context, c *imapserver.Conn) error {
			if addr, ok := c.RemoteAddr().(*net.TCPAddr); ok && addr.IP.IsLoopback() {
				return nil
			}
			return &imap.Error{Text: "not from here"} // the client is sent BYE
		},
		OnAuth: func(_ context.Context, a sasl.Attempt) {
			fmt.Println("login by", a.Mechanism, "as", a.Identity, "error", a.Err)
		},
		OnID: func(c *imapserver.Conn, id imap.IDFields) {
			fmt.Println(c.Identity(), "uses", id.Get("name"))
		},
		Capabilities: func(_ *imapserver.Conn, caps imap.CapSet) imap.CapSet {
			return caps.Without(imap.CapMove)
		},
		AllowInsecureAuth: true,
	}
	for _, line := range exampleDialogue(srv, store, "tim", `b ID ("name" "Example")`, "c MOVE 1 Archive") {
		fmt.Println(line)
	}
	// Output:
	// login by LOGIN as tim error <nil>
	// tim uses Example
	// * ID ("name" "Posthorn")
	// b OK ID completed
	// c BAD unknown command
}

// exampleDialogue logs in and returns what the server replies to the commands.
func exampleDialogue(srv *imapserver.Server, store *memory.Store, user string, commands ...string) (replies []string) {
	users := &sasl.Users{Iterations: sasl.MinIterations}
	if err := users.Set(user, "open sesame"); err != nil {
		log.Fatal(err)
	}
	srv.Authenticator = users
	if err := store.CreateAccount(context.Background(), user); err != nil {
		log.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go srv.Serve(l)
	defer srv.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	lines := bufio.NewScanner(conn)
	for i, command := range append([]string{"a LOGIN " + user + ` "open sesame"`}, commands...) {
		fmt.Fprint(conn, command, "\r\n")
		for lines.Scan() {
			if i > 0 {
				replies = append(replies, lines.Text())
			}
			if strings.HasPrefix(lines.Text(), command[:2]) {
				break
			}
		}
	}
	return replies
}
