// Package sqlite keeps mail in a SQL database: for now in SQLite, which is one
// file, and nothing to install or to run.
//
//	store, err := sqlite.Open(ctx, "mail.db", nil)
//	…
//	defer store.Close()
//	err = store.CreateAccount(ctx, "alice@example.org")
//	account, err := store.Account(ctx, "alice@example.org")
//	inbox, err := account.Mailbox(ctx, "INBOX")
//	uids, err := inbox.Append(ctx, mailbox.Draft{Body: r, Size: mailbox.SizeUnknown})
//
// A [Store] is a [mailbox.Admin], its accounts are [mailbox.QuotaKeeper], its
// mailboxes [mailbox.RecentMarker]. Several processes may have the same file
// open (on one machine); Watch tells of the changes of the others within
// Options.PollInterval.
//
// # What it promises
//
//   - When a call that changes something returns, the change is on the disk: it
//     survives the death of the process and the loss of power. What has not
//     returned is there wholly or not at all.
//   - Memory does not grow with the size of messages or mailboxes, but for what
//     a call returns: bodies pass through in pieces, both ways, and the caches
//     of the database are bounded.
//   - A reader, however slow, delays no writer, and nobody whose message comes
//     in slowly delays anybody.
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
// The body of a message is read from its Draft before the transaction begins
// (stage.go): into memory if it is small, otherwise into the database under a
// content that no message refers to yet. Contents are shared by the copies of a
// message and count their references; those without are swept away in small
// steps (sweep.go). The schema, with what every column means, is in schema.go.
package sqlite
