package systemtest

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// An attack is what a client does that wants the server's memory, disk or time
// for itself.
type attack struct {
	name  string
	about string
	// login is whether it has an account, which is named as the attack.
	login bool
	// setup, unless nil, fills the account.
	setup func(p *prey) error
	// conns is how many connections there are at the same time. Each calls run,
	// and again when it returns.
	conns int
	run   func(a *attacker) error
}

// sizes are how much there is in the accounts of attackers.
type sizes struct{ Messages, Mailboxes, Subscriptions int }

// attacks are in the order of the table.
var attacks = []attack{
	{name: "header-64k", about: "by port 25, a Content-Type of 64 KB with a comment that never ends in each parameter",
		conns: 16, run: headerBomb(64 << 10)},
	{name: "header-256k", about: "the same with 256 KB",
		conns: 16, run: headerBomb(256 << 10)},
	{name: "envelope", about: "FETCH with ENVELOPE 3,000 times, of a message with 20,000 addresses",
		login: true, setup: addresses, conns: 1, run: each("FETCH 1 (" + strings.TrimSpace(strings.Repeat("ENVELOPE ", 3000)) + ")")},
	{name: "header-fields", about: "FETCH of HEADER.FIELDS with 4,000 names, of a header with 20,000 fields",
		login: true, setup: fields, conns: 4, run: each("FETCH 1 BODY.PEEK[HEADER.FIELDS (" + numbered("x%d", 4000) + ")]")},
	{name: "append-expunge", about: "APPEND of 4 MB, EXPUNGE, again and again",
		login: true, conns: 4, run: appendExpunge},
	{name: "subscriptions", about: "LSUB of subscriptions that are 480 levels deep, or as deep as may be",
		login: true, setup: subscriptions, conns: 4, run: each(`LSUB "" %`, `LSUB "" *`)},
	{name: "store-all", about: "STORE 1:* from 20 connections",
		login: true, setup: messages, conns: 20, run: each(`STORE 1:* +FLAGS.SILENT (\Flagged)`, `STORE 1:* -FLAGS.SILENT (\Flagged)`)},
	{name: "list", about: "LIST with 100 patterns, in an account with many mailboxes",
		login: true, setup: mailboxes, conns: 4, run: each(`LIST "" (`+numbered("*%%*%%*z%d", 100)+")", `LIST "" *%*%*%*%*z`)},
	{name: "search", about: "SEARCH with 64 TEXT keys",
		login: true, setup: messages, conns: 4, run: each("SEARCH " + numbered("NOT TEXT nothing%d", 64))},
	{name: "slow-readers", about: "300 connections that FETCH everything and read nothing",
		login: true, setup: messages, conns: 300, run: slowReader},
	{name: "noop", about: "NOOP from 100 connections after STORE 1:* of another one",
		login: true, setup: messages, conns: 100, run: noopAfterStore},
	{name: "login-wrong", about: "100 connections that log in with a wrong password and hang up",
		login: true, conns: 100, run: loginFlood("wrong")},
	{name: "login-right", about: "100 connections that log in and hang up",
		login: true, conns: 100, run: loginFlood(attackPassword)},
	{name: "slow-upload", about: "300 connections that send an octet of a message each second, by APPEND and port 25",
		login: true, conns: 300, run: slowUpload},
	{name: "pipeline", about: "commands without end, by all protocols, before login and after it",
		login: true, conns: 8, run: pipeline},
	{name: "connect", about: "50 connections that are opened and closed",
		conns: 50, run: connect},
	{name: "handshake", about: "50 connections that do a TLS handshake and hang up",
		conns: 50, run: handshake},
}

// prey is the account that an attack fills before it begins.
type prey struct {
	sizes
	dial func() (*link, error) // a session that is logged in, with INBOX selected
}

// ok does a command that must succeed.
func (l *link) ok(command string) error { return wantPrefix("OK")(l.command(command)) }

// in shares n commands among 20 sessions, which have the server sync once for
// several of them.
func (p *prey) in(n int, command func(i int) string) error {
	const sessions = 20
	errs := make(chan error, sessions)
	for s := range sessions {
		go func() {
			l, err := p.dial()
			for i := s; i < n && err == nil; i += sessions {
				err = l.ok(command(i))
			}
			errs <- err
		}()
	}
	var err error
	for range sessions {
		if e := <-errs; e != nil {
			err = e
		}
	}
	return err
}

// messages fills INBOX: with a few hundred messages, and copies of them.
func messages(p *prey) error {
	l, err := p.dial()
	if err != nil {
		return err
	}
	have := min(256, p.Messages)
	for i := range have {
		m := fmt.Sprintf("From: Somebody <s%d@example.net>\r\nTo: t%d@example.org\r\nSubject: Message %d\r\n"+
			"Date: Wed, 1 Jan 2025 10:00:00 +0000\r\nMessage-ID: <%d@example.net>\r\n\r\n%s", i, i, i, i, strings.Repeat("some words\r\n", 10))
		if err := l.ok(fmt.Sprintf("APPEND INBOX {%d+}\r\n%s", len(m), m)); err != nil {
			return err
		}
	}
	if err := l.ok("NOOP"); err != nil {
		return err
	}
	for have < p.Messages {
		n := min(have, p.Messages-have)
		if err := l.ok(fmt.Sprintf("COPY 1:%d INBOX", n)); err != nil {
			return err
		}
		if err := l.ok("NOOP"); err != nil {
			return err
		}
		have += n
	}
	return nil
}

// addresses puts one message with 20,000 addresses, each in its line, in INBOX.
func addresses(p *prey) error {
	l, err := p.dial()
	if err != nil {
		return err
	}
	m := "From: a@example.net\r\nTo: " + numbered("somebody%d@example.net,\r\n", 20_000) + " b@example.net\r\n\r\nHello\r\n"
	return l.ok(fmt.Sprintf("APPEND INBOX {%d+}\r\n%s", len(m), m))
}

// fields puts one message with 20,000 header fields in INBOX.
func fields(p *prey) error {
	l, err := p.dial()
	if err != nil {
		return err
	}
	m := numbered("y%d: z\r\n", 20_000)
	m = strings.ReplaceAll(m, "\n ", "\n") + "\r\n\r\nHello\r\n"
	return l.ok(fmt.Sprintf("APPEND INBOX {%d+}\r\n%s", len(m), m))
}

func mailboxes(p *prey) error {
	return p.in(p.Mailboxes, func(i int) string { return fmt.Sprintf("CREATE aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa%d", i) })
}

// subscriptions are as deep as the server takes them.
func subscriptions(p *prey) error {
	var err error
	for _, levels := range []int{480, 32} {
		deep := strings.Repeat("/a", levels-1)
		if err = p.in(p.Subscriptions, func(i int) string { return fmt.Sprintf("SUBSCRIBE s%d%s", i, deep) }); err == nil {
			return nil
		}
	}
	return err
}

// numbered is n texts, with spaces between them.
func numbered(format string, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// each does the commands one after the other, in a session.
func each(commands ...string) func(a *attacker) error {
	return func(a *attacker) error {
		l, err := a.imap()
		if err != nil {
			return err
		}
		defer l.Close()
		for {
			for _, c := range commands {
				answer, err := l.command(c)
				if err != nil {
					return err
				}
				a.told(answer, 1)
			}
		}
	}
}

func headerBomb(size int) func(a *attacker) error {
	field := "Content-Type: text/plain;" + strings.Repeat(strings.Repeat("a(;", 300)+"\r\n ", size/903)
	return func(a *attacker) error {
		l, err := a.dial("smtp")
		if err != nil {
			return err
		}
		defer l.Close()
		if _, err := l.smtp("EHLO attacker.example.net"); err != nil {
			return err
		}
		for {
			answer, err := l.smtp("MAIL FROM:<>", "RCPT TO:<"+a.user+">", "DATA")
			if err == nil && strings.HasPrefix(answer, "354") {
				answer, err = l.smtp(field + "\r\n\r\n.")
			}
			if err != nil {
				return err
			}
			a.told(answer, 1)
			if answer[0] > '3' {
				l.smtp("RSET")
			}
		}
	}
}

func appendExpunge(a *attacker) error {
	l, err := a.imap()
	if err != nil {
		return err
	}
	defer l.Close()
	const size = 4 << 20
	message := "Subject: big\r\n\r\n" + strings.Repeat(strings.Repeat("x", 1022)+"\r\n", size>>10)
	for {
		for _, c := range []string{fmt.Sprintf("APPEND INBOX {%d+}\r\n%s", len(message), message), `STORE 1:* +FLAGS.SILENT (\Deleted)`, "EXPUNGE"} {
			answer, err := l.command(c)
			if err != nil {
				return err
			}
			a.told(answer, 1)
		}
	}
}

func slowReader(a *attacker) error {
	l, err := a.imap()
	if err != nil {
		return err
	}
	defer l.Close()
	l.Conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	if err := l.send("x FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE)\r\n"); err != nil {
		return err
	}
	// Nothing is read. Whether the server has ended it shows when something is sent.
	for {
		if !a.sleep(time.Second) {
			a.told("no answer, since it is not read", 1)
			return nil
		}
		if err := l.send("x NOOP\r\n"); err != nil {
			return err
		}
	}
}

func noopAfterStore(a *attacker) error {
	if a.n == 0 {
		return each(`STORE 1:* +FLAGS.SILENT (\Flagged)`, `STORE 1:* -FLAGS.SILENT (\Flagged)`)(a)
	}
	return each("NOOP")(a)
}

func loginFlood(password string) func(a *attacker) error {
	return func(a *attacker) error {
		l, err := a.dial("imap")
		if err != nil {
			return err
		}
		defer l.Close()
		if err := l.send("x LOGIN %s %s\r\n", a.user, password); err != nil {
			return err
		}
		if !a.sleep(5 * time.Millisecond) { // so that the command is read
			return nil
		}
		a.told("(hung up)", 1)
		return nil
	}
}

func slowUpload(a *attacker) error {
	var l *link
	var err error
	if a.n%2 == 0 {
		if l, err = a.imap(); err != nil {
			return err
		}
		defer l.Close()
		err = l.send("x APPEND INBOX {1000000+}\r\n")
	} else {
		if l, err = a.dial("smtp"); err != nil {
			return err
		}
		defer l.Close()
		if _, err = l.smtp("EHLO attacker.example.net", "MAIL FROM:<>", "RCPT TO:<"+honestName(0)+">", "DATA"); err != nil {
			return err
		}
		err = l.send("Subject: slow\r\n\r\n")
	}
	if err != nil {
		return err
	}
	go func() {
		// The server may say something before the end.
		for {
			line, err := l.line()
			if err != nil {
				return
			}
			a.told(line, 1)
		}
	}()
	for {
		if err := l.send("x"); err != nil {
			return err
		}
		if !a.sleep(time.Second) {
			return nil
		}
	}
}

func pipeline(a *attacker) error {
	var l *link
	var err error
	command := "NOOP\r\n"
	switch a.n % 4 {
	case 0:
		l, err = a.imap()
		command = "x NOOP\r\n"
	case 1:
		l, err = a.dial("imap")
		command = "x CAPABILITY\r\n"
	case 2:
		l, err = a.dial("smtp")
	case 3:
		if l, err = a.dial("pop3"); err == nil {
			command = "CAPA\r\n"
		}
	}
	if err != nil {
		return err
	}
	defer l.Close()
	go func() {
		block := []byte(strings.Repeat(command, 4000))
		for {
			if _, err := l.Write(block); err != nil {
				return
			}
		}
	}()
	last, n := "", 0
	for {
		line, err := l.line()
		if err != nil {
			a.told(last, n)
			return err
		}
		if line != last {
			a.told(last, n)
			last, n = line, 0
		}
		n++
	}
}

func connect(a *attacker) error {
	l, err := a.dial([]string{"imap", "smtp", "pop3", "submission"}[a.n%4])
	if err != nil {
		return err
	}
	a.told("(hung up)", 1)
	return l.Close()
}

func handshake(a *attacker) error {
	d := net.Dialer{Timeout: 10 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(a.source)}}
	c, err := d.DialContext(a.ctx, "tcp", a.Addrs["imaps"])
	if err != nil {
		return err
	}
	defer c.Close()
	c.(*net.TCPConn).SetLinger(0)
	c.SetDeadline(time.Now().Add(30 * time.Second))
	if err := tls.Client(c, &tls.Config{InsecureSkipVerify: true}).HandshakeContext(a.ctx); err != nil {
		return err
	}
	a.told("(hung up)", 1)
	return nil
}

// attacker is one connection of an attack.
type attacker struct {
	*attacking
	ctx    context.Context
	source string // the address that it comes from
	user   string
	n      int                      // which of the connections it is
	told   func(text string, n int) // counts answers of the server
}

// attacking is what the process of the attackers is told.
type attacking struct {
	Names []string
	Addrs map[string]string // of each service
	Net   sources
	For   time.Duration
}

func (a *attacker) dial(service string) (*link, error) {
	l, greeting, err := dialLink(a.ctx, a.source, a.Addrs[service])
	if err == nil && !strings.HasPrefix(greeting, "220") && !strings.HasPrefix(greeting, "* OK") && !strings.HasPrefix(greeting, "+OK") {
		a.told(greeting, 1)
		l.Close()
		return nil, io.EOF
	}
	return l, err
}

// imap is a session that is logged in, with INBOX selected.
func (a *attacker) imap() (*link, error) {
	l, err := a.dial("imap")
	if err != nil {
		return nil, err
	}
	for _, c := range []string{"LOGIN " + a.user + " " + attackPassword, "SELECT INBOX"} {
		answer, err := l.command(c)
		if err == nil && !strings.HasPrefix(answer, "OK") {
			a.told(answer, 1)
			err = io.EOF
		}
		if err != nil {
			l.Close()
			return nil, err
		}
	}
	return l, nil
}

// sleep reports whether the attack goes on afterwards.
func (a *attacker) sleep(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-a.ctx.Done():
		return false
	}
}

// attack does run again and again on all connections, until ctx ends. It returns
// how often the server said what.
func (at *attack) attack(ctx context.Context, p *attacking, k int) map[string]int {
	var mu sync.Mutex
	told := map[string]int{}
	var wg sync.WaitGroup
	for n := range at.conns {
		wg.Go(func() {
			a := &attacker{attacking: p, ctx: ctx, source: p.Net.attacker(k, n), user: at.user(), n: n, told: func(text string, n int) {
				mu.Lock()
				defer mu.Unlock()
				told[shorten(text)] += n
			}}
			for ctx.Err() == nil {
				err := at.run(a)
				if ctx.Err() != nil {
					break
				}
				if err != nil {
					a.told("("+reason(err)+")", 1)
					a.sleep(20 * time.Millisecond)
				}
			}
		})
	}
	wg.Wait()
	return told
}

func (at *attack) user() string { return at.name + "@example.org" }
