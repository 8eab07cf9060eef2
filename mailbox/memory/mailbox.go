package memory

import (
	"slices"
	"sort"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// chunkSize is the maximum number of entries of a chunk: with one word of the
// allocator they fill a size class (28,672 octets).
const chunkSize = 511

// A chunk is a run of entries in ascending order of UID. It is never empty.
type chunk struct {
	entries []entry
	modSeq  mailbox.ModSeq // no entry has a higher one
	unseen  int
}

func (c *chunk) first() mailbox.UID { return c.entries[0].uid }
func (c *chunk) last() mailbox.UID  { return c.entries[len(c.entries)-1].uid }

// vanished is a range of UIDs that one expunge removed.
type vanished struct {
	modSeq mailbox.ModSeq
	uids   mailbox.UIDRange
}

// box is the state that the handles to one mailbox share. The lock of the owner guards
// all but owner, id, validity and use, which don't change.
type box struct {
	owner    *account
	id       string
	validity uint32
	use      mailbox.SpecialUse

	name    string
	deleted bool
	chunks  []*chunk // ascending
	uidNext mailbox.UID
	modSeq  mailbox.ModSeq
	recent  mailbox.UID // the lowest UID that no MarkRecent has claimed

	messages, unseen, flaggedDeleted int
	firstUnseen                      mailbox.UID
	size                             int64

	// vanished is ascending by modSeq. It holds all expunges after
	// forgotten.
	vanished  []vanished
	forgotten mailbox.ModSeq

	keywordSets map[string]*keywordSet
	keywords    map[string]*keyword // by name in lower case

	shares map[*account]mailbox.Rights // of other users, none zero
}

func (a *account) newMailbox(name string, use mailbox.SpecialUse) *box {
	return &box{
		owner:       a,
		id:          a.store.newID('F'),
		validity:    a.store.newValidity(),
		use:         use,
		name:        name,
		uidNext:     1,
		modSeq:      1,
		recent:      1,
		keywordSets: map[string]*keywordSet{},
		keywords:    map[string]*keyword{},
	}
}

// seek returns the place of the first entry with that UID or a higher one; c
// is len(m.chunks) if there is none.
func (m *box) seek(uid mailbox.UID) (c, i int) {
	c = sort.Search(len(m.chunks), func(c int) bool { return m.chunks[c].last() >= uid })
	if c == len(m.chunks) {
		return c, 0
	}
	entries := m.chunks[c].entries
	// In most chunks no UID is missing.
	if first := entries[0].uid; uid <= first {
		return c, 0
	} else if d := int(uid - first); d < len(entries) && entries[d].uid == uid {
		return c, d
	}
	return c, sort.Search(len(entries), func(i int) bool { return entries[i].uid >= uid })
}

// A walk is an iteration over the messages of a set that can be interrupted.
type walk struct {
	ranges []mailbox.UIDRange // what is left of the set
	next   mailbox.UID        // all UIDs below it have been visited
	end    mailbox.UID        // UIDNext at the start
}

// start fixes the end of a walk that has not begun: messages that arrive later
// are not part of it.
func (w *walk) start(m *box) {
	if w.end == 0 {
		w.end = m.uidNext
	}
}

// step calls f with the next entries of the walk, at most limit. more reports
// whether there are others. f must not add or remove entries.
func (m *box) step(w *walk, limit int, f func(c *chunk, e *entry)) (more bool) {
	for ; len(w.ranges) > 0; w.ranges = w.ranges[1:] {
		r := w.ranges[0]
		ci, i := m.seek(max(r.First, w.next))
		if ci == len(m.chunks) {
			return false
		}
		for ; ci < len(m.chunks); ci, i = ci+1, 0 {
			c := m.chunks[ci]
			for ; i < len(c.entries); i++ {
				e := &c.entries[i]
				if e.uid > r.Last {
					break
				}
				if e.uid >= w.end {
					return false
				}
				if limit == 0 {
					return true
				}
				limit--
				w.next = e.uid + 1
				f(c, e)
			}
			if i < len(c.entries) {
				break
			}
		}
	}
	return false
}

// status returns the counters. The owner is locked.
func (m *box) status() mailbox.Status {
	return mailbox.Status{
		Messages:      uint32(m.messages),
		Unseen:        uint32(m.unseen),
		Deleted:       uint32(m.flaggedDeleted),
		FirstUnseen:   m.firstUnseen,
		UIDNext:       m.uidNext,
		UIDValidity:   m.validity,
		HighestModSeq: m.modSeq,
		Size:          m.size,
	}
}

// add appends an entry with the next UID.
func (m *box) add(e entry) mailbox.UID {
	e.uid = m.uidNext
	m.uidNext++
	if n := len(m.chunks); n == 0 || len(m.chunks[n-1].entries) == chunkSize {
		m.chunks = append(m.chunks, &chunk{})
	}
	c := m.chunks[len(m.chunks)-1]
	if n := len(c.entries); n == cap(c.entries) { // append would exceed chunkSize
		c.entries = append(make([]entry, 0, min(max(2*n, 4), chunkSize)), c.entries...)
	}
	c.entries = append(c.entries, e)
	c.modSeq = e.modSeq
	m.hold(e.keywords, 1)
	m.messages++
	m.size += e.body.size
	if e.system&mailbox.SystemDeleted != 0 {
		m.flaggedDeleted++
	}
	if e.system&mailbox.SystemSeen == 0 {
		m.unseen++
		c.unseen++
		if m.firstUnseen == 0 {
			m.firstUnseen = e.uid
		}
	}
	return e.uid
}

// setFlags sets the flags of an entry of the chunk.
func (m *box) setFlags(c *chunk, e *entry, system mailbox.SystemFlags, keywords *keywordSet) {
	was := e.system
	e.system = system
	if keywords != e.keywords {
		m.hold(keywords, 1)
		m.release(e.keywords)
		e.keywords = keywords
	}
	e.modSeq = m.modSeq
	c.modSeq = m.modSeq
	m.flaggedDeleted += bit(system, mailbox.SystemDeleted) - bit(was, mailbox.SystemDeleted)
	d := bit(was, mailbox.SystemSeen) - bit(system, mailbox.SystemSeen)
	m.unseen += d
	c.unseen += d
	if d > 0 && (m.firstUnseen == 0 || e.uid < m.firstUnseen) {
		m.firstUnseen = e.uid
	}
}

func bit(flags, flag mailbox.SystemFlags) int {
	if flags&flag != 0 {
		return 1
	}
	return 0
}

// findUnseen updates firstUnseen after a change that may have expunged that message
// or set \Seen. No lower message can be unseen.
func (m *box) findUnseen() {
	from := m.firstUnseen
	m.firstUnseen = 0
	if from == 0 || m.unseen == 0 {
		return
	}
	for ci, i := m.seek(from); ci < len(m.chunks); ci, i = ci+1, 0 {
		c := m.chunks[ci]
		if c.unseen == 0 {
			continue
		}
		for ; i < len(c.entries); i++ {
			if c.entries[i].system&mailbox.SystemSeen == 0 {
				m.firstUnseen = c.entries[i].uid
				return
			}
		}
	}
}

// remove removes these messages, which all exist, from the mailbox, as of
// m.modSeq. It remembers at most limit ranges of removed UIDs.
func (m *box) remove(set mailbox.UIDSet, limit int) {
	ranges := set.Ranges()
	if len(ranges) == 0 {
		return
	}
	ci, _ := m.seek(set.Min())
	start, dirty := ci, false
	for ; ci < len(m.chunks) && len(ranges) > 0; ci++ {
		c := m.chunks[ci]
		if c.last() < ranges[0].First {
			continue
		}
		// Move whole runs, which is cheaper than one entry at a time.
		kept, i := 0, 0
		for len(ranges) > 0 && ranges[0].First <= c.last() {
			lo := i + sort.Search(len(c.entries)-i, func(k int) bool { return c.entries[i+k].uid >= ranges[0].First })
			hi := lo + sort.Search(len(c.entries)-lo, func(k int) bool { return c.entries[lo+k].uid > ranges[0].Last })
			if kept < i {
				copy(c.entries[kept:], c.entries[i:lo])
			}
			kept += lo - i
			for ; lo < hi; lo++ {
				m.forget(c, &c.entries[lo])
			}
			if i = hi; ranges[0].Last > c.last() {
				break // the run continues in the next chunk
			}
			ranges = ranges[1:]
		}
		if kept < i {
			kept += copy(c.entries[kept:], c.entries[i:])
			clear(c.entries[kept:]) // release the bodies
			c.entries = c.entries[:kept]
			dirty = dirty || kept < chunkSize/4
		}
	}
	if dirty {
		m.merge(start, ci)
	}
	m.findUnseen()

	for _, r := range set.Ranges() {
		m.vanished = append(m.vanished, vanished{m.modSeq, r})
	}
	if n := len(m.vanished); n > limit {
		// All ranges of a ModSeq are forgotten together.
		cut := n - limit/2
		for cut < n && m.vanished[cut].modSeq == m.vanished[cut-1].modSeq {
			cut++
		}
		m.forgotten = m.vanished[cut-1].modSeq
		m.vanished = slices.Clone(m.vanished[cut:])
	}
}

// forget subtracts an entry of the chunk, which is about to be removed, from the
// counters.
func (m *box) forget(c *chunk, e *entry) {
	m.messages--
	m.size -= e.body.size
	m.flaggedDeleted -= bit(e.system, mailbox.SystemDeleted)
	unseen := 1 - bit(e.system, mailbox.SystemSeen)
	m.unseen -= unseen
	c.unseen -= unseen
	m.release(e.keywords)
}

// merge drops the empty chunks of [from, to), and joins neighbours that fit into
// one chunk with space left.
func (m *box) merge(from, to int) {
	from = max(from-1, 0)
	to = min(to+1, len(m.chunks))
	kept := m.chunks[:from]
	for _, c := range m.chunks[from:to] {
		if len(c.entries) == 0 {
			continue
		}
		if n := len(kept); n > from {
			if p := kept[n-1]; len(p.entries)+len(c.entries) <= chunkSize/2 {
				p.entries = append(p.entries, c.entries...)
				p.modSeq = max(p.modSeq, c.modSeq)
				p.unseen += c.unseen
				continue
			}
		}
		kept = append(kept, c)
	}
	kept = append(kept, m.chunks[to:]...)
	clear(m.chunks[len(kept):])
	m.chunks = kept
}
