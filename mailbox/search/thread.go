package search

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// ErrUnknownAlgorithm says that an [Algorithm] is none of this package.
var ErrUnknownAlgorithm = errors.New("search: unknown threading algorithm")

// ThreadsOf returns the threads of the messages of the set, in the order of THREAD
// (RFC 5256 §3): by sent date, and by UID where dates are equal. UIDs of the set
// that do not exist are ignored. Its memory grows with the number of messages; see
// [Threader].
//
// A damaged message is a thread of its own, as one without header and date.
// Another error of the mailbox, or that of a context that is done, ends the call.
// ErrUnknownAlgorithm.
func ThreadsOf(ctx context.Context, m mailbox.Mailbox, set mailbox.UIDSet, a Algorithm) ([]*Thread, error) {
	switch a {
	case OrderedSubject, References, Refs:
	default:
		return nil, fmt.Errorf("%w: %q", ErrUnknownAlgorithm, string(a))
	}
	t := NewThreader(a)
	if err := addAll(ctx, m, set, ThreadWants(a), t.Add); err != nil {
		return nil, err
	}
	return t.Threads(), nil
}

// ThreadWants returns the parts of messages that an algorithm needs.
func ThreadWants(a Algorithm) mailbox.Want {
	w := mailbox.WantEntry | mailbox.WantEnvelope // for the sent date
	if a != OrderedSubject {
		w |= mailbox.WantReferences
	}
	return w
}

// A Threader builds threads of messages that it is given one by one, as
// [ThreadsOf] does: those of a store, or those whose envelopes an IMAP client has
// fetched. It keeps no message, but all message identifiers, the base subjects
// that differ, and about forty octets for each message, those that are missing
// included. It is for one goroutine.
//
// The time of a call grows with the number of messages and references, and no
// further with the length of a thread.
type Threader struct {
	algorithm Algorithm
	nodes     []threadNode     // the messages, and the places of missing ones, from 1
	ids       map[string]int32 // the nodes by message identifier
	forest    forest           // the parents, again
	subjects  dictionary       // the number of the empty subject is 0
	collator  collator
	id        []byte // of getID
}

// A threadNode is a message, or the dummy message of RFC 5256 §3 if uid is zero.
type threadNode struct {
	date    int64 // sent date
	uid     mailbox.UID
	parent  int32  // zero: none
	subject uint32 // base subject
	reply   bool   // or a forward, by the subject
}

// NewThreader returns a Threader for one of the algorithms of this package. It
// treats another one as [References].
func NewThreader(a Algorithm) *Threader {
	t := &Threader{algorithm: a, nodes: make([]threadNode, 1), ids: map[string]int32{}}
	t.subjects.number(nil)
	return t
}

// Add adds a message, which has at least the parts of [ThreadWants]. Where
// References is empty, In-Reply-To of the envelope counts. Messages must come in
// ascending order of UID, each once, since the result depends on the order. Add
// ignores a message whose UID is zero.
func (t *Threader) Add(m *mailbox.Message) {
	if m.UID == 0 {
		return
	}
	env := m.Envelope
	if env == nil {
		env = &message.Envelope{}
	}
	n := threadNode{uid: m.UID, date: sentDate(m)}
	if t.algorithm != Refs {
		base, reply := message.BaseSubject(env.Subject)
		n.subject, n.reply = t.subjects.number(t.collator.keyOf(base)), reply
	}
	if t.algorithm == OrderedSubject {
		t.nodes = append(t.nodes, n)
		return
	}

	// RFC 5256 §3, REFERENCES, step 1.
	self := t.place(n, env.MessageID)
	refs := m.References
	if len(refs) == 0 {
		refs = message.MessageIDs(env.InReplyTo)
		refs = refs[:min(len(refs), 1)]
	}
	var last int32
	for _, id := range refs { // step 1 (A)
		ref := t.getID(id)
		if last != 0 && t.nodes[ref].parent == 0 {
			t.link(ref, last)
		}
		last = ref
	}
	if t.nodes[self].parent != last { // step 1 (B)
		if t.nodes[self].parent != 0 {
			t.forest.cut(self)
			t.nodes[self].parent = 0
		}
		if last != 0 {
			t.link(self, last)
		}
	}
}

// place adds the node of a message, or makes a dummy with its identifier the
// message. Of several messages with one identifier the first has it.
func (t *Threader) place(n threadNode, messageID string) int32 {
	if ids := message.MessageIDs(messageID); len(ids) > 0 {
		if at := t.getID(ids[0]); t.nodes[at].uid == 0 {
			n.parent = t.nodes[at].parent
			t.nodes[at] = n
			return at
		}
	}
	return t.newNode(n)
}

// getID returns the node of a message identifier. If there is none it adds a
// dummy.
func (t *Threader) getID(id string) int32 {
	t.id = appendMessageID(t.id[:0], id)
	at, ok := t.ids[string(t.id)]
	if !ok {
		at = t.newNode(threadNode{})
		t.ids[string(t.id)] = at
	}
	return at
}

func (t *Threader) newNode(n threadNode) int32 {
	t.nodes = append(t.nodes, n)
	t.forest.add()
	return int32(len(t.nodes) - 1)
}

// link gives a child that has no parent one, unless that would introduce a loop.
func (t *Threader) link(child, parent int32) {
	if child != parent && t.forest.root(parent) != child {
		t.forest.link(child, parent)
		t.nodes[child].parent = parent
	}
}

// appendMessageID appends a message identifier without its quoting: <"a"@b> and
// <a@b> are the same (RFC 5256 §3).
func appendMessageID(dst []byte, id string) []byte {
	if !strings.ContainsAny(id, `"\`) {
		return append(dst, id...)
	}
	for i := 0; i < len(id); i++ {
		switch c := id[i]; {
		case c == '"':
			// not part of the identifier
		case c == '\\' && i+1 < len(id):
			i++
			dst = append(dst, id[i])
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// Threads returns the threads of the messages so far. The place of a missing
// message (UID zero) is at the top of a thread only and has two children or more.
func (t *Threader) Threads() []*Thread {
	tree := newThreadTree(t.nodes)
	switch t.algorithm {
	case OrderedSubject:
		tree.groupSubjects(len(t.subjects.texts))
	case Refs:
		tree.prune()
	default:
		tree.prune()
		tree.joinSubjects(len(t.subjects.texts))
	}
	return tree.threads()
}
