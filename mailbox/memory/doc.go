// Package memory is a mail store that keeps everything in memory: for tests,
// for demonstrations, and as the reference for the speed of other stores.
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
// One read-write lock guards an account, so that a call is atomic even if it uses
// two mailboxes. The lock is held for copying entries, never while a message is
// read from its Body, parsed, or yielded, and by SetFlags and Expunge for 4,096
// messages at a time. A call that uses mailboxes of two accounts locks both, in a
// fixed order. The lock of its owner guards a mailbox, even if another user calls;
// a separate lock, which is taken last, guards the watchers of an account.
//
// A mailbox is a list of chunks of up to 511 entries in the order of their
// UIDs. An entry takes 56 octets and points to a body, which is immutable and
// shared by the copies of a message. Each chunk knows the highest ModSeq that
// was given to any entry in it, so that Changes reads only chunks that have
// changed, and the number of its unseen messages, so that the lowest one is found
// without reading all.
package memory
