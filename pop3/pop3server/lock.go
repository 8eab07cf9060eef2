package pop3server

import (
	"errors"
	"sync"
	"time"
)

// locks are the maildrops that this server's sessions have open.
type locks struct {
	mu   sync.Mutex
	held map[string]bool
}

func (l *locks) lock(identity string) (release func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held[identity] {
		return nil, ErrInUse
	}
	if l.held == nil {
		l.held = map[string]bool{}
	}
	l.held[identity] = true
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.held, identity)
	}, nil
}

// errLoginDelay refuses a login that comes too soon (RFC 2449 §6.5).
var errLoginDelay = errors.New("pop3server: logged in too recently")

// logins remembers when users may log in again.
type logins struct {
	mu    sync.Mutex
	until map[string]time.Time
	swept time.Time // when expired entries were last removed from until
}

// sweepLogins is how often that is done.
const sweepLogins = time.Minute

// allowed reports whether the user may log in now.
func (l *logins) allowed(identity string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !time.Now().Before(l.until[identity])
}

// entered records a login and when the next one is allowed.
func (l *logins) entered(identity string, delay time.Duration) {
	if delay <= 0 {
		return
	}
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.until == nil {
		l.until = map[string]time.Time{}
	}
	if now.Sub(l.swept) > sweepLogins {
		for id, t := range l.until {
			if !now.Before(t) {
				delete(l.until, id)
			}
		}
		l.swept = now
	}
	l.until[identity] = now.Add(delay)
}
