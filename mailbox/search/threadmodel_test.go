package search_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// A container is a message of RFC 5256 §3, and a dummy one if msg is nil.
type container struct {
	msg      *mailbox.Message
	parent   *container
	children []*container
}

func (c *container) isDummy() bool { return c.msg == nil }

func (c *container) moveTo(parent *container) {
	if c.parent != nil {
		i := slices.Index(c.parent.children, c)
		c.parent.children = slices.Delete(c.parent.children, i, i+1)
	}
	if c.parent = parent; parent != nil {
		parent.children = append(parent.children, c)
	}
}

func (c *container) isAbove(other *container) bool {
	for ; other != nil; other = other.parent {
		if other == c {
			return true
		}
	}
	return false
}

// sent returns the sent date and the UID of a message, and of the first child of a
// dummy.
func (c *container) sent() (int64, mailbox.UID) {
	if c.isDummy() {
		slices.SortFunc(c.children, bySent)
		c = c.children[0]
	}
	if t := c.msg.Envelope.Time; !t.IsZero() {
		return t.Unix(), c.msg.UID
	}
	return c.msg.InternalDate.Unix(), c.msg.UID
}

func bySent(a, b *container) int {
	at, uid := a.sent()
	bt, other := b.sent()
	return cmp.Or(cmp.Compare(at, bt), cmp.Compare(uid, other))
}

func (c *container) subject() (base string, reply bool) {
	if c.isDummy() {
		slices.SortFunc(c.children, bySent)
		base, _ = c.children[0].subject()
		return base, false
	}
	base, reply = message.BaseSubject(c.msg.Envelope.Subject)
	return strings.ToUpper(base), reply
}

// modelThreads builds threads as RFC 5256 §3 describes it, step by step.
func modelThreads(a search.Algorithm, msgs []*mailbox.Message) []*search.Thread {
	if a == search.OrderedSubject {
		return modelSubjects(msgs)
	}
	unquote := strings.NewReplacer(`\"`, `"`, `\\`, `\`, `\]`, `]`, `\K`, "K", `"`, "")
	ids := map[string]*container{}
	get := func(id string) *container {
		id = unquote.Replace(id)
		if ids[id] == nil {
			ids[id] = &container{}
		}
		return ids[id]
	}
	var all []*container
	for _, m := range msgs { // step 1
		self := &container{msg: m}
		if own := message.MessageIDs(m.Envelope.MessageID); len(own) > 0 && get(own[0]).isDummy() {
			self = get(own[0])
			self.msg = m
		}
		all = append(all, self)
		refs := m.References
		if len(refs) == 0 {
			if refs = message.MessageIDs(m.Envelope.InReplyTo); len(refs) > 1 {
				refs = refs[:1]
			}
		}
		var last *container
		for _, id := range refs {
			ref := get(id)
			if last != nil && ref.parent == nil && !ref.isAbove(last) {
				ref.moveTo(last)
			}
			last = ref
		}
		self.moveTo(nil)
		if last != nil && !self.isAbove(last) {
			self.moveTo(last)
		}
	}
	root := &container{} // step 2
	for _, c := range ids {
		all = append(all, c)
	}
	for _, c := range all {
		if c.parent == nil && c != root {
			c.moveTo(root)
		}
	}
	prune(root, root) // step 3
	slices.SortFunc(root.children, bySent)
	if a == search.References {
		joinSubjects(root)
	}
	return sortAll(root) // step 6
}

// prune is step 3, from the leaves up.
func prune(c, root *container) {
	for _, sub := range slices.Clone(c.children) {
		prune(sub, root)
		if sub.isDummy() && (len(sub.children) == 0 || c != root || len(sub.children) == 1) {
			for _, s := range slices.Clone(sub.children) {
				s.moveTo(c)
			}
			sub.moveTo(nil)
		}
	}
}

// joinSubjects is step 5.
func joinSubjects(root *container) {
	table := map[string]*container{}
	for _, c := range root.children {
		subject, reply := c.subject()
		if subject == "" {
			continue
		}
		old := table[subject]
		if old == nil {
			table[subject] = c
			continue
		}
		if _, oldReply := old.subject(); !old.isDummy() && (c.isDummy() || oldReply && !reply) {
			table[subject] = c
		}
	}
	for _, c := range slices.Clone(root.children) {
		if c.parent != root {
			continue // merged before
		}
		subject, reply := c.subject()
		other := table[subject]
		if subject == "" || other == c {
			continue
		}
		_, otherReply := other.subject()
		switch {
		case other.isDummy() && c.isDummy():
			for _, sub := range slices.Clone(c.children) {
				sub.moveTo(other)
			}
			c.moveTo(nil)
		case other.isDummy(), reply && !otherReply:
			c.moveTo(other)
		default:
			dummy := &container{}
			c.moveTo(dummy)
			other.moveTo(dummy)
			dummy.moveTo(root)
			table[subject] = dummy
		}
	}
}

func sortAll(c *container) []*search.Thread {
	out := []*search.Thread{}
	for _, sub := range c.children {
		slices.SortFunc(sub.children, bySent)
	}
	slices.SortFunc(c.children, bySent)
	for _, sub := range c.children {
		t := &search.Thread{Children: sortAll(sub)}
		if !sub.isDummy() {
			t.UID = sub.msg.UID
		}
		out = append(out, t)
	}
	return out
}

func modelSubjects(msgs []*mailbox.Message) []*search.Thread {
	groups := map[string][]*container{}
	for _, m := range msgs {
		c := &container{msg: m}
		subject, _ := c.subject()
		groups[subject] = append(groups[subject], c)
	}
	root := &container{}
	for _, group := range groups {
		slices.SortFunc(group, bySent)
		for _, c := range group[1:] {
			c.moveTo(group[0])
		}
		group[0].moveTo(root)
	}
	return sortAll(root)
}

// fuzzMails makes messages of octets: few identifiers, subjects and dates, so that
// they often meet.
func fuzzMails(data []byte) []*mailbox.Message {
	next := func() int {
		if len(data) == 0 {
			return 0
		}
		c := data[0]
		data = data[1:]
		return int(c)
	}
	ids := func(n int) string {
		var b strings.Builder
		for range n {
			b.WriteString("<" + string(rune('a'+next()%16)) + ">")
		}
		return b.String()
	}
	subjects := []string{"", "", "x", "Re: x", "y", "[l] Y", "Fwd: y", "Z"}
	var list []mail
	for len(data) > 0 && len(list) < 60 {
		kind := next()
		m := mail{id: ids(min(kind&3, 1)), subject: subjects[next()%len(subjects)], date: int64(next() % 8)}
		if kind&4 != 0 {
			m.inReplyTo = ids(1)
		} else {
			m.refs = ids(kind >> 3 & 3)
		}
		list = append(list, m)
	}
	return mails(list...)
}

// The threads are those of the model, and each message is in them once.
func FuzzThreads(f *testing.F) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 500 {
		b := make([]byte, rng.IntN(120))
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		msgs := fuzzMails(data)
		for _, a := range []search.Algorithm{search.References, search.Refs, search.OrderedSubject} {
			got := threads(a, msgs)
			requireEach(t, got, msgs)
			require.Equal(t, format(modelThreads(a, msgs)), format(got), a)
		}
	})
}
