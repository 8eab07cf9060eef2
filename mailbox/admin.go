package mailbox

import (
	"context"
	"iter"
)

// An Admin is a Store whose accounts can be listed, made and removed.
type Admin interface {
	Store

	// CreateAccount makes an account with an empty INBOX. ErrExist if there
	// is one of that name.
	CreateAccount(ctx context.Context, name string) error

	// DeleteAccount removes the account with all its mail. Handles to it that
	// are still open answer ErrNotExist.
	DeleteAccount(ctx context.Context, name string) error

	// Accounts yields the names of all accounts in byte order.
	Accounts(ctx context.Context) iter.Seq2[string, error]
}
