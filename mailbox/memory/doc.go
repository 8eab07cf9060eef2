// Package memory is a mail store that keeps everything in memory: for tests,
// for demonstrations, and as the speed limit that other stores are measured
// against.
//
//	store := memory.New(nil)
//	store.CreateAccount(ctx, "alice")
//	account, err := store.Account(ctx, "alice")
//	inbox, err := account.Mailbox(ctx, "INBOX")
//	stored, err := inbox.Append(ctx, mailbox.Incoming{Body: r, Size: mailbox.SizeUnknown})
//
// It implements [mailbox.Admin], and its accounts and mailboxes
// [mailbox.Namespacer], [mailbox.QuotaKeeper], [mailbox.RecentMarker] and
// [mailbox.Replacer]. A mailbox can be shared with other accounts, see
// [Store.Share].
//
// # Inside
//
// An account is guarded by one read-write lock, so that what touches two
// mailboxes is as atomic as what touches one. The lock is held for copying
// entries, never while a message is read from its Body, parsed, or yielded, and
// by SetFlags and Expunge for 4,096 messages at a time. A call that touches
// mailboxes of two accounts locks both, in an order of the accounts. What
// concerns a mailbox is guarded by the lock of its owner, also where another
// user calls; what watches an account has a lock of its own, which is taken
// last.
//
// A mailbox is a list of chunks of up to 511 entries in the order of their
// UIDs. An entry takes 56 octets and points to a body, which is immutable and
// shared by the copies of a message. Each chunk knows the highest ModSeq that
// was given to any entry in it, so Changes looks into those chunks only that
// have changed, and how many of its messages are unseen, so that the lowest
// one is found without looking at all.
package memory
