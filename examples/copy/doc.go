// Copy copies an account from any mail store to any other, and keeps the copy in
// step when it is run again: what imapsync and mbsync are used for.
//
//	go run ./examples/copy tim@example.org sqlite:mail.db#tim
//	go run ./examples/copy imaps://tim@old.example.org imaps://tim%40example.net@new.example.net
//	go run ./examples/copy -verify -delete sqlite:mail.db#tim tim@example.net
//
// An account is an address, whose server is found; imaps://USER@HOST (TLS),
// imap://USER@HOST (STARTTLS); or sqlite:FILE#ACCOUNT. Passwords are asked for, or
// are in POSTHORN_PASSWORD for the source and POSTHORN_TARGET_PASSWORD for the
// target. See -help for the flags.
//
// Mailboxes with their roles and subscriptions are copied, and messages with
// their flags, keywords and dates, unchanged. On a later run, new messages follow,
// flags on the target become those at the source, and with -delete what has been
// removed from the source is removed from the target. What only the target has
// stays as it is.
//
// # No message is lost or doubled
//
// The program may be stopped at any moment, by kill -9 too, and started again.
// What is copied is written to a file (journal.go): before messages are sent,
// which they are; after the target has taken them, which UIDs they have there. If
// the second is missing, nobody knows whether they have arrived: the next run
// compares, by their contents, those messages at the source with those on the
// target that it does not know of (match.go). So it does if there is no file, or
// if the server has renumbered a mailbox, and after a broken connection.
//
// # How it is put together
//
//	main.go       the flags
//	side.go       what is asked of a side: an account, and a mailbox in it
//	store.go      … that is a mailbox.Store: SQLite, or any other
//	imap.go       … that is an IMAP server
//	journal.go    what has been copied
//	pairs.go      which UIDs became which
//	account.go    from account to account: several mailboxes at a time
//	mailbox.go    from mailbox to mailbox
//	transfer.go   … the messages, in batches
//	match.go      messages that are the same
//	verify.go     whether both sides have the same
//	progress.go   what the user sees meanwhile
//
// A mailbox.Store would do for both sides; for IMAP the client is used itself,
// since it moves messages in bulk: two windows of FETCH are always under way while
// MULTIAPPEND takes thousands of messages in one command. A mailbox that is being
// copied takes some 100 MB of memory at most, with any number of messages of any size: a
// few batches of 8 MB, and the windows, before the collector has its turn.
package main
