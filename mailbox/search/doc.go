// Package search finds messages in a [mailbox.Mailbox]: in any, since it needs
// no more than what every mailbox can do.
//
//	key := search.And{
//		search.Flag{Flag: mailbox.FlagSeen, Absent: true},
//		search.Header{Field: "From", Value: "smith"},
//	}
//	found, err := search.Find(ctx, inbox, mailbox.AllUIDs(), key, nil)
//
// What is looked for is a tree of keys, which are those of IMAP (RFC 9051 §6.4.4
// and its extensions) without what only an IMAP session knows: sequence numbers,
// "$" and \Recent are keys of package imap, which a server replaces with
// [Rewrite]. [Compile] makes a [Program] of a tree, which can then search many
// times or judge single messages.
//
// # What is read
//
// Cheap things first. Of each message that can match by its UID, the entry is
// read; of those that this leaves undecided, the envelope; and of those that
// are still undecided, the content, once for all keys together and no further
// than it takes to decide. Content is streamed: the memory of a search grows
// neither with the mailbox nor with a message, but with the gaps in the set
// that it finds.
//
// # Texts
//
// Texts are compared without regard to case, after encoded words, transfer
// encodings and charsets have been undone (RFC 9051 §6.4.4). What is searched:
//
//   - [Header] with a field of the envelope (From, To, Cc, Bcc, Sender,
//     Reply-To, Subject, Message-ID) and a value: the envelope's strings,
//     addresses as "Name <local@domain>";
//   - Header with another field, or without a value: the header itself;
//   - [Body]: every part of type text, and the headers of parts and of messages
//     within the message; parts of other types are passed over;
//   - [Text]: the header and all that Body looks at.
//
// Of one header, no more than a megabyte is looked at. A text is found within
// one field or one part, not across them.
//
// # Indexes
//
// A mailbox that has an index is also an [Indexer]. An index can only exclude
// messages; what is left is judged as in a mailbox without one, so that a
// search finds the same everywhere.
package search
