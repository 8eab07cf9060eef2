// Package mailbox defines what a mail store is: the interfaces between the
// servers of this module and the stores that they serve from, and the values
// that both speak of.
//
// # The idea
//
// A mailbox is a set of messages and a modification sequence. Every message
// has a [UID], which is never used again, and a [ModSeq]. Every change gives
// the messages it touches a ModSeq higher than any before, and the UID of
// an expunged message is kept with the ModSeq of its expunge. So the history of a
// mailbox is one sequence, and one question is enough to keep up with it:
//
//	changes, err := m.Changes(ctx, since)
//
// An IMAP session that wakes from IDLE asks it, and so does a phone that comes
// back after a week (RFC 7162), and a second server process that shares the
// database: each remembers the [State] that it saw last, and needs no other
// memory of what it missed. Stores keep no sessions, no sequence numbers
// and no queues of notifications. Events (see Account.Watch) only say when to
// ask.
//
// # What servers do
//
// A server finds the [Account] of a user by the name that authentication
// returned, opens a [Mailbox], and takes a [Snapshot] of its UIDs. From then on
//
//   - it maps sequence numbers to UIDs by itself, and moves its view forward
//     with Changes, when its protocol allows it to tell the client;
//   - it reads with Messages: one call for one message or for a hundred
//     thousand, each with no more than is asked for: the [Entry]; the envelope
//     and the structure, which the store has parsed once, when the message
//     arrived; the [Content], which is read in place and never copied whole;
//   - it searches, sorts and threads with what it reads, so that a store need
//     not know how;
//   - it answers a client with the error that the store returned: each of
//     [ErrNotExist], [ErrOverQuota] and so on has its code in every protocol.
//
// Mail is delivered with Append into the mailbox that a resolver names.
//
// # Writing a store
//
// Implement [Store], [Account] and [Mailbox]. The example "Store" has the least
// that a store can do: its messages are only read. Four rules matter most; the
// comments of each method tell the rest:
//
//   - Give out UIDs and ModSeqs in the order in which changes become visible.
//     A database that commits in another order than it counts needs a lock on
//     the mailbox, or its counters' row, from counting to commit.
//   - Remember expunged UIDs, for as long as you can. A caller that asks about
//     a time before that is told in Changes.Vanished of every UID that is
//     missing.
//   - Hold no lock while Messages yields: what happens in the loop is the
//     network, and calls to the store itself. Do large changes in slices, each
//     with a ModSeq of its own, so that nobody else waits for them.
//   - When Append returns, the messages are durable: a server acknowledges
//     them to the world in the next line.
//
// Names arrive as users typed them: pass each through [CanonicalName], and new
// ones through [ValidName]. Parse messages with [message.Parser] while they
// stream by. Then check the store:
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
// What not every store can do is an interface of its own, which servers find
// by type assertion: [Admin], [Namespacer], [QuotaKeeper], [RecentMarker],
// [Replacer], each in a file of its own. An extension of a
// protocol is offered only where the store has what it rests on.
//
// Packages memory and sqlite, below this one, are stores; mailboxtest holds
// the suite, and a crash test and benchmarks beside it.
package mailbox
