package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/posthorn-mail/posthorn/internal/durable"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/memory"
	"github.com/posthorn-mail/posthorn/mailbox/sqlite"
)

// store is a mailbox.Store in which accounts can be created and which can be
// closed.
type store interface {
	mailbox.Admin
	io.Closer
}

// openStore opens what -store names.
func openStore(ctx context.Context, c *config, log *slog.Logger) (store, error) {
	limits := mailbox.Limits{MaxMessageSize: c.maxMessageSize}
	kind, path, _ := strings.Cut(c.store, ":")
	switch {
	case kind == "memory" && path == "":
		return memory.New(&memory.Options{Limits: limits}), nil
	case kind == "sqlite" && path != "":
		if err := durable.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, fmt.Errorf("the store: %w", err)
		}
		s, err := sqlite.Open(ctx, path, &sqlite.Options{Exclusive: true, Limits: limits, Logger: log})
		if errors.Is(err, sqlite.ErrLocked) {
			return nil, fmt.Errorf("the store %s is in use by another program; is a mailserver running already?", path)
		} else if err != nil {
			return nil, fmt.Errorf("the store %s: %w", path, err)
		}
		return s, nil
	default:
		return nil, fmt.Errorf("-store %s: want memory: or sqlite:PATH", c.store)
	}
}

// provision creates the accounts that do not exist yet, and sets the quota of
// all of them.
func provision(ctx context.Context, s store, users []user, quota int64) error {
	for _, u := range users {
		if err := provisionAccount(ctx, s, u.address, quota); err != nil {
			return fmt.Errorf("the account %s: %w", u.address, err)
		}
	}
	return nil
}

func provisionAccount(ctx context.Context, s store, name string, quota int64) error {
	created := true
	if err := s.CreateAccount(ctx, name); errors.Is(err, mailbox.ErrExist) {
		created = false
	} else if err != nil {
		return err
	}
	account, err := s.Account(ctx, name)
	if err != nil {
		return err
	}
	defer account.Close()
	if created {
		if err := mailbox.Provision(ctx, account); err != nil {
			return err
		}
	}
	keeper, ok := account.(mailbox.QuotaKeeper)
	if !ok {
		if quota > 0 {
			return errors.New("this store does not support quotas")
		}
		return nil
	}
	roots, err := keeper.QuotaRoots(ctx, mailbox.Inbox)
	if err != nil {
		return err
	}
	for _, root := range roots {
		limits := map[mailbox.QuotaName]int64{}
		if quota > 0 {
			limits[mailbox.QuotaStorage] = quota
		}
		if err := keeper.SetQuota(ctx, root, limits); err != nil {
			return err
		}
	}
	return nil
}
