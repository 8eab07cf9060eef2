package imapserver_test

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"net"
	"strings"

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
	if _, err := inbox.Append(ctx, mailbox.Draft{Body: strings.NewReader(message), Size: int64(len(message))}); err != nil {
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
