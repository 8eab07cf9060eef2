package imapstore_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/internal/peers"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/imapstore"
	"github.com/posthorn-mail/posthorn/mailbox/mailboxtest"
	"github.com/posthorn-mail/posthorn/sasl"
)

// dovecotLacks is what Dovecot does not promise besides: it changes line ends and NUL,
// tells dates in its own zone, and refuses names that its file system can't have.
const dovecotLacks = lacks&^mailboxtest.LackOwnHeap | mailboxtest.LackOctets | mailboxtest.LackDates | mailboxtest.LackNames |
	mailboxtest.LackSubscriptions | mailboxtest.LackSetQuota | mailboxtest.LackRaces

// dovecotSettings make a new account empty.
const dovecotSettings = `
namespace inbox {
  mailbox Archive {
    auto = no
  }
  mailbox Drafts {
    auto = no
  }
  mailbox Junk {
    auto = no
  }
  mailbox Sent {
    auto = no
  }
  mailbox Trash {
    auto = no
  }
}
`

// TestSuiteDovecot runs the suite in front of Dovecot. The accounts are those of its
// configuration, of which each test has some.
func TestSuiteDovecot(t *testing.T) {
	const tests = 60
	name := func(test int, account string) string { return fmt.Sprint("t", test, account) }
	var accounts []string
	for test := range tests {
		accounts = append(accounts, name(test, "alice"), name(test, "bob"))
	}
	d := peers.DovecotIMAP(t, peers.NewCertificate(t), &peers.DovecotOptions{Accounts: accounts, Sdbox: true, NoSync: true, Settings: dovecotSettings})
	var mu sync.Mutex
	next := 0
	test := map[mailbox.Store]int{}
	made := map[string]bool{}
	open := func(t testing.TB, n int) mailbox.Store {
		s := &imapstore.Store{Dial: func(ctx context.Context, account string) (*imapclient.Client, error) {
			mu.Lock()
			ok := made[name(n, account)]
			mu.Unlock()
			if !ok {
				return nil, mailbox.ErrNotExist
			}
			return imapclient.Dial(ctx, d.Addr("imap"), &imapclient.Options{AllowInsecureAuth: true,
				Credentials: &sasl.Credentials{Username: name(n, account), Password: peers.IMAPPassword}})
		}}
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		mu.Lock()
		defer mu.Unlock()
		test[s] = n
		return s
	}
	of := func(s mailbox.Store) int {
		mu.Lock()
		defer mu.Unlock()
		return test[s]
	}
	mailboxtest.Run(t, func(t testing.TB) mailbox.Store { next++; return open(t, next-1) }, &mailboxtest.Options{
		CreateAccount: func(_ context.Context, s mailbox.Store, account string) error {
			n := of(s)
			mu.Lock()
			defer mu.Unlock()
			made[name(n, account)] = true
			return nil
		},
		Reopen: func(t testing.TB, s mailbox.Store) mailbox.Store {
			require.NoError(t, s.(*imapstore.Store).Close())
			return open(t, of(s))
		},
		Second: func(t testing.TB, s mailbox.Store) mailbox.Store { return open(t, of(s)) },
		Lacks:  dovecotLacks,
	})
}
