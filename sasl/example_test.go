package sasl_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/posthorn-mail/posthorn/sasl"
)

// Both sides of an exchange, without a protocol between them.
func Example() {
	users := &sasl.Users{}
	users.Set("tim", "tanstaaftanstaaf")

	conn := sasl.Conn{Service: "imap", Host: "mail.example.org"}
	offered := sasl.Mechanisms(users, conn)
	fmt.Println("offered:", offered)

	ctx := context.Background()
	client, _ := sasl.Select(ctx, offered, sasl.Credentials{Username: "tim", Password: "tanstaaftanstaaf"}, conn)
	server, _ := sasl.NewServer(client.Name(), users, conn)

	response, _ := client.Start()
	for {
		challenge, done, err := server.Next(ctx, response)
		if err != nil {
			fmt.Println("refused:", err)
			return
		}
		if challenge != nil {
			response, _ = client.Next(challenge)
		}
		if done {
			break
		}
	}
	fmt.Println("server is genuine:", client.Finish() == nil)
	fmt.Println("logged in by", client.Name(), "as", server.Identity())
	// Output:
	// offered: [SCRAM-SHA-512 SCRAM-SHA-256 SCRAM-SHA-1]
	// server is genuine: true
	// logged in by SCRAM-SHA-512 as tim
}

// Passwords that are hashed on this machine are checked in turns.
func ExampleChecks() {
	checks := &sasl.Checks{}
	auth := sasl.AuthFunc(func(ctx context.Context, user, password string) (string, error) {
		err := checks.Do(ctx, func() error {
			if user != "tim" || password != "tanstaaftanstaaf" { // bcrypt, Argon2…
				return sasl.ErrAuthFailed
			}
			return nil
		})
		return user, err
	})
	id, err := sasl.CheckPassword(context.Background(), auth, sasl.Conn{AllowInsecure: true}, "tim", "tanstaaftanstaaf")
	fmt.Println(id, err, checks.Stats().Checks)
	// Output:
	// tim <nil> 1
}

// A database of one's own serves passwords with one method.
func ExampleAuthFunc() {
	auth := sasl.AuthFunc(func(ctx context.Context, user, password string) (string, error) {
		if user != "tim" || password != "tanstaaftanstaaf" { // ask the database
			return "", sasl.ErrAuthFailed
		}
		return "tim@example.org", nil
	})
	insecure := sasl.Conn{AllowInsecure: true}
	fmt.Println(sasl.Mechanisms(auth, insecure), sasl.Mechanisms(auth, sasl.Conn{}))
	id, _ := sasl.CheckPassword(context.Background(), auth, insecure, "tim", "tanstaaftanstaaf")
	fmt.Println(id)
	_, err := sasl.CheckPassword(context.Background(), auth, insecure, "tim", "guess")
	fmt.Println(errors.Is(err, sasl.ErrAuthFailed))
	// Output:
	// [PLAIN LOGIN] []
	// tim@example.org
	// true
}

// The table of users as a file.
func ExampleUsers_MarshalText() {
	users := &sasl.Users{}
	users.Set("tim", "tanstaaftanstaaf")
	text, _ := users.MarshalText() // os.WriteFile("users", text, 0o600)

	var loaded sasl.Users
	err := loaded.UnmarshalText(text)
	fmt.Println(loaded.Names(), err)
	// Output: [tim] <nil>
}
