package imapstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// A Store is the mail of accounts on IMAP servers. It may be used by several
// goroutines. The fields must not be changed once it is in use; all but Dial may
// be left out.
type Store struct {
	// Dial connects to the server of an account and logs in, as the Dial
	// functions of imapclient do with Options.Credentials. It returns
	// mailbox.ErrNotExist, wrapped or not, if there is no such account. It is
	// called by several goroutines, and again when a connection was lost.
	Dial func(ctx context.Context, account string) (*imapclient.Client, error)

	// MaxConns is how many connections an account has at most (default 4),
	// besides those of Watch. One is enough for all calls to work; calls for
	// different mailboxes then wait for each other.
	MaxConns int

	// IdleMailboxes is how many mailboxes Watch follows by IDLE where the server
	// has no NOTIFY: those that were opened last, and INBOX. Each has a connection
	// of its own (default 1, negative: none). The others are looked at every
	// PollInterval (default 1 minute).
	IdleMailboxes int
	PollInterval  time.Duration

	// TrustSearch lets searches leave it to the server which messages have a
	// text in the header or the body. Servers may look for words instead of
	// substrings, or decode less than package search, so that messages are not
	// found which it would find. Without it, such a search reads all messages
	// that nothing else excludes.
	TrustSearch bool

	// Logger receives what no caller is told. Nil: nothing is logged.
	Logger *slog.Logger

	mu       sync.Mutex
	accounts map[string]*account
	closing  chan struct{} // closed by Close; nil: not yet made
	closed   bool
	work     sync.WaitGroup // goroutines of Watch
}

var _ mailbox.Store = (*Store)(nil)

// Defaults of Store.
const (
	defaultMaxConns     = 4
	defaultPollInterval = time.Minute
)

// Account opens an account: it connects, unless there is a connection. The error is
// mailbox.ErrNotExist if Dial says so, and otherwise wraps that of Dial.
//
// The Account is a [mailbox.Namespacer], and a [mailbox.QuotaKeeper] if the server
// has quotas.
func (s *Store) Account(ctx context.Context, name string) (mailbox.Account, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("imapstore: account: %w", err)
	}
	a, err := s.account(name)
	if err != nil {
		return nil, err
	}
	if err := a.open(ctx); err != nil {
		a.release()
		return nil, err
	}
	h := &handle{account: a}
	if a.hasQuota() {
		return quotaHandle{h}, nil
	}
	return h, nil
}

// account returns the state of an account, held for the caller.
func (s *Store) account(name string) (*account, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("imapstore: %w", mailbox.ErrClosed)
	}
	if s.Dial == nil {
		return nil, errors.New("imapstore: Store without Dial")
	}
	s.begin()
	a := s.accounts[name]
	if a == nil {
		a = newAccount(s, name)
		s.accounts[name] = a
	}
	if a.users == 0 {
		a.newPool()
	}
	a.users++
	return a, nil
}

// begin makes what the zero value lacks. s.mu is held.
func (s *Store) begin() {
	if s.closing == nil {
		s.closing = make(chan struct{})
		s.accounts = map[string]*account{}
	}
}

func (s *Store) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// Close ends all calls and closes all connections. The channels of Watch are closed.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		s.work.Wait()
		return nil
	}
	s.begin()
	s.closed = true
	close(s.closing)
	var pools []*imapclient.Pool
	for _, a := range s.accounts {
		if a.users > 0 {
			pools = append(pools, a.pool)
		}
	}
	s.mu.Unlock()
	var err error
	for _, p := range pools {
		err = errors.Join(err, p.Close())
	}
	s.work.Wait()
	return err
}

func (s *Store) log(msg string, args ...any) {
	if s.Logger != nil {
		s.Logger.Warn("imapstore: "+msg, args...)
	}
}

func (s *Store) pollInterval() time.Duration {
	if s.PollInterval > 0 {
		return s.PollInterval
	}
	return defaultPollInterval
}
