package mailbox

import "context"

// A QuotaKeeper is an Account with quotas (RFC 9208). Roots are names chosen
// by the store; a root limits the mailboxes that name it.
type QuotaKeeper interface {
	// QuotaRoots returns the roots that limit a mailbox, or would once SetQuota
	// has given them a limit. Only where quotas cannot be set may there be none.
	// ErrNotExist if there is no such mailbox.
	QuotaRoots(ctx context.Context, mailbox string) ([]string, error)

	// Quota returns the usage and limits of a root. ErrNotExist.
	Quota(ctx context.Context, root string) ([]QuotaResource, error)

	// SetQuota replaces the limits of a root: resources not named become
	// unlimited. ErrNotExist if the store knows no such root or resource. It
	// is for administrators; servers offer it to clients only if configured to.
	SetQuota(ctx context.Context, root string, limits map[QuotaName]int64) error
}

// QuotaName is the name of a resource (RFC 9208 §5).
type QuotaName string

// The resources of RFC 9208 §5.
const (
	QuotaStorage           QuotaName = "STORAGE" // octets here; in units of 1024 octets on the wire
	QuotaMessage           QuotaName = "MESSAGE"
	QuotaMailbox           QuotaName = "MAILBOX"
	QuotaAnnotationStorage QuotaName = "ANNOTATION-STORAGE"
)

// QuotaResource is the usage and limit of a resource. Unlimited resources are
// not listed.
type QuotaResource struct {
	Name         QuotaName
	Usage, Limit int64
}
