package pop3server_test

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"net"
	"strings"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/memory"
	"github.com/posthorn-mail/posthorn/pop3/pop3server"
	"github.com/posthorn-mail/posthorn/sasl"
)

func Example() {
	ctx := context.Background()
	store := memory.New(nil)
	store.CreateAccount(ctx, "mrose")
	account, _ := store.Account(ctx, "mrose")
	inbox, _ := account.Mailbox(ctx, mailbox.Inbox)
	text := "Subject: Hello\r\n\r\nHow are you?\r\n"
	inbox.Append(ctx, mailbox.Incoming{Body: strings.NewReader(text), Size: int64(len(text))})

	users := &sasl.Users{}
	users.Set("mrose", "tanstaaf")

	srv := &pop3server.Server{
		Store:             store,
		Authenticator:     users,
		Hostname:          "pop.example.org",
		AllowInsecureAuth: true, // it is only over loopback
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go srv.Serve(l)
	defer srv.Close()

	// Any mail program, here by hand:
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "USER mrose\r\nPASS tanstaaf\r\nRETR 1\r\nQUIT\r\n")
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		fmt.Println(lines.Text())
	}
	// Output:
	// +OK pop.example.org POP3 ready
	// +OK Password required
	// +OK Logged in, 1 messages (32 octets)
	// +OK 32 octets
	// Subject: Hello
	//
	// How are you?
	// .
	// +OK Bye
}
