// Package search finds messages in any [mailbox.Mailbox], sorts them and builds
// threads of them: it needs only the methods of that interface.
//
//	key := search.And{search.Unseen, search.From("smith")}
//	found, err := search.Find(ctx, inbox, mailbox.AllUIDs(), key, nil)
//
// A search is a tree of keys, which are those of IMAP (RFC 9051 §6.4.4 and its
// extensions) without those that only an IMAP session can evaluate: sequence
// numbers, "$" and \Recent are keys of package imap, which a server replaces with
// [Rewrite]. [Unseen], [From], [Since] and others make the keys that programs need
// most; And, [Or] and [Not] combine them. [Compile] turns a tree into a [Program], which can then search many
// times or judge single messages.
//
// # Reading
//
// A search reads the cheapest parts first: the entry of each message whose UID
// can match; the envelope of those that are still undecided; and then the
// content, once for all keys together and no further than needed. Content is
// streamed: the memory of a search grows neither with the mailbox nor with a
// message, but with the gaps in the set that it finds.
// [Options] bound its time, and count its work for a program that divides a machine
// between many.
//
// # Texts
//
// Texts are compared without regard to case, after encoded words, transfer
// encodings and charsets have been decoded (RFC 9051 §6.4.4). The keys search:
//
//   - [Header] with a field of the envelope (From, To, Cc, Bcc, Sender,
//     Reply-To, Subject, Message-ID) and a value: the envelope's strings,
//     addresses as "Name <local@domain>";
//   - Header with another field, or without a value: the header itself;
//   - [Body]: every part of type text, and the headers of parts and of messages
//     within the message; parts of other types are skipped;
//   - [Text]: the header and all that Body searches.
//
// At most a megabyte of a header is searched. A text is found within
// one field or one part, not across them.
//
// # Indexes
//
// A mailbox that has an index is also an [Indexer]. An index can only exclude
// messages; the others are judged as in a mailbox without one, so that the result
// of a search does not depend on the index.
//
// # Sorting and threading
//
// [Sort] and [ThreadsOf] do what the commands SORT and THREAD do with the messages
// that a search has found (RFC 5256, RFC 5957). [Sorter] and [Threader] do the same
// with messages that come from elsewhere, such as envelopes that an IMAP client has
// fetched.
//
//	newest := []search.SortKey{{By: search.SortDate, Reverse: true}}
//	uids, err := search.Sort(ctx, inbox, found, newest)
//	threads, err := search.ThreadsOf(ctx, inbox, found, search.References)
//	for depth, uid := range search.Walk(threads) { … }
//
// Texts are sorted by i;unicode-casemap (RFC 5051), after encoded words have been
// decoded, subjects by their base subject. Messages that are equal by all keys are
// in the order of their UIDs. The memory of both grows with the number of messages,
// but not with their size; neither time nor stack grows with the depth of a thread.
package search
