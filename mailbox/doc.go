// Package mailbox defines what a mail store is: the interfaces between the
// servers of this module and the stores that they read and write, and the values
// that pass between them.
//
// # The idea
//
// A mailbox is a set of messages and a modification sequence. Every message
// has a [UID], which is never used again, and a [ModSeq]. Every change gives
// the messages it touches a ModSeq higher than any before, and the store keeps
// the UID of an expunged message with the ModSeq of the expunge. All changes to a
// mailbox are thus in one order, and one call is enough to follow them:
//
//	changes, err := m.Changes(ctx, since)
//
// An IMAP session in IDLE makes that call, and so does a client that reconnects
// after a week (RFC 7162), and a second server process that shares the database:
// each remembers the last [State] that it saw, and nothing else. Stores keep no
// sessions, no sequence numbers and no queues of notifications. Events (see
// Account.Watch) only say when to call.
//
// # What servers do
//
// A server finds the [Account] of a user by the name that authentication
// returned, opens a [Mailbox], and takes a [Snapshot] of its UIDs. From then on
//
//   - it maps sequence numbers to UIDs itself, and updates its view with
//     Changes when its protocol allows it to tell the client;
//   - it reads with Messages: one call for one message or for a hundred
//     thousand, which yields only the parts requested: the [Entry]; the envelope
//     and the structure, which the store parses once, when the message arrives;
//     the [Content], which is read in place and never copied whole;
//   - it searches, sorts and threads the messages that it reads, so that a store
//     need not do so;
//   - it answers a client with the error that the store returned: each of
//     [ErrNotExist], [ErrOverQuota] and so on has a code in every protocol.
//
// A delivery calls Append of the mailbox that a resolver names.
//
// # Writing a store
//
// Implement [Store], [Account] and [Mailbox]. The example "Store" is a minimal,
// read-only store. Four rules matter most; the comments of the methods state the
// others:
//
//   - Assign UIDs and ModSeqs in the order in which changes become visible. A
//     database that may commit in another order needs a lock on the mailbox, or
//     the row of its counters, from assignment to commit.
//   - Remember expunged UIDs as long as possible. A caller that asks about an
//     earlier time gets in Changes.Vanished every UID that is missing.
//   - Hold no lock while Messages yields: the loop of the caller writes to the
//     network and calls the store. Make large changes in slices, each with a
//     ModSeq of its own, so that no other call waits for them.
//   - When Append returns, the messages are durable: the server acknowledges
//     them next.
//
// Names arrive as users typed them: pass each through [CanonicalName], and new
// ones through [ValidName]. Parse messages with [message.Parser] while storing
// them. Then test the store:
//
//	func TestStore(t *testing.T) {
//		mailboxtest.Run(t, func(t testing.TB) mailbox.Store {
//			s, err := mystore.Open(t.TempDir())
//			if err != nil {
//				t.Fatal(err)
//			}
//			t.Cleanup(func() { s.Close() })
//			return s
//		}, nil)
//	}
//
// Optional abilities are interfaces of their own, which servers find by type
// assertion: [Admin], [Namespacer], [QuotaKeeper], [RecentMarker], [Replacer],
// each in a file of its own. A server offers an extension only if the store
// implements the interface that the extension needs.
//
// Packages memory and sqlite, below this one, are stores; mailboxtest holds the
// test suite, a crash test and benchmarks.
package mailbox
