package systemtest

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/imap/imapserver"
	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/mailbox/memory"
	"github.com/posthorn-mail/posthorn/pop3/pop3client"
	"github.com/posthorn-mail/posthorn/pop3/pop3server"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
	"github.com/stretchr/testify/require"
)

// A defect is one that was published about other mail software, or a kind of it
// that is close. The tables of published_servers_test.go, published_clients_test.go
// and published_parsers_test.go say for each what of ours it is tried on, with
// which octets, and what ours does.
type defect struct {
	// class is the kind of defect, one of classes.
	class string
	// what says what is tried. No two rows of a class say the same.
	what string
	// ids are the numbers under which it was published, with the software. What
	// stands after "kin:" is similar, not the same.
	ids string
	// try feeds the octets to a server, a client or a parser, and returns what
	// came of it: what a server has answered, what a client has sent (C:) and then
	// returned, what a parser has read.
	try func(t *testing.T, l *lab) string
	// want is that, with " | " between the lines. "…" stands for any text within
	// a line, "3 × " for a line that comes three times.
	want string
}

// classes are the kinds of defect, in the order of the tables.
var classes = []string{
	"smuggling",
	"STARTTLS injection",
	"response injection",
	"command injection",
	"NUL and length",
	"memory before login",
	"path traversal",
	"many headers and addresses",
	"quadratic parsing",
	"decompression bomb",
	"auth bypass",
	"downgrade",
	"user enumeration",
	"session state",
}

// published is the table. It is made when it is used, since some inputs are large.
var published = sync.OnceValue(func() []defect {
	return slices.Concat(publishedForServers(), publishedForClients(), publishedForParsers())
})

// TestPublishedDefectsTable looks at the table itself.
func TestPublishedDefectsTable(t *testing.T) {
	id := regexp.MustCompile(`\b(CVE-\d{4}-\d{4,}|GHSA(-\w{4}){3}|golang/go#\d+|RFC \d+) `)
	rows, names := map[string]int{}, map[string]bool{}
	for _, d := range published() {
		rows[d.class]++
		require.Contains(t, classes, d.class)
		require.NotEmpty(t, d.what)
		require.False(t, names[d.class+d.what], "twice: %s: %s", d.class, d.what)
		names[d.class+d.what] = true
		require.Regexp(t, id, d.ids+" ", d.what)
		require.NotEmpty(t, d.want, d.what)
	}
	for _, class := range classes {
		require.GreaterOrEqual(t, rows[class], 3, class)
	}
	require.GreaterOrEqual(t, len(published()), 60)
}

// TestPublishedDefects tries what has brought down, deceived or opened other mail
// software.
func TestPublishedDefects(t *testing.T) {
	l := newLab(t)
	for _, d := range published() {
		t.Run(d.class+"/"+d.what, func(t *testing.T) {
			got := cmp.Or(strings.TrimRight(d.try(t, l), "\r\n"), "(nothing)")
			if got = fold(got); !glob(d.want).MatchString(got) {
				t.Errorf("%s\n got: %s\nwant: %s", d.ids, strings.ReplaceAll(got, "\n", " | "), d.want)
			}
		})
	}
	// The servers are still there, and so is what they keep.
	for service, command := range map[string]string{"imap": "a LOGOUT\r\n", "smtp": "QUIT\r\n", "submission": "QUIT\r\n", "pop3": "QUIT\r\n"} {
		require.NotEmpty(t, l.talk(t, l.addrs[service], "", command), service)
	}
	require.Equal(t, "* 1 FETCH (UID 1) | a OK FETCH completed | * BYE logging out | b OK LOGOUT completed",
		strings.ReplaceAll(strings.TrimSpace(toBob("a FETCH 1:* UID\r\nb LOGOUT\r\n")(t, l)), "\n", " | "))
	require.NotContains(t, l.s.log(), "panic")
	l.s.stop()
}

// fold counts lines that repeat.
func fold(text string) string {
	var out []string
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); {
		n := i + 1
		for n < len(lines) && lines[n] == lines[i] && lines[i] != "" {
			n++
		}
		if n-i > 2 {
			out = append(out, fmt.Sprintf("%d × %s", n-i, lines[i]))
		} else {
			out = append(out, lines[i:n]...)
		}
		i = n
	}
	return strings.Join(out, "\n")
}

// glob makes a pattern of a text with " | " and "…" in it.
func glob(text string) *regexp.Regexp {
	text = strings.ReplaceAll(text, " | ", "\n")
	return regexp.MustCompile(`\A` + strings.ReplaceAll(regexp.QuoteMeta(text), "…", ".*") + `\z`)
}

// lab is what the defects are tried on: a mailserver for most of them, servers
// that do not slow down whoever fails to log in, and servers that take passwords
// under TLS only.
type lab struct {
	s                    *server
	addrs                map[string]string // of the mailserver
	open, guarded        map[string]string
	serverTLS, clientTLS *tls.Config
}

func newLab(t *testing.T) *lab {
	l := &lab{s: start(t), addrs: map[string]string{}, open: map[string]string{}, guarded: map[string]string{}}
	for service := range l.s.ports {
		l.addrs[service] = l.s.addr(service)
	}
	l.serverTLS, l.clientTLS = testutil.TLS(t, "127.0.0.1", "mail.test")
	store, users := memory.New(nil), &sasl.Users{Iterations: sasl.MinIterations}
	for account, password := range map[string]string{alice: alicePassword, bob: bobPassword} {
		require.NoError(t, store.CreateAccount(context.Background(), account))
		require.NoError(t, users.Set(account, password))
	}
	for insecure, addrs := range map[bool]map[string]string{true: l.open, false: l.guarded} {
		sub := &smtpserver.Server{Hostname: "mail.test", Authenticator: users, RequireAuth: true, Backend: &smtpserver.Delivery{
			Store: store, Resolve: func(context.Context, smtp.Address) (string, string, error) { return bob, "", nil },
		}}
		im := &imapserver.Server{Store: store, Authenticator: users, Hostname: "mail.test"}
		pop := &pop3server.Server{Store: store, Authenticator: users, Hostname: "mail.test"}
		sub.TLSConfig, im.TLSConfig, pop.TLSConfig = l.serverTLS, l.serverTLS, l.serverTLS
		sub.AllowInsecureAuth, im.AllowInsecureAuth, pop.AllowInsecureAuth = insecure, insecure, insecure
		onAuth := func(context.Context, sasl.Attempt) {} // no sasl.SlowDown
		sub.OnAuth, im.OnAuth, pop.OnAuth = onAuth, onAuth, onAuth
		addrs["submission"], addrs["imap"], addrs["pop3"] = testutil.Serve(t, sub), testutil.Serve(t, im), testutil.Serve(t, pop)
	}

	// What the rows read.
	w := l.s.imap(t)
	w.command("CREATE Lab")
	w.command(fmt.Sprintf("APPEND Lab {%d+}\r\n%s", len(labMessage), labMessage))
	w.Close()
	return l
}

const labMessage = "From: a@example.net\r\nSubject: s\r\n\r\nHello\r\n"

// talk connects, logs in by a command unless it is empty, sends all of the input
// at once, then ends its direction, and returns all that is answered up to the end
// of the connection. Of the replies of SMTP, only the last lines count.
func (l *lab) talk(t *testing.T, addr, login, input string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer c.Close()
	c.SetDeadline(time.Now().Add(labPatience))
	r := bufio.NewReader(c)
	_, err = r.ReadString('\n')
	require.NoError(t, err)
	if login != "" {
		io.WriteString(c, login)
		for {
			line, err := r.ReadString('\n')
			require.NoError(t, err)
			if strings.HasPrefix(line, "l OK") {
				break
			}
		}
	}
	go func() {
		io.WriteString(c, input) // the server may stop reading before its end
		c.(*net.TCPConn).CloseWrite()
	}()
	out, err := io.ReadAll(r)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		out = fmt.Appendf(out, "error: %v", err)
	}
	text := strings.ReplaceAll(string(out), "\r\n", "\n")
	return regexp.MustCompile(`(?m)^\d{3}-.*\n`).ReplaceAllString(text, "")
}

// The services of the mailserver, and bob's sessions with it.

func toSMTP(input string) func(*testing.T, *lab) string {
	return func(t *testing.T, l *lab) string { return l.talk(t, l.addrs["smtp"], "", input) }
}

func toSubmission(input string) func(*testing.T, *lab) string {
	return func(t *testing.T, l *lab) string { return l.talk(t, l.addrs["submission"], "", input) }
}

func toIMAP(input string) func(*testing.T, *lab) string {
	return func(t *testing.T, l *lab) string { return l.talk(t, l.addrs["imap"], "", input) }
}

// toBob is an IMAP session that is logged in, with Lab selected.
func toBob(input string) func(*testing.T, *lab) string {
	return func(t *testing.T, l *lab) string {
		return l.talk(t, l.addrs["imap"], "k LOGIN "+bob+" "+bobPassword+"\r\nl SELECT Lab\r\n", input)
	}
}

func toPOP3(input string) func(*testing.T, *lab) string {
	return func(t *testing.T, l *lab) string { return l.talk(t, l.addrs["pop3"], "", input) }
}

// toOpen is a server that does not slow down whoever fails to log in.
func toOpen(service, input string) func(*testing.T, *lab) string {
	return func(t *testing.T, l *lab) string { return l.talk(t, l.open[service], "", input) }
}

// toGuarded is a server that takes passwords under TLS only.
func toGuarded(service, input string) func(*testing.T, *lab) string {
	return func(t *testing.T, l *lab) string { return l.talk(t, l.guarded[service], "", input) }
}

// play is a server for one connection, which says the first of says at once, and
// each of the others after a line of the client, in which $T is the first word of
// that line. What ends with "<TLS>" is followed by the handshake, and what begins
// with "FLOOD " is repeated until the client has gone. sent returns the lines of
// the client when it has gone.
func (l *lab) play(t *testing.T, says []string) (client net.Conn, sent func() []string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	client, err = net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	c, err := ln.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { client.Close(); c.Close() })
	c.SetDeadline(time.Now().Add(labPatience))
	var lines []string
	done := make(chan struct{})
	go func() {
		defer close(done)
		r := bufio.NewReader(c)
		read := func() (line string, err error) {
			if line, err = r.ReadString('\n'); err == nil {
				lines = append(lines, strings.TrimRight(line, "\r\n"))
			}
			return line, err
		}
		tag := ""
		for i, say := range says {
			if i > 0 {
				line, err := read()
				if err != nil {
					return
				}
				tag, _, _ = strings.Cut(strings.TrimRight(line, "\r\n"), " ")
			}
			say = strings.ReplaceAll(say, "$T", tag)
			say, secure := strings.CutSuffix(say, "<TLS>")
			flood, floods := strings.CutPrefix(say, "FLOOD ")
			for {
				if _, err := io.WriteString(c, flood); err != nil {
					return
				}
				if !floods {
					break
				}
			}
			if secure {
				tc := tls.Server(c, l.serverTLS)
				if tc.Handshake() != nil {
					return
				}
				c, r = tc, bufio.NewReader(tc)
			}
		}
		for {
			if _, err := read(); err != nil {
				return
			}
		}
	}()
	return client, func() []string {
		client.Close()
		<-done
		return lines
	}
}

// outcome is what a client has sent, except empty lines and what is not text, and then
// what it has returned.
func outcome(sent []string, result string, err error) string {
	var out []string
	for _, line := range sent {
		if line != "" && !strings.ContainsFunc(line, unicode.IsControl) && utf8.ValidString(line) {
			out = append(out, "C: "+line)
		}
	}
	if err != nil {
		result = "error: " + strings.ReplaceAll(err.Error(), "\n", " ")
		if errors.Is(err, context.DeadlineExceeded) {
			result = "HANGS: " + result
		}
	}
	return strings.Join(append(out, result), "\n")
}

const labPatience = 10 * time.Second

// How a client begins.
const (
	clear    = false
	startTLS = true
)

// withSMTP is a client of a server that says so. do is called when it is connected.
func withSMTP(says []string, secure bool, o smtpclient.Options, do func(ctx context.Context, c *smtpclient.Client) (string, error)) func(*testing.T, *lab) string {
	return func(t *testing.T, l *lab) string {
		o.LocalName, o.TLSConfig = "client.test", l.clientTLS
		newClient := smtpclient.NewClient
		if secure {
			newClient = smtpclient.NewClientStartTLS
		}
		return with(t, l, says, func(ctx context.Context, nc net.Conn) (*smtpclient.Client, error) { return newClient(ctx, nc, &o) }, do)
	}
}

// withPOP3 is the same for POP3.
func withPOP3(says []string, secure bool, o pop3client.Options, do func(ctx context.Context, c *pop3client.Client) (string, error)) func(*testing.T, *lab) string {
	return func(t *testing.T, l *lab) string {
		o.TLSConfig = l.clientTLS
		newClient := pop3client.NewClient
		if secure {
			newClient = pop3client.NewClientStartTLS
		}
		return with(t, l, says, func(ctx context.Context, nc net.Conn) (*pop3client.Client, error) { return newClient(ctx, nc, &o) }, do)
	}
}

// withIMAP is the same for IMAP.
func withIMAP(says []string, secure bool, o imapclient.Options, do func(ctx context.Context, c *imapclient.Client) (string, error)) func(*testing.T, *lab) string {
	return func(t *testing.T, l *lab) string {
		o.TLSConfig, o.ID = l.clientTLS, imap.IDFields{}
		newClient := imapclient.NewClient
		if secure {
			newClient = imapclient.NewClientStartTLS
		}
		return with(t, l, says, func(ctx context.Context, nc net.Conn) (*imapclient.Client, error) { return newClient(ctx, nc, &o) }, do)
	}
}

func with[C io.Closer](t *testing.T, l *lab, says []string, begin func(context.Context, net.Conn) (C, error), do func(context.Context, C) (string, error)) string {
	ctx, cancel := context.WithTimeout(context.Background(), labPatience)
	defer cancel()
	nc, sent := l.play(t, says)
	c, err := begin(ctx, nc)
	result := ""
	if err == nil {
		result, err = do(ctx, c)
		c.Close()
	}
	return outcome(sent(), result, err)
}
