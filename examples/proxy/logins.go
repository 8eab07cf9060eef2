package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/posthorn-mail/posthorn/examples/internal/account"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/sasl"
)

// logins is a sasl.Authenticator that asks the other server, and remembers, in
// memory only, the passwords that it has accepted: the store needs them to connect.
type logins struct {
	remote account.Options

	mu        sync.Mutex
	passwords map[string]string
}

// Authenticate logs in to the other server.
func (l *logins) Authenticate(ctx context.Context, user, password string) (string, error) {
	c, err := l.remote.DialWith(ctx, user, password)
	switch {
	case errors.Is(err, sasl.ErrAuthFailed):
		return "", sasl.ErrAuthFailed
	case err != nil:
		return "", fmt.Errorf("%w: %w", sasl.ErrUnavailable, err)
	}
	c.Logout(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.passwords == nil {
		l.passwords = map[string]string{}
	}
	l.passwords[user] = password
	return user, nil
}

// dial connects to the other server for the store.
func (l *logins) dial(ctx context.Context, user string) (*imapclient.Client, error) {
	l.mu.Lock()
	password, ok := l.passwords[user]
	l.mu.Unlock()
	if !ok {
		return nil, mailbox.ErrNotExist
	}
	return l.remote.DialWith(ctx, user, password)
}
