package pop3client_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/peers"
	"github.com/posthorn-mail/posthorn/pop3"
	"github.com/posthorn-mail/posthorn/pop3/pop3client"
	"github.com/posthorn-mail/posthorn/sasl"
)

// The tests of this file talk to other people's servers, as they come from
// Debian.

// A peer is a server with a maildrop.
type peer struct {
	*peers.Daemon
	name     string
	cert     *peers.Certificate
	messages []peers.Message
}

var account = sasl.Credentials{Username: peers.POP3User, Password: peers.POP3Password}

// dial connects in the way, which is "pop3", "stls" or "pop3s".
func (p *peer) dial(way string, o pop3client.Options) (*pop3client.Client, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	o.TLSConfig = p.cert.Client
	switch way {
	case "pop3s":
		return pop3client.DialTLS(ctx, p.Addr("pop3s"), &o)
	case "stls":
		return pop3client.DialStartTLS(ctx, p.Addr("pop3"), &o)
	}
	o.AllowInsecureAuth = true
	return pop3client.Dial(ctx, p.Addr("pop3"), &o)
}

// login is dial with the account. While the server holds a lock for a session
// before, it waits.
func (p *peer) login(t *testing.T, way string, o pop3client.Options) *pop3client.Client {
	t.Helper()
	o.Credentials = &account
	var c *pop3client.Client
	var err error
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var refusal *pop3.Error
		if c, err = p.dial(way, o); !errors.As(err, &refusal) || refusal.Code != "IN-USE" {
			break
		}
	}
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func quit(t *testing.T, c *pop3client.Client) {
	t.Helper()
	require.NoError(t, c.Quit(context.Background()))
}

// small returns short messages, one as good as the other.
func small(n int) []peers.Message {
	out := make([]peers.Message, n)
	for i := range out {
		name := fmt.Sprintf("small-%d", i)
		out[i] = peers.Message{Name: name, Text: fmt.Sprintf("From: Alice <alice@example.org>\r\nSubject: %s\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\nMessage-ID: <%[1]s@example.org>\r\n\r\n.%d\r\n", name, i)}
	}
	return out
}

// large is more than is asked for ahead, and than any buffer.
func large() peers.Message {
	l := small(1)[0]
	l.Name = "large"
	l.Text = strings.Replace(l.Text, "small-0", l.Name, 2) + strings.Repeat("0123456789 abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ\r\n.\r\n", 40_000)
	return l
}

func TestPeerDovecot(t *testing.T) {
	testPeer(t, "Dovecot", peers.DovecotPOP3, "APOP USER CRAM-MD5 DIGEST-MD5 LOGIN PLAIN SCRAM-SHA-1 SCRAM-SHA-256")
}

func TestPeerCyrus(t *testing.T) {
	testPeer(t, "Cyrus", peers.CyrusPOP3, "APOP USER CRAM-MD5 DIGEST-MD5 LOGIN PLAIN SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-512")
}

func TestPeerCourier(t *testing.T) {
	testPeer(t, "Courier", peers.CourierPOP3, "USER CRAM-MD5 LOGIN PLAIN")
}

// testPeer runs all tests with a server that has the ways to log in.
func testPeer(t *testing.T, name string, start func(testing.TB, *peers.Certificate, []peers.Message) *peers.Daemon, ways string) {
	if testing.Short() {
		t.Skip("left out in short mode")
	}
	t.Parallel()
	p := &peer{name: name, cert: peers.NewCertificate(t), messages: slices.Concat(peers.Messages(false), []peers.Message{large()}, small(60))}
	p.Daemon = start(t, p.cert, p.messages)
	t.Run("login", func(t *testing.T) { p.testLogin(t, strings.Fields(ways)) })
	t.Run("wrong password", p.testWrongPassword)
	t.Run("read", p.testRead)
	t.Run("top", p.testTop)
	t.Run("deletion", p.testDeletion) // of the first three
	if name == "Dovecot" {
		t.Run("lock", p.testLock)
	}
	t.Run("download", p.testDownload) // deletes all
}

// testLogin logs in by everything that the server offers.
func (p *peer) testLogin(t *testing.T, want []string) {
	for _, way := range []string{"pop3", "stls", "pop3s"} {
		c, err := p.dial(way, pop3client.Options{})
		require.NoError(t, err)
		before := c.Capabilities()
		offered, _ := before.Get("SASL")
		offered = slices.Clone(offered)
		if pop3.Stamp(c.Greeting()) != "" {
			offered = append(offered, "APOP")
		}
		if before.Has("USER") {
			offered = append(offered, "USER")
		}
		quit(t, c)
		if way == "pop3" {
			require.True(t, before.Has("STLS"), "%v", before)
			require.ElementsMatch(t, want, offered)
		} else {
			require.False(t, before.Has("STLS"), "%v", before)
			require.NotNil(t, c.TLS())
		}
		require.True(t, before.Has("PIPELINING") && before.Has("UIDL") && before.Has("TOP"), "%v", before)

		for _, m := range offered {
			if strings.HasSuffix(m, "-PLUS") {
				p.testBinding(t, way, m)
				continue
			}
			c, err := p.dial(way, pop3client.Options{Credentials: &account, Mechanisms: []string{m}})
			require.NoError(t, err, "%s by %s", m, way)
			n, _, err := c.Stat(context.Background())
			require.NoError(t, err)
			require.Equal(t, len(p.messages), n)
			require.True(t, c.Capabilities().Has("UIDL"), "%v", c.Capabilities())
			if way != "pop3" { // Courier goes on to announce it
				require.False(t, c.Capabilities().Has("STLS"), "%v", c.Capabilities())
			}
			quit(t, c)
		}
	}
	if p.name == "Courier" {
		c := p.login(t, "stls", pop3client.Options{UTF8: true})
		n, _, err := c.Stat(context.Background())
		require.NoError(t, err)
		require.Equal(t, len(p.messages), n)
		quit(t, c)
	}
}

// testBinding logs in with channel binding, which Cyrus has for TLS 1.2 but
// announces with TLS 1.3, too. What login is for, with its retry, is shown by the
// other tests.
func (p *peer) testBinding(t *testing.T, way, mechanism string) {
	older := *p
	cert := *p.cert
	cert.Client = cert.Client.Clone()
	cert.Client.MaxVersion = tls.VersionTLS12
	older.cert = &cert
	c, err := older.dial(way, pop3client.Options{Credentials: &account, Mechanisms: []string{mechanism}})
	require.NoError(t, err, "%s by %s", mechanism, way)
	quit(t, c)
}

// testWrongPassword is refused, and then admitted with the right one.
func (p *peer) testWrongPassword(t *testing.T) {
	ctx := context.Background()
	wrong := sasl.Credentials{Username: account.Username, Password: "wrong"}
	c, err := p.dial("stls", pop3client.Options{})
	require.NoError(t, err)
	defer c.Close()
	err = c.Login(ctx, wrong)
	var refusal *pop3.Error
	require.ErrorAs(t, err, &refusal)
	_, _, err = c.Stat(ctx)
	require.Error(t, err)
	require.NoError(t, c.Login(ctx, account))
	_, _, err = c.Stat(ctx)
	require.NoError(t, err)
	_, err = c.Retr(ctx, 100_000)
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, "RETR", refusal.Command)
	quit(t, c)
}

// testRead reads all messages in all ways: each is what was sent.
func (p *peer) testRead(t *testing.T) {
	ctx := context.Background()
	var uids []string
	for _, way := range []string{"pop3", "stls", "pop3s"} {
		for _, alone := range []bool{false, true} {
			c := p.login(t, way, pop3client.Options{NoPipelining: alone})
			list, err := c.List(ctx)
			require.NoError(t, err)
			require.Len(t, list, len(p.messages))
			var now []string
			for i, e := range list {
				require.Equal(t, i+1, e.Num)
				require.NotEmpty(t, e.UID)
				now = append(now, e.UID)
			}
			if uids == nil {
				uids = now
			}
			require.Equal(t, uids, now, "unique-ids change")
			next := 0
			for m, err := range c.Messages(ctx, nil) {
				require.NoError(t, err)
				require.Equal(t, list[next], m.Entry)
				var got strings.Builder
				if next%2 == 0 {
					_, err = m.Body.WriteTo(&got)
				} else {
					_, err = io.CopyBuffer(struct{ io.Writer }{&got}, struct{ io.Reader }{m.Body}, make([]byte, 1000))
				}
				require.NoError(t, err)
				peers.Same(t, p.messages[next], got.String())
				require.EqualValues(t, m.Size, got.Len(), "size in LIST of %q", p.messages[next].Name)
				next++
			}
			require.Equal(t, len(p.messages), next)
			for i, l := range p.messages[:10] {
				body, err := c.Retr(ctx, i+1)
				require.NoError(t, err)
				got, err := io.ReadAll(body)
				require.NoError(t, err)
				require.NoError(t, body.Close())
				peers.Same(t, l, string(got))
			}
			// What is not read does no harm.
			skipped := 0
			for _, err := range c.Messages(ctx, nil) {
				require.NoError(t, err)
				if skipped++; skipped == 30 {
					break
				}
			}
			require.NoError(t, c.Noop(ctx))
			quit(t, c)
		}
	}
}

// testTop reads headers and a few lines.
func (p *peer) testTop(t *testing.T) {
	ctx := context.Background()
	for _, alone := range []bool{false, true} {
		c := p.login(t, "stls", pop3client.Options{NoPipelining: alone})
		for _, lines := range []int{0, 2} {
			i := 0
			for m, err := range c.Messages(ctx, &pop3client.MessagesOptions{Top: true, Lines: lines}) {
				require.NoError(t, err)
				got, err := io.ReadAll(m.Body)
				require.NoError(t, err)
				l := p.messages[i]
				header, body, _ := strings.Cut(l.Text, "\r\n\r\n")
				l.Text = header + "\r\n\r\n" + strings.Join(slices.Collect(strings.Lines(body))[:min(lines, strings.Count(body, "\n"))], "")
				peers.Same(t, l, string(got))
				i++
			}
			require.Equal(t, len(p.messages), i)
		}
		quit(t, c)
	}
}

// testDeletion deletes, takes it back, deletes without QUIT, and then in
// earnest.
func (p *peer) testDeletion(t *testing.T) {
	ctx := context.Background()
	count := func(c *pop3client.Client) int {
		n, _, err := c.Stat(ctx)
		require.NoError(t, err)
		return n
	}
	all := len(p.messages)
	c := p.login(t, "pop3", pop3client.Options{})
	require.NoError(t, c.Delete(ctx, 1, 2, 3))
	require.Equal(t, all-3, count(c))
	require.Error(t, c.Delete(ctx, 2), "it is deleted")
	require.NoError(t, c.Reset(ctx))
	require.Equal(t, all, count(c))
	quit(t, c)

	c = p.login(t, "pop3", pop3client.Options{})
	require.Equal(t, all, count(c))
	require.NoError(t, c.Delete(ctx, 1, 2, 3))
	c.Close()

	c = p.login(t, "pop3", pop3client.Options{})
	require.Equal(t, all, count(c), "deleted without QUIT")
	for m, err := range c.Messages(ctx, &pop3client.MessagesOptions{Select: func(e pop3client.Entry) bool { return e.Num < 4 }}) {
		require.NoError(t, err)
		m.Delete()
	}
	quit(t, c)

	p.messages = p.messages[3:]
	c = p.login(t, "pop3", pop3client.Options{})
	require.Equal(t, len(p.messages), count(c))
	body, err := c.Retr(ctx, 1)
	require.NoError(t, err)
	got, err := io.ReadAll(body)
	require.NoError(t, err)
	require.NoError(t, body.Close())
	peers.Same(t, p.messages[0], string(got))
	quit(t, c)
}

// testLock is a second session beside the first. Only Dovecot
// locks out others, which it tells after ten seconds.
func (p *peer) testLock(t *testing.T) {
	first := p.login(t, "pop3", pop3client.Options{})
	_, err := p.dial("stls", pop3client.Options{Credentials: &account})
	var refusal *pop3.Error
	require.ErrorAs(t, err, &refusal)
	require.EqualValues(t, "IN-USE", refusal.Code)
	require.NoError(t, first.Noop(context.Background()))
	quit(t, first)
}

// A breaking connection ends after so many octets read.
type breaking struct {
	net.Conn
	left int64
}

func (b *breaking) Read(p []byte) (int, error) {
	if b.left <= 0 {
		b.Conn.Close()
		return 0, errors.New("cut")
	}
	n, err := b.Conn.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// A breakingDialer makes breaking connections.
type breakingDialer int64

func (d breakingDialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	nc, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &breaking{nc, int64(d)}, nil
}

// testDownload fetches what is new over connections that break, first leaving
// all on the server and then deleting it. Nothing is lost, nothing comes twice.
func (p *peer) testDownload(t *testing.T) {
	ctx := context.Background()
	for _, leave := range []time.Duration{-1, 0} {
		seen, err := pop3client.OpenSeen(filepath.Join(t.TempDir(), "seen"))
		require.NoError(t, err)
		defer seen.Close()
		got := map[string]string{}
		breaks, fetched := 0, 0
		for cut := int64(6000); ; cut += cut / 2 {
			require.Less(t, breaks, 60)
			c := p.loginBroken(t, cut)
			if c == nil {
				breaks++
				continue
			}
			done, err := c.Download(ctx, seen, &pop3client.DownloadOptions{Leave: leave}, func(m *pop3client.Message) error {
				var b bytes.Buffer
				if _, err := io.Copy(&b, m.Body); err != nil {
					return err
				}
				require.NotContains(t, got, m.UID, "comes twice")
				got[m.UID] = b.String()
				return nil
			})
			c.Close()
			fetched += done.Fetched
			if err == nil {
				break
			}
			breaks++
		}
		require.Greater(t, breaks, 2)
		require.Equal(t, len(p.messages), fetched)
		require.Len(t, got, len(p.messages))
		texts := slices.Collect(maps.Values(got))
		for _, l := range p.messages {
			peers.Same(t, l, peers.Find(t, l, texts))
		}
		c := p.login(t, "pop3", pop3client.Options{})
		n, _, err := c.Stat(ctx)
		require.NoError(t, err)
		quit(t, c)
		if leave < 0 {
			require.Equal(t, len(p.messages), n)
		} else {
			require.Zero(t, n)
		}
	}
}

// loginBroken logs in over a connection that breaks. It returns nil if that was
// before the end of the login, or while the server has not noticed the break
// before.
func (p *peer) loginBroken(t *testing.T, cut int64) *pop3client.Client {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		c, err := p.dial("pop3", pop3client.Options{Credentials: &account, Dialer: breakingDialer(cut)})
		if err == nil {
			return c
		}
		var refusal *pop3.Error
		if !errors.As(err, &refusal) {
			return nil
		}
		require.EqualValues(t, "IN-USE", refusal.Code, "%v", err)
	}
	return nil
}
