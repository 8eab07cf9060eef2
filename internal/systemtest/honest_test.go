package systemtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// honest are ten clients, each with an account of its own, that do a little all
// the time, and note how long each answer takes.
type honest struct {
	net   sources
	ports map[string]string // the address of each service
	every time.Duration

	mu     sync.Mutex
	began  bool                       // what is answered now is noted
	took   map[string][]time.Duration // by kind
	errors int
	first  error // the first of them
}

const honestClients = 10

// honestKinds are what the clients do, in the order of the table.
var honestKinds = []string{"noop", "fetch", "append", "smtp", "pop3", "login"}

// honestMessage is 2 KB.
var honestMessage = "From: <h@example.net>\r\nTo: <h@example.org>\r\nSubject: a few words\r\nMessage-ID: <1@example.net>\r\n\r\n" +
	strings.Repeat(strings.Repeat("x", 70)+"\r\n", 27)

func honestName(i int) string { return fmt.Sprintf("honest%d@example.org", i) }

// run lets the clients work until ctx ends, and returns when all that was asked
// by then has been answered.
func (h *honest) run(ctx context.Context) {
	h.took = map[string][]time.Duration{}
	var wg sync.WaitGroup
	for i := range honestClients {
		for k, kind := range honestKinds {
			every := h.every
			if kind == "login" {
				every *= 25
			}
			wg.Go(func() { h.client(ctx, i, kind, every, time.Duration(i*len(honestKinds)+k)*every/(honestClients*6)) })
		}
	}
	wg.Wait()
}

// client does one thing at every tick, begun a while after the others.
func (h *honest) client(ctx context.Context, i int, kind string, every, after time.Duration) {
	select {
	case <-time.After(after):
	case <-ctx.Done():
		return
	}
	var l *link
	defer func() {
		if l != nil {
			l.Close()
		}
	}()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		var err error
		if l == nil && kind != "login" {
			l, err = h.connect(i, kind)
		}
		if ctx.Err() != nil {
			return
		}
		began := time.Now()
		if err == nil {
			if l != nil {
				l.SetDeadline(began.Add(2 * time.Minute))
			}
			err = h.once(l, i, kind)
		}
		h.note(kind, time.Since(began), every, err)
		if err != nil && l != nil {
			l.Close()
			l = nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// note records an answer. While a client waits it asks for nothing else: what it
// would have asked for at each tick is counted as well, with the time that it
// would have waited, so that a standstill weighs what it lasts.
func (h *honest) note(kind string, d, every time.Duration, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil {
		h.errors++
		if h.first == nil {
			h.first = fmt.Errorf("%s: %w", kind, err)
		}
	}
	for ; h.began && d > 0; d -= every {
		h.took[kind] = append(h.took[kind], d)
	}
}

// begin forgets what has been until now.
func (h *honest) begin() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.began = true
}

// connect opens the session in which a client does its things.
func (h *honest) connect(i int, kind string) (*link, error) {
	service := map[string]string{"smtp": "smtp", "pop3": "pop3"}[kind]
	if service == "" {
		service = "imap"
	}
	l, _, err := dialLink(context.Background(), h.net.honest(i), h.ports[service])
	if err != nil {
		return nil, err
	}
	l.SetDeadline(time.Now().Add(2 * time.Minute))
	switch service {
	case "imap":
		if err = wantPrefix("OK")(l.command("LOGIN " + honestName(i) + " " + attackPassword)); err == nil {
			err = wantPrefix("OK")(l.command("SELECT INBOX"))
		}
	case "smtp":
		err = wantPrefix("250")(l.smtp("EHLO client.example.net"))
	case "pop3":
		if err = wantPrefix("+OK")(l.pop3("USER "+honestName(i), false)); err == nil {
			err = wantPrefix("+OK")(l.pop3("PASS "+attackPassword, false))
		}
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// once does one thing.
func (h *honest) once(l *link, i int, kind string) error {
	switch kind {
	case "noop":
		return wantPrefix("OK")(l.command("NOOP"))
	case "fetch":
		return wantPrefix("OK")(l.command("FETCH 1 (FLAGS ENVELOPE BODY.PEEK[])"))
	case "append":
		return wantPrefix("OK")(l.command(fmt.Sprintf("APPEND Drafts {%d+}\r\n%s", len(honestMessage), honestMessage)))
	case "smtp":
		err := wantPrefix("354")(l.smtp("MAIL FROM:<h@example.net>", "RCPT TO:<"+honestName(i)+">", "DATA"))
		if err != nil {
			return err
		}
		return wantPrefix("250")(l.smtp(honestMessage + "."))
	case "pop3":
		if err := wantPrefix("+OK")(l.pop3("STAT", false)); err != nil {
			return err
		}
		return wantPrefix("+OK")(l.pop3("RETR 1", true))
	}
	// login: a whole session.
	l, err := h.connect(i, kind)
	if err != nil {
		return err
	}
	defer l.Close()
	_, err = l.command("LOGOUT")
	return err
}

// wantPrefix makes an error of an answer that is another one.
func wantPrefix(prefix string) func(answer string, err error) error {
	return func(answer string, err error) error {
		if err == nil && !strings.HasPrefix(answer, prefix) {
			err = fmt.Errorf("want %s, got %q", prefix, answer)
		}
		return err
	}
}

// latencies are percentiles of one kind, or of all.
type latencies struct{ p50, p99, max time.Duration }

func (h *honest) latencies(kinds ...string) latencies {
	var all []time.Duration
	for _, kind := range kinds {
		all = append(all, h.took[kind]...)
	}
	if len(all) == 0 {
		return latencies{}
	}
	slices.Sort(all)
	return latencies{all[len(all)/2], all[len(all)*99/100], all[len(all)-1]}
}

func (l latencies) String() string {
	ms := func(d time.Duration) string {
		if d < 10*time.Millisecond {
			return fmt.Sprintf("%.1f", d.Seconds()*1e3)
		}
		return fmt.Sprint(d.Milliseconds())
	}
	return ms(l.p50) + "/" + ms(l.p99) + "/" + ms(l.max)
}
