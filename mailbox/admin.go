package mailbox

import (
	"context"
	"iter"
)

// An Admin is a Store whose accounts can be listed, created and deleted.
type Admin interface {
	Store

	// CreateAccount creates an account with an empty INBOX. ErrExist if the
	// name is taken.
	CreateAccount(ctx context.Context, name string) error

	// DeleteAccount removes the account with all its mail. The calls of open
	// handles to it return ErrNotExist.
	DeleteAccount(ctx context.Context, name string) error

	// Accounts yields the names of all accounts in byte order.
	Accounts(ctx context.Context) iter.Seq2[string, error]
}
