package outbound

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// MTASTS finds and keeps the policies of domains (RFC 8461). It may be used by
// several Deliverers and goroutines. The fields must not be changed once it is
// in use.
type MTASTS struct {
	// Fetch fetches the text of a domain's policy from
	// https://mta-sts.DOMAIN/.well-known/mta-sts.txt, as RFC 8461 §3.3 says:
	// with a certificate that holds, without redirection, at most 64 KiB of
	// text/plain, within a minute. mtasts.Fetch of package smtp/mtasts does
	// that. It must be set.
	Fetch func(ctx context.Context, domain string) ([]byte, error)

	// Cache keeps policies. By default they are kept in memory and are gone
	// with the process, and with them the protection from attackers who
	// suppress the DNS record.
	Cache STSCache

	mu     sync.Mutex
	memory stsMemory
	failed map[string]time.Time // domain → when its policy could not be fetched
}

// An STSCache keeps policies. Both methods are called from several goroutines.
type STSCache interface {
	// Get returns what was put last for a domain, nil if there is nothing.
	Get(ctx context.Context, domain string) (*STSEntry, error)

	// Put keeps an entry, which is not to be changed any more.
	Put(ctx context.Context, domain string, e *STSEntry) error
}

// An STSEntry is a policy as it is kept.
type STSEntry struct {
	Policy  STSPolicy
	Fetched time.Time
}

func (e *STSEntry) valid(now time.Time) bool {
	return e != nil && now.Before(e.Fetched.Add(e.Policy.MaxAge))
}

// ErrSTSCache says that an STSCache failed. As long as it can't be read, a
// Deliverer puts mail off.
var ErrSTSCache = errors.New("outbound: MTA-STS cache failed")

const (
	stsRetry   = 5 * time.Minute // before another fetch after one that failed, RFC 8461 §3.3
	stsTimeout = time.Minute     // RFC 8461 §3.3
	stsKept    = 10000           // policies in memory, and failures
)

// Policy returns the policy that holds for a domain now, nil if there is none.
// The error tells why a policy that the domain announces could not be fetched; it
// may come along with an older policy that still holds.
func (m *MTASTS) Policy(ctx context.Context, r Resolver, domain string) (*STSPolicy, error) {
	cache := m.cache()
	kept, err := cache.Get(ctx, domain)
	if err != nil {
		// It may have a policy that holds, so the mail has to wait.
		return nil, fmt.Errorf("%w: %w", ErrSTSCache, err)
	}
	if !kept.valid(time.Now()) {
		kept = nil
	}
	txt, err := r.LookupTXT(ctx, "_mta-sts."+domain+".")
	id := ""
	if err == nil {
		id = stsID(txt)
	} else if isNotFound(err) {
		err = nil
	}
	// That there is no record is not enough to give up a policy that was
	// promised to hold (RFC 8461 §5.1).
	if id == "" || kept != nil && kept.Policy.ID == id || m.failedLately(domain) {
		return kept.policy(), err
	}
	e, err := m.fetch(ctx, domain, id)
	if err != nil {
		m.noteFailure(domain)
		return kept.policy(), err
	}
	if err := cache.Put(ctx, domain, e); err != nil {
		return e.policy(), fmt.Errorf("%w: %w", ErrSTSCache, err)
	}
	return e.policy(), nil
}

func (e *STSEntry) policy() *STSPolicy {
	if e == nil || e.Policy.Mode == STSNone {
		return nil
	}
	return &e.Policy
}

func (m *MTASTS) fetch(ctx context.Context, domain, id string) (*STSEntry, error) {
	if m.Fetch == nil {
		return nil, errors.New("outbound: MTASTS without Fetch")
	}
	ctx, cancel := context.WithTimeout(ctx, stsTimeout)
	defer cancel()
	text, err := m.Fetch(ctx, domain)
	if err != nil {
		return nil, &stsFetchError{err}
	}
	p, err := ParseSTSPolicy(text)
	if err != nil {
		return nil, err
	}
	p.ID = id
	return &STSEntry{Policy: *p, Fetched: time.Now()}, nil
}

type stsFetchError struct{ err error }

func (e *stsFetchError) Error() string {
	return "outbound: fetching the MTA-STS policy: " + e.err.Error()
}
func (e *stsFetchError) Unwrap() error { return e.err }

func (m *MTASTS) cache() STSCache {
	if m.Cache != nil {
		return m.Cache
	}
	return &m.memory
}

func (m *MTASTS) failedLately(domain string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, ok := m.failed[domain]
	return ok && time.Since(at) < stsRetry
}

func (m *MTASTS) noteFailure(domain string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failed == nil || len(m.failed) >= stsKept {
		m.failed = map[string]time.Time{}
	}
	m.failed[domain] = time.Now()
}

// stsMemory is the cache in memory.
type stsMemory struct {
	mu      sync.Mutex
	entries map[string]*STSEntry
}

func (c *stsMemory) Get(_ context.Context, domain string) (*STSEntry, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.entries[domain], nil
}

func (c *stsMemory) Put(_ context.Context, domain string, e *STSEntry) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries == nil {
		c.entries = map[string]*STSEntry{}
	}
	if len(c.entries) >= stsKept {
		now := time.Now()
		for d, old := range c.entries {
			if !old.valid(now) {
				delete(c.entries, d)
			}
		}
		for d := range c.entries { // all hold: drop any of them
			if len(c.entries) < stsKept {
				break
			}
			delete(c.entries, d)
		}
	}
	c.entries[domain] = e
	return nil
}
