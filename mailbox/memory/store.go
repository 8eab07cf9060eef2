package memory

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// Options configure a Store. The zero value is a store without quotas.
type Options struct {
	// Limits of every account. Zero fields are their defaults.
	Limits mailbox.Limits

	// Quota limits every account, until SetQuota replaces it:
	// mailbox.QuotaStorage, QuotaMessage and QuotaMailbox are supported.
	Quota map[mailbox.QuotaName]int64

	// MaxVanished is how many ranges of expunged UIDs a mailbox remembers, each
	// in 16 octets. If there are more, the older half is forgotten.
	// Default 65,536.
	MaxVanished int

	// Parser bounds the parsing of messages that arrive.
	Parser *message.Options
}

// A Store is a [mailbox.Admin] in memory. [New] creates one.
type Store struct {
	opts    Options
	lastID  atomic.Uint64 // of mailboxes and messages alike
	closed  chan struct{}
	wg      sync.WaitGroup // the goroutines of Watch
	buffers buffers

	mu           sync.Mutex // guards the fields below; of the locks of accounts, only leaf is taken while it is held
	isClosed     bool
	accounts     map[string]*account
	lastValidity uint32
	zones        map[int]*time.Location // by offset in seconds
}

var _ mailbox.Admin = (*Store)(nil)

// New returns a store without accounts. opts may be nil.
func New(opts *Options) *Store {
	s := &Store{
		closed:   make(chan struct{}),
		accounts: map[string]*account{},
		zones:    map[int]*time.Location{},
	}
	if opts != nil {
		s.opts = *opts
	}
	// IDs start at the current time, so as not to repeat those of an earlier
	// run: a client may know them, and POP3 derives its unique-ids from them.
	s.lastID.Store(uint64(time.Now().UnixNano()))
	s.opts.Limits = s.opts.Limits.WithDefaults()
	s.opts.Quota = maps.Clone(s.opts.Quota)
	if s.opts.MaxVanished <= 0 {
		s.opts.MaxVanished = 1 << 16
	}
	return s
}

// Close ends every Watch and makes all further calls return
// mailbox.ErrClosed. The mail is freed with the last reference to the store.
func (s *Store) Close() error {
	s.mu.Lock()
	if !s.isClosed {
		s.isClosed = true
		close(s.closed)
	}
	s.mu.Unlock()
	s.wg.Wait()
	return nil
}

// check returns an error if the store is closed or the context is done.
func (s *Store) check(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("memory store: %w", err)
	}
	select {
	case <-s.closed:
		return mailbox.ErrClosed
	default:
		return nil
	}
}

// newID returns an objectid (RFC 8474 §7) that begins with the letter and was
// never used in this store.
func (s *Store) newID(letter byte) string {
	var buf [16]byte
	return string(strconv.AppendUint(append(buf[:0], letter), s.lastID.Add(1), 36))
}

// newValidity returns a UIDVALIDITY that no mailbox of this store has had: the
// time in seconds, so that it differs from those of an earlier run too.
func (s *Store) newValidity() uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastValidity = max(s.lastValidity+1, uint32(time.Now().Unix()))
	return s.lastValidity
}

// Account implements [mailbox.Store].
func (s *Store) Account(ctx context.Context, name string) (mailbox.Account, error) {
	if err := s.check(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	a := s.accounts[name]
	s.mu.Unlock()
	if a == nil {
		return nil, fmt.Errorf("account %q: %w", name, mailbox.ErrNotExist)
	}
	return &handle{account: a}, nil
}

// CreateAccount implements [mailbox.Admin].
func (s *Store) CreateAccount(ctx context.Context, name string) error {
	if err := s.check(ctx); err != nil {
		return err
	}
	a := newAccount(s, name) // takes s.mu for a moment
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.accounts[name] != nil {
		return fmt.Errorf("account %q: %w", name, mailbox.ErrExist)
	}
	s.accounts[name] = a
	return nil
}

// DeleteAccount implements [mailbox.Admin].
func (s *Store) DeleteAccount(ctx context.Context, name string) error {
	if err := s.check(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	a := s.accounts[name]
	delete(s.accounts, name)
	s.mu.Unlock()
	if a == nil {
		return fmt.Errorf("account %q: %w", name, mailbox.ErrNotExist)
	}
	a.remove()
	return nil
}

// Accounts implements [mailbox.Admin].
func (s *Store) Accounts(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if err := s.check(ctx); err != nil {
			yield("", err)
			return
		}
		s.mu.Lock()
		names := slices.Sorted(maps.Keys(s.accounts))
		s.mu.Unlock()
		for _, name := range names {
			if !yield(name, nil) {
				return
			}
			if err := s.check(ctx); err != nil {
				yield("", err)
				return
			}
		}
	}
}
