// Package sqlite keeps mail in SQLite: the mail of all accounts is in one file,
// and there is nothing to install or to run.
//
//	store, err := sqlite.Open(ctx, "mail.db", nil)
//	…
//	defer store.Close()
//	err = store.CreateAccount(ctx, "alice@example.org")
//	account, err := store.Account(ctx, "alice@example.org")
//	inbox, err := account.Mailbox(ctx, "INBOX")
//	result, err := inbox.Append(ctx, mailbox.Incoming{Body: r, Size: mailbox.SizeUnknown})
//
// A [Store] is a [mailbox.Admin], its accounts are [mailbox.QuotaKeeper], its
// mailboxes [mailbox.RecentMarker] and [mailbox.Replacer]. Several processes may have the same file
// open (on one machine); Watch tells of the changes of the others within
// Options.PollInterval.
//
// # What it promises
//
//   - When a call that changes something returns, the change is on the disk: it
//     survives the death of the process and the loss of power. What has not
//     returned is there wholly or not at all; of SetFlags and Expunge, which
//     work in slices of 256 messages, this is true of each slice.
//   - Memory does not grow with the size of messages or mailboxes, but for the
//     sets of UIDs that a call returns: bodies pass through in pieces, both
//     ways, and the caches of the database are bounded.
//   - Changes are made in the order in which they are asked for, and a slice
//     takes a few milliseconds. Copy and Move are one step, however many
//     messages they are about: the changes of others wait for it.
//   - A reader, however slow, delays no writer, and a message that comes in
//     slowly delays no other.
//   - A damaged message is a mailbox.MessageError that wraps ErrDamaged; the
//     others can be read.
//   - A full disk or a lock held for too long is mailbox.ErrUnavailable, a
//     damaged file ErrDamaged.
//
// # Inside
//
// One goroutine with one connection makes all changes (writer.go). What waits
// while a commit is on its way to the disk shares the next one. Within a
// process and among processes, changes are therefore made one after the other,
// which is what gives ModSeqs and UIDs their order.
//
// Readers have a pool of connections and read a page at a time (read.go). They
// hold nothing while they yield.
//
// The body of a message is read before the transaction begins (stage.go): into
// memory if it is small, otherwise into the database under a content that no
// message refers to yet. Contents are shared by the copies of a
// message and count their references; those without are swept away in small
// steps (sweep.go). The schema, with what every column means, is in schema.go.
package sqlite
