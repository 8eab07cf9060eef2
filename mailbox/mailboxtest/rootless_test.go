package mailboxtest_test

import (
	"context"
	"testing"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/mailboxtest"
)

// rootless has quotas that limit nothing, as an IMAP server may.
type rootless struct{ mailbox.QuotaKeeper }

func (r rootless) QuotaRoots(ctx context.Context, name string) ([]string, error) {
	_, err := r.QuotaKeeper.QuotaRoots(ctx, name)
	return nil, err
}

func (rootless) SetQuota(context.Context, string, map[mailbox.QuotaName]int64) error {
	return mailbox.ErrPermission
}

// A store whose quotas cannot be set need not name a root.
func TestRootless(t *testing.T) {
	o := brokenOptions
	o.Lacks = mailboxtest.LackSetQuota
	mailboxtest.Run(t, func(t testing.TB) mailbox.Store {
		return openBroken(t, defects["there is no root to limit"], mailbox.Limits{})
	}, &o)
}
