package imapclient_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"

	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// An HTTP handler that lists a mailbox. However many requests there are at once,
// they share four connections.
func ExamplePool() {
	addr, options, stop := exampleServer()
	defer stop()
	ctx := context.Background()

	pool := &imapclient.Pool{Dial: func(ctx context.Context) (*imapclient.Client, error) {
		return imapclient.Dial(ctx, addr, options)
	}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{mailbox}", func(w http.ResponseWriter, r *http.Request) {
		// If the connection is lost before there was an answer, the function is
		// called again, so it writes nothing before that.
		err := pool.Select(r.Context(), r.PathValue("mailbox"), nil, func(m *imapclient.Mailbox) error {
			for msg, err := range m.Fetch(r.Context(), imapclient.Last(50), imapclient.Entry, imapclient.Envelope) {
				if err != nil {
					return err
				}
				fmt.Fprintln(w, msg.UID, msg.Subject())
			}
			return nil
		})
		switch {
		case errors.Is(err, mailbox.ErrNotExist):
			http.NotFound(w, r)
		case err != nil:
			log.Print(err)
		}
	})
	web := httptest.NewServer(mux)

	get := func(name string) string {
		resp, err := http.Get(web.URL + "/" + name)
		if err != nil {
			log.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return string(b)
	}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { get("INBOX") })
	}
	wg.Wait()
	fmt.Print(get("INBOX"), get("Nowhere"))
	fmt.Println("at most four connections:", pool.Stats().Open <= 4)

	web.Close()
	if err := pool.Shutdown(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 1 Lunch
	// 2 Rechnung für Mai
	// 3 Re: Lunch
	// 404 page not found
	// at most four connections: true
}

// A program that acts on new mail, for ever. It remembers in a file how far it has
// come, so that it misses nothing while it does not run.
func ExamplePool_Watch() {
	addr, options, stop := exampleServer()
	defer stop()
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	check(err)
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "state")

	pool := &imapclient.Pool{Dial: func(ctx context.Context) (*imapclient.Client, error) {
		return imapclient.Dial(ctx, addr, options) // options.Credentials.Token is asked for at each connection
	}}
	defer pool.Close()
	var state imapclient.State
	if text, err := os.ReadFile(file); err == nil {
		if err := state.UnmarshalText(text); err != nil {
			log.Fatal(err)
		}
	}
	for up, err := range pool.Watch(ctx, "INBOX", &state) {
		if err != nil {
			log.Fatal(err) // what no further attempt mends
		}
		text, _ := state.MarshalText() // all Updates but this one have been handled
		if err := os.WriteFile(file, text, 0o600); err != nil {
			log.Fatal(err)
		}
		for msg, err := range up.Mailbox.Fetch(ctx, up.New, imapclient.Envelope) {
			if err != nil {
				log.Print(err) // if the connection is lost, the Update comes again
				break
			}
			if len(msg.Envelope.From) == 0 || msg.Envelope.From[0].Local != "billing" {
				continue
			}
			if _, err := up.Mailbox.Move(ctx, imapclient.UIDs(msg.UID), "Bills"); err != nil {
				log.Print(err)
				break
			}
			fmt.Println("filed:", msg.Subject())
		}
		break // this example, though, ends here
	}
	// Output:
	// filed: Rechnung für Mai
}
