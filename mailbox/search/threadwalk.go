package search

import (
	"iter"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// Walk yields the messages of threads with their depth, from zero: each before its
// answers, and these before its siblings. Missing messages are not yielded, and
// their answers have the depth that they would have.
//
// The depth of a thread is up to those who send messages. Walk needs no more stack
// for a deep one.
func Walk(threads []*Thread) iter.Seq2[int, mailbox.UID] {
	return func(yield func(int, mailbox.UID) bool) {
		type level struct {
			rest  []*Thread
			depth int
		}
		levels := []level{{threads, 0}}
		for len(levels) > 0 {
			top := &levels[len(levels)-1]
			if len(top.rest) == 0 {
				levels = levels[:len(levels)-1]
				continue
			}
			t, depth := top.rest[0], top.depth
			if top.rest = top.rest[1:]; len(top.rest) == 0 {
				levels = levels[:len(levels)-1] // a thread that does not branch needs one level
			}
			if t.UID != 0 {
				if !yield(depth, t.UID) {
					return
				}
				depth++
			}
			levels = append(levels, level{t.Children, depth})
		}
	}
}

// ThreadUIDs returns the messages of threads.
func ThreadUIDs(threads []*Thread) mailbox.UIDSet {
	var uids []mailbox.UID
	for _, uid := range Walk(threads) {
		uids = append(uids, uid)
	}
	return mailbox.UIDSetOf(uids...)
}
