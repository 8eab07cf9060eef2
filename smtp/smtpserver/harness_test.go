package smtpserver_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/memory"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

func TestMain(m *testing.M) { testutil.Main(m) }

// start serves srv on loopback until the test ends and returns the address.
func start(t testing.TB, srv *smtpserver.Server) string {
	t.Helper()
	if srv.Logger == nil {
		srv.Logger = slog.New(slog.DiscardHandler)
	}
	if srv.Hostname == "" {
		srv.Hostname = "mx.example.org"
	}
	return testutil.Serve(t, srv)
}

// recorder is a Backend that notes what it is told.
type recorder struct {
	mu       sync.Mutex
	messages []received

	newSession func(c *smtpserver.Conn) error
	mail       func(from smtp.Address, o *smtp.MailOptions) error
	rcpt       func(to smtp.Address, o *smtp.RcptOptions) error
	data       func(ctx context.Context, r io.Reader) error
	exts       smtp.ExtensionSet
}

type received struct {
	from smtp.Address
	mail smtp.MailOptions
	to   []smtp.Address
	rcpt []smtp.RcptOptions
	body string
	fwd  []smtp.Attribute
}

func (r *recorder) got() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]received(nil), r.messages...)
}

func (r *recorder) Extensions() smtp.ExtensionSet { return r.exts }

func (r *recorder) NewSession(_ context.Context, c *smtpserver.Conn) (smtpserver.Session, error) {
	if r.newSession != nil {
		if err := r.newSession(c); err != nil {
			return nil, err
		}
	}
	return &recording{r: r, c: c}, nil
}

type recording struct {
	r   *recorder
	c   *smtpserver.Conn
	cur received
}

func (s *recording) Mail(_ context.Context, from smtp.Address, o *smtp.MailOptions) error {
	if s.r.mail != nil {
		if err := s.r.mail(from, o); err != nil {
			return err
		}
	}
	s.cur = received{from: from, mail: *o, fwd: s.c.Forwarded()}
	return nil
}

func (s *recording) Rcpt(_ context.Context, to smtp.Address, o *smtp.RcptOptions) error {
	if s.r.rcpt != nil {
		if err := s.r.rcpt(to, o); err != nil {
			return err
		}
	}
	s.cur.to = append(s.cur.to, to)
	s.cur.rcpt = append(s.cur.rcpt, *o)
	return nil
}

func (s *recording) Data(ctx context.Context, r io.Reader) error {
	if s.r.data != nil {
		return s.r.data(ctx, r)
	}
	var b bytes.Buffer
	if _, err := io.Copy(&b, r); err != nil {
		return err
	}
	s.cur.body = b.String()
	s.r.mu.Lock()
	s.r.messages = append(s.r.messages, s.cur)
	s.r.mu.Unlock()
	return nil
}

func (s *recording) Reset(context.Context) { s.cur = received{} }
func (s *recording) Close() error          { return nil }

// store returns a memory store with accounts, and a Delivery into it for their
// names at example.org.
func store(t testing.TB, opts *memory.Options, accounts ...string) (*memory.Store, *smtpserver.Delivery) {
	st := memory.New(opts)
	t.Cleanup(func() { st.Close() })
	for _, a := range accounts {
		require.NoError(t, st.CreateAccount(context.Background(), a))
	}
	return st, &smtpserver.Delivery{
		Store: st,
		Resolve: func(_ context.Context, to smtp.Address) (string, string, error) {
			if to.Domain == "" || to.ASCIIDomain() == "example.org" {
				return strings.ToLower(to.Local), "", nil
			}
			return "", "", smtpserver.ErrRelayDenied
		},
	}
}

// stored returns the messages in an account's INBOX.
func stored(t testing.TB, st mailbox.Store, account string) []string {
	t.Helper()
	ctx := context.Background()
	acct, err := st.Account(ctx, account)
	require.NoError(t, err)
	defer acct.Close()
	box, err := acct.Mailbox(ctx, "INBOX")
	require.NoError(t, err)
	var out []string
	for m, err := range box.Messages(ctx, mailbox.AllUIDs(), mailbox.WantContent) {
		require.NoError(t, err)
		b := make([]byte, m.Content.Size())
		_, err := m.Content.ReadAt(b, 0)
		if err != io.EOF {
			require.NoError(t, err)
		}
		out = append(out, string(b))
	}
	return out
}
