package imap

// The commands of MAILBOX-REFERRALS (RFC 2193 §5): LIST and LSUB that name remote
// mailboxes too.
type (
	RList struct{ Reference, Pattern string }
	RLSub struct{ Reference, Pattern string }
)

func (*RList) Name() string { return "RLIST" }
func (*RLSub) Name() string { return "RLSUB" }

// Referral is the argument of the code REFERRAL: URLs of the server to log in to (RFC
// 2221 §4), or of the mailboxes to use instead (RFC 2193 §4).
type Referral []string
