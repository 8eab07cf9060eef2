package mailboxtest

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// testCancel makes each call with a context that is done.
func testCancel(t *testing.T, f *fixture) {
	m := f.box(t, "INBOX")
	f.box(t, "other")
	fill(t, m, 3)
	before := status(t, m)
	all := mailbox.AllUIDs()
	ctx, cancel := context.WithCancel(f.ctx)
	cancel()
	ignore := func(_ any, err error) error { return err }
	calls := map[string]func() error{
		"Account":   func() error { return ignore(f.store.Account(ctx, user)) },
		"Mailboxes": func() error { return ignore(f.Mailboxes(ctx, 0)) },
		"Mailbox":   func() error { return ignore(f.Mailbox(ctx, "INBOX")) },
		"Create":    func() error { return ignore(f.Create(ctx, "new", nil)) },
		"Rename":    func() error { return f.Rename(ctx, "other", "new") },
		"Delete":    func() error { return f.Delete(ctx, "other") },
		"Subscribe": func() error { return f.Subscribe(ctx, "other", true) },
		"Status":    func() error { return ignore(m.Status(ctx)) },
		"Snapshot":  func() error { return ignore(m.Snapshot(ctx)) },
		"Changes":   func() error { return ignore(m.Changes(ctx, mailbox.State{})) },
		"Append":    func() error { return ignore(m.Append(ctx, draft("x"))) },
		"SetFlags": func() error {
			return ignore(m.SetFlags(ctx, all, mailbox.FlagChange{Flags: mailbox.NewFlagSet("x")}))
		},
		"Expunge": func() error { return ignore(m.Expunge(ctx, all, mailbox.FlagSet{})) },
		"Copy":    func() error { return ignore(m.Copy(ctx, all, "other")) },
		"Move":    func() error { return ignore(m.Move(ctx, all, "other")) },
		"Messages": func() error {
			for _, err := range m.Messages(ctx, all, mailbox.WantEntry) {
				return err
			}
			return nil
		},
	}
	if admin, ok := f.store.(mailbox.Admin); ok {
		calls["CreateAccount"] = func() error { return admin.CreateAccount(ctx, "new") }
		calls["DeleteAccount"] = func() error { return admin.DeleteAccount(ctx, user) }
		calls["Accounts"] = func() error {
			for _, err := range admin.Accounts(ctx) {
				return err
			}
			return nil
		}
	}
	for name, call := range calls {
		require.ErrorIs(t, call(), context.Canceled, name)
	}
	require.Equal(t, before, status(t, m), "nothing was done")
	require.Equal(t, "INBOX other", names(t, f))

	// In the middle of an Append.
	ctx, cancel = context.WithCancel(f.ctx)
	defer cancel()
	_, err := m.Append(ctx, draft("first"), mailbox.Incoming{Size: mailbox.SizeUnknown, Body: io.MultiReader(
		strings.NewReader(strings.Repeat("x", 100_000)),
		readerFunc(func([]byte) (int, error) { cancel(); return 0, nil }),
		strings.NewReader(strings.Repeat("y", 100_000)))})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, before.Messages, status(t, m).Messages)

	// In the middle of an iteration, which must end with the error, though not
	// at once.
	fill(t, m, 20)
	ctx, cancel = context.WithCancel(f.ctx)
	defer cancel()
	err = nil
	for _, err = range m.Messages(ctx, all, mailbox.WantContent) {
		cancel()
	}
	require.ErrorIs(t, err, context.Canceled)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
