package smtpclient_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/peers"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
)

// The tests of the files peers*_test.go send mail to other people's servers.

// A conversation is what went over a connection; it is printed if the test
// fails.
type conversation struct {
	mu sync.Mutex
	b  strings.Builder
}

func (v *conversation) String() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.b.String()
}

// converse makes the options trace into a conversation.
func converse(t testing.TB, o *smtpclient.Options) *conversation {
	v := &conversation{}
	o.Trace = tracer(&v.mu, &v.b)
	if o.LocalName == "" {
		o.LocalName = "client.example.org"
	}
	t.Cleanup(func() {
		if s := v.String(); t.Failed() {
			t.Logf("conversation:\n%s", s[max(0, len(s)-6000):])
		}
	})
	return v
}

// A way is one of sending to a server.
type way struct {
	name    string
	service string // of the peer
	dial    func(ctx context.Context, addr string, o *smtpclient.Options) (*smtpclient.Client, error)
	options smtpclient.Options
	has     string // what is in the conversation
}

// ways are those that a server with all of STARTTLS, PIPELINING and CHUNKING
// takes.
var ways = []way{
	{name: "clear", service: "smtp", dial: smtpclient.Dial, has: "354 "},
	{name: "starttls", service: "smtp", dial: smtpclient.DialStartTLS, has: "STARTTLS"},
	{name: "tls", service: "smtps", dial: smtpclient.DialTLS, has: "354 "},
	{name: "chunking", service: "smtp", dial: smtpclient.Dial, options: smtpclient.Options{Chunking: true}, has: "BDAT "},
	{name: "chunking, one by one", service: "smtp", dial: smtpclient.DialStartTLS,
		options: smtpclient.Options{Chunking: true, Disable: smtp.ExtensionsOf(smtp.ExtPipelining)}, has: "BDAT "},
	{name: "one by one", service: "smtp", dial: smtpclient.Dial, options: smtpclient.Options{Disable: smtp.ExtensionsOf(smtp.ExtPipelining, smtp.ExtSize)}, has: "354 "},
}

// messages returns messages that can be told from those of other ways. A few ways
// take the large one too.
func (w way) messages() []peers.Message {
	return peers.Named(w.name, w.name == "tls" || w.name == "chunking")
}

// send sends the messages to bob over one connection.
func (w way) send(t *testing.T, d *peers.Daemon, cert *peers.Certificate, messages []peers.Message) {
	t.Helper()
	ctx := t.Context()
	o := w.options
	o.TLSConfig = cert.Client
	v := converse(t, &o)
	c, err := w.dial(ctx, d.Addr(w.service), &o)
	require.NoError(t, err)
	defer c.Close()
	for _, msg := range messages {
		res, err := c.Send(ctx, &smtpclient.Envelope{From: addr(t, "alice@example.org"), To: addrs(t, "bob@example.net")}, strings.NewReader(msg.Text))
		require.NoError(t, err, msg.Name)
		require.Equal(t, 250, res.Reply.Code)
	}
	require.NoError(t, c.Quit(ctx))
	require.Contains(t, v.String(), w.has)
}

// A mailServer is a peer to which messages are sent.
type mailServer struct {
	*peers.Daemon
	cert *peers.Certificate
	came int                                   // messages for bob
	bob  func(t testing.TB, came int) []string // waits for them
}

// newMailServer is for a daemon that delivers to maildirs.
func newMailServer(d *peers.Daemon, cert *peers.Certificate) *mailServer {
	return &mailServer{Daemon: d, cert: cert, bob: func(t testing.TB, came int) []string {
		t.Helper()
		return d.Maildir(t, filepath.Join(d.Dir, "mail/bob"), came)
	}}
}

// takes sends the messages in a way and compares what came.
func (s *mailServer) takes(t *testing.T, w way, messages []peers.Message) {
	t.Helper()
	w.send(t, s.Daemon, s.cert, messages)
	s.came += len(messages)
	peers.SameAll(t, messages, s.bob(t, s.came))
}

// dial connects in the clear. What is said is printed if the test fails.
func (s *mailServer) dial(t *testing.T, service string, o *smtpclient.Options) (*smtpclient.Client, *conversation) {
	t.Helper()
	v := converse(t, o)
	c, err := smtpclient.Dial(t.Context(), s.Addr(service), o)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c, v
}

// takesUTF8 sends a message with UTF-8 in its header and from an internationalised
// address.
func (s *mailServer) takesUTF8(t *testing.T, to string) (peers.Message, *conversation) {
	t.Helper()
	c, v := s.dial(t, "smtp", &smtpclient.Options{})
	msg := peers.UTF8()
	_, err := c.Send(t.Context(), &smtpclient.Envelope{From: addr(t, "jürgen@example.org"), To: addrs(t, to)}, strings.NewReader(msg.Text))
	require.NoError(t, err)
	require.NoError(t, c.Quit(t.Context()))
	return msg, v
}

// refuses has a server that knows bob and carol, but not nobody, take and refuse
// messages in turn on one connection, and checks that it stays in step.
func (s *mailServer) refuses(t *testing.T, o *smtpclient.Options, tooLarge int) {
	t.Helper()
	c, _ := s.dial(t, "smtp", o)
	ctx := t.Context()
	msg := peers.Messages(false)[0].Text
	from := addr(t, "alice@example.org")
	var refused *smtp.Error
	more := strings.Repeat(strings.Repeat("more ", 100)+"\r\n", tooLarge/500+1)
	for range 2 {
		// Some recipients are unknown.
		res, err := c.Send(ctx, &smtpclient.Envelope{From: from, To: addrs(t, "nobody@example.net", "bob@example.net", "nobody2@example.net", "carol@example.net")}, strings.NewReader(msg))
		require.ErrorIs(t, err, smtpclient.ErrPartial)
		s.came++
		for i, want := range []smtpclient.Status{smtpclient.Rejected, smtpclient.Accepted, smtpclient.Rejected, smtpclient.Accepted} {
			require.Equal(t, want, res.Recipients[i].Status, i)
			if want == smtpclient.Rejected {
				require.ErrorAs(t, res.Recipients[i].Err, &refused)
				require.Equal(t, 550, refused.Code)
			}
		}
		// All are unknown.
		res, err = c.Send(ctx, &smtpclient.Envelope{From: from, To: addrs(t, "nobody@example.net", "nobody2@example.net")}, strings.NewReader(msg))
		require.ErrorAs(t, err, &refused)
		require.Equal(t, 550, refused.Code)
		require.Equal(t, smtpclient.Rejected, res.Recipients[1].Status)
		// All or nothing.
		res, err = c.Send(ctx, &smtpclient.Envelope{From: from, To: addrs(t, "bob@example.net", "nobody@example.net"), AllOrNothing: true}, strings.NewReader(msg))
		require.ErrorAs(t, err, &refused)
		require.False(t, errors.Is(err, smtpclient.ErrPartial))
		require.Equal(t, smtpclient.NotAttempted, res.Recipients[0].Status)
		// The server says how much it takes; the size is known before.
		if tooLarge > 0 {
			_, err = c.Send(ctx, &smtpclient.Envelope{From: from, To: addrs(t, "bob@example.net")}, strings.NewReader(msg+more))
			require.ErrorIs(t, err, smtpclient.ErrTooLarge)
			// The server finds it out by itself: at MAIL, from what it is told.
			env := &smtpclient.Envelope{From: from, To: addrs(t, "bob@example.net")}
			env.Mail.Size = 1000
			res, err = c.Send(ctx, env, strings.NewReader(msg+more))
			require.ErrorAs(t, err, &refused)
			require.Equal(t, 552, refused.Code)
			require.Equal(t, smtpclient.Rejected, res.Recipients[0].Status)
		}
		// And it still works.
		_, err = c.Send(ctx, &smtpclient.Envelope{From: from, To: addrs(t, "bob@example.net")}, strings.NewReader(msg))
		require.NoError(t, err)
		s.came++
		require.NoError(t, c.Noop(ctx))
	}
	require.NoError(t, c.Quit(ctx))
	s.bob(t, s.came)
}

// logins tries every mechanism of a list with the right password and a wrong
// one. The server knows alice, whose password is "secret".
func logins(t *testing.T, addr string, cert *peers.Certificate, mechanisms ...string) {
	t.Helper()
	for _, m := range mechanisms {
		t.Run(m, func(t *testing.T) {
			o := &smtpclient.Options{TLSConfig: cert.Client, Mechanisms: []string{m}, Credentials: &sasl.Credentials{Username: "alice", Password: "secret"}}
			converse(t, o)
			c, err := smtpclient.DialStartTLS(t.Context(), addr, o)
			require.NoError(t, err)
			require.NoError(t, c.Noop(t.Context()))
			require.NoError(t, c.Quit(t.Context()))
			o.Credentials = &sasl.Credentials{Username: "alice", Password: "wrong"}
			_, err = smtpclient.DialStartTLS(t.Context(), addr, o)
			var refused *smtp.Error
			require.ErrorAs(t, err, &refused)
			require.Equal(t, 535, refused.Code)
		})
	}
}
