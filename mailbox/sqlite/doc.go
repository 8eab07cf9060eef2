// Package sqlite keeps mail in SQLite: the mail of all accounts is in one file,
// without a database server.
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
// open (on one machine); Watch reports the changes of the others within
// Options.PollInterval.
//
// # Guarantees
//
//   - When a call that changes something returns, the change is on the disk: it
//     survives a crash of the process and a loss of power. A call that has not
//     returned has changed all or nothing; SetFlags and Expunge work in slices of
//     256 messages, Copy and Move in slices of 1,024, for each of which this holds.
//     A Copy that fails takes its slices back, unless the store has closed.
//   - Memory does not grow with the size of messages or mailboxes, except for the
//     sets of UIDs that a call returns: bodies are read and written in pieces,
//     and the caches of the database are bounded.
//   - Accounts take turns, to read and to write. A small change waits for one slice
//     of the large changes of others, which takes a few milliseconds, besides the
//     one that is being made. Append is one step; Options.MaxAppend bounds it.
//   - A slow reader delays no writer, and a message that arrives slowly delays no
//     other.
//   - The error for a damaged message is a mailbox.MessageError that wraps
//     ErrDamaged; other messages can be read.
//   - A disk that fails a write or a sync loses nothing that was acknowledged, and
//     what follows when it works again is as durable as ever. A change that failed
//     with mailbox.ErrUnavailable is not made, unless the process ends before
//     another is: then it may be there when the store is opened.
//   - The error for a full disk or a lock held for too long is
//     mailbox.ErrUnavailable, and for a damaged file ErrDamaged.
//   - On a full disk messages can be flagged, moved and expunged, and mailboxes
//     deleted, with the space that Options.Reserve keeps for that.
//   - An account with a storage quota takes no more of the disk than its quota and
//     Options.MaxWaiting: what is expunged counts until its space is free, and what
//     arrives counts from the announcement of its size on. The file gets shorter
//     when much of it is free, unless an earlier version has created it; vacuum.go
//     says how to convert such a file.
//   - A store that is open needs no more file descriptors.
//   - A reader in another process delays nothing. While it holds an old state of the
//     database the log grows, up to Options.MaxLog.
//
// # Inside
//
// One goroutine with one connection makes all changes (writer.go), by turns of the
// accounts (queue.go). Changes that wait during a commit share the next one. Changes, also those of different
// processes, are therefore made one after the other, in the order of their
// ModSeqs and UIDs.
//
// Readers share a pool of connections (pool.go) and read a page at a time
// (read.go). They hold neither connection nor lock while they yield.
//
// The body of a message is read before the transaction begins (stage.go): into
// memory if it is small, otherwise into the database under a content that no
// message refers to yet. Contents are shared by the copies of a message and count
// their references; those without are deleted in small steps (sweep.go). The
// schema, with the meaning of every column, is in schema.go.
package sqlite
