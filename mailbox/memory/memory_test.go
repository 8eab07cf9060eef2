package memory_test

import (
	"context"
	"testing"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/mailboxtest"
	"github.com/posthorn-mail/posthorn/mailbox/memory"
)

func open(t testing.TB, opts *memory.Options) mailbox.Store {
	s := memory.New(opts)
	t.Cleanup(func() { s.Close() })
	return s
}

func TestStore(t *testing.T) {
	mailboxtest.Run(t, func(t testing.TB) mailbox.Store { return open(t, nil) }, &mailboxtest.Options{
		WithLimits: func(t testing.TB, lim mailbox.Limits) mailbox.Store {
			return open(t, &memory.Options{Limits: lim})
		},
		Share: share,
	})
}

func share(ctx context.Context, s mailbox.Store, owner, name, user string, rights mailbox.Rights) (string, error) {
	return "Other Users/" + owner + "/" + name, s.(*memory.Store).Share(ctx, owner, name, user, rights)
}

func BenchmarkStore(b *testing.B) {
	mailboxtest.Bench(b, func(t testing.TB) mailbox.Store { return open(t, nil) })
}

// TestForgetful runs the suite on a store that soon forgets what was expunged.
func TestForgetful(t *testing.T) {
	mailboxtest.Run(t, func(t testing.TB) mailbox.Store { return open(t, &memory.Options{MaxVanished: 3}) }, nil)
}
