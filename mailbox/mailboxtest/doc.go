// Package mailboxtest tests whether an implementation of [mailbox.Store] keeps all
// promises of the interfaces, as testing/fstest does for file systems.
//
//	func TestStore(t *testing.T) {
//		mailboxtest.Run(t, func(t testing.TB) mailbox.Store {
//			return memory.New(nil)
//		}, nil)
//	}
//
// Every store of this module passes it, and a store of your own should.
// [Options] enable further checks: that mail survives closing and
// opening again, that limits and rights hold, and that a damaged message costs
// itself only. Optional interfaces are checked where they are found. [Crash]
// checks that it survives the sudden end of the process. [Bench] measures.
package mailboxtest
