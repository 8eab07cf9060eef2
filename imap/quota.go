package imap

import "github.com/posthorn-mail/posthorn/mailbox"

// The commands of QUOTA (RFC 9208 §4.1).
type (
	GetQuota     struct{ Root string }
	GetQuotaRoot struct{ Mailbox string }

	// SetQuota replaces the limits of a root. Limits are as on the wire:
	// STORAGE is in units of 1024 octets.
	SetQuota struct {
		Root   string
		Limits []QuotaLimit
	}
)

// QuotaLimit is a resource and its limit, as on the wire.
type QuotaLimit struct {
	Name  mailbox.QuotaName // in capitals
	Limit int64
}

func (*GetQuota) Name() string     { return "GETQUOTA" }
func (*GetQuotaRoot) Name() string { return "GETQUOTAROOT" }
func (*SetQuota) Name() string     { return "SETQUOTA" }

// QuotaData is a QUOTA response (RFC 9208 §4.2.1). Storage counts octets here.
type QuotaData struct {
	Root      string
	Resources []mailbox.QuotaResource
}

// QuotaRootData is a QUOTAROOT response (RFC 9208 §4.2.2).
type QuotaRootData struct {
	Mailbox string
	Roots   []string
}
