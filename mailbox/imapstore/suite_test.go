package imapstore_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/imap/imapserver"
	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/imapstore"
	"github.com/posthorn-mail/posthorn/mailbox/mailboxtest"
	"github.com/posthorn-mail/posthorn/mailbox/memory"
	"github.com/posthorn-mail/posthorn/sasl"
)

func TestMain(m *testing.M) { testutil.Main(m) }

// A backend is our server on a store in memory.
type backend struct {
	*memory.Store
	users   *sasl.Users
	addr    string
	options imapclient.Options

	mu       sync.Mutex
	commands map[string]int // that clients have sent
}

func newBackend(t testing.TB, disable ...imap.Cap) *backend {
	t.Helper()
	b := &backend{Store: memory.New(nil), users: &sasl.Users{Iterations: sasl.MinIterations}, commands: map[string]int{}}
	t.Cleanup(func() { b.Store.Close() })
	b.addr = testutil.Serve(t, &imapserver.Server{Store: b.Store, Authenticator: b.users, AllowInsecureAuth: true,
		QuotaAdmin: func(*imapserver.Conn) bool { return true }})
	b.options = imapclient.Options{AllowInsecureAuth: true, Disable: disable, OnCommand: func(s imapclient.CommandStats) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.commands[s.Command]++
	}}
	return b
}

// CreateAccount makes an account, with the password "secret".
func (b *backend) CreateAccount(ctx context.Context, name string) error {
	if err := b.users.Set(name, "secret"); err != nil {
		return err
	}
	return b.Store.CreateAccount(ctx, name)
}

func (b *backend) dial(ctx context.Context, account string) (*imapclient.Client, error) {
	if _, err := b.Store.Account(ctx, account); err != nil {
		return nil, err
	}
	o := b.options
	o.Credentials = &sasl.Credentials{Username: account, Password: "secret"}
	return imapclient.Dial(ctx, b.addr, &o)
}

// store returns a store in front of the server.
func (b *backend) store(t testing.TB, change func(*imapstore.Store)) *imapstore.Store {
	s := &imapstore.Store{Dial: b.dial}
	if change != nil {
		change(s)
	}
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// A fleet remembers which server a store is in front of.
type fleet struct {
	mu       sync.Mutex
	backends map[mailbox.Store]*backend
}

func (f *fleet) open(t testing.TB, b *backend, change func(*imapstore.Store)) *imapstore.Store {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.backends == nil {
		f.backends = map[mailbox.Store]*backend{}
	}
	s := b.store(t, change)
	f.backends[s] = b
	return s
}

func (f *fleet) of(s mailbox.Store) *backend {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.backends[s]
}

// lacks is what our server does not promise: results that lead views on (the protocol
// has none), several messages in one step (it has no MULTIAPPEND), NUL in messages (it
// has no BINARY), and so on.
const lacks = mailboxtest.LackSteps | mailboxtest.LackOneModSeq | mailboxtest.LackSuperiors | mailboxtest.LackEmpty |
	mailboxtest.LackKeywords | mailboxtest.LackCounters | mailboxtest.LackSummary | mailboxtest.LackQuotaUnits | mailboxtest.LackOwnHeap | mailboxtest.LackOneExpunger | mailboxtest.LackNUL

func TestSuite(t *testing.T) {
	for _, conns := range []int{1, 4} {
		t.Run(fmt.Sprint("connections ", conns), func(t *testing.T) {
			testSuite(t, func(s *imapstore.Store) { s.MaxConns = conns }, lacks, true)
		})
	}
}

// TestSuiteWithoutModSeqs runs the suite where the store has mod-sequences of its own,
// which last as long as it does.
func TestSuiteWithoutModSeqs(t *testing.T) {
	testSuite(t, nil, lacks|mailboxtest.LackModSeqs, false, imap.CapCondStore, imap.CapQResync)
}

// testSuite runs the suite in front of our server.
func testSuite(t *testing.T, set func(*imapstore.Store), lacks mailboxtest.Lack, lasts bool, disable ...imap.Cap) {
	var f fleet
	o := &mailboxtest.Options{
		CreateAccount: func(ctx context.Context, s mailbox.Store, name string) error { return f.of(s).CreateAccount(ctx, name) },
		Lacks:         lacks,
	}
	if lasts {
		o.Reopen = func(t testing.TB, s mailbox.Store) mailbox.Store {
			require.NoError(t, s.(*imapstore.Store).Close())
			return f.open(t, f.of(s), set)
		}
		o.Second = func(t testing.TB, s mailbox.Store) mailbox.Store {
			return f.open(t, f.of(s), func(s *imapstore.Store) { s.PollInterval = 20 * time.Millisecond })
		}
	}
	mailboxtest.Run(t, func(t testing.TB) mailbox.Store { return f.open(t, newBackend(t, disable...), set) }, o)
}
