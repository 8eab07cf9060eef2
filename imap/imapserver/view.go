package imapserver

import (
	"sort"
	"unsafe"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// A view is a mailbox as one client knows it: the UIDs of the messages it has
// been told of, and so the meaning of every sequence number it may use.
//
// It is updated in two steps. apply applies the changes of the mailbox
// (mailbox.Changes): it appends new messages at once, since announcing them is
// always allowed, while messages that vanished keep their place and are only
// marked gone, unless they have not been announced yet. takeExpunges, called when
// EXPUNGE may be sent (RFC 3501 §7.4.1, RFC 9051 §7.5.1), removes them and gives
// their numbers. Between the two, a gone message keeps its sequence number but has
// no data.
//
// The UIDs are kept as runs of consecutive numbers with the count of messages
// before each, so that a mailbox of a million messages costs from a few octets
// to a few megabytes and both lookups are binary searches.
//
// A view belongs to the goroutine of its connection.
type view struct {
	runs  []run
	gone  mailbox.UIDSet // in runs, expunged from the mailbox, not announced
	state mailbox.State  // of the mailbox, that has been applied
	hint  int            // index of the run found last: most lookups ascend
}

// A run is a range of consecutive UIDs, all of which are in the view.
type run struct {
	first, last mailbox.UID
	before      uint32 // messages in the runs before this one
}

func (r run) len() uint32 { return uint32(r.last-r.first) + 1 }

// newView returns the view of a client that is told of all messages of the
// snapshot.
func newView(snap mailbox.Snapshot) *view {
	v := &view{state: snap.State}
	v.state.UIDNext = max(v.state.UIDNext, 1)
	ranges := snap.UIDs.Ranges()
	v.runs = make([]run, 0, len(ranges))
	for _, r := range ranges {
		v.appendRange(r.First, r.Last)
	}
	return v
}

// memory returns how many octets the view takes.
func (v *view) memory() int { return cap(v.runs) * int(unsafe.Sizeof(run{})) }

// len returns the number of messages that the client knows of: what EXISTS
// says.
func (v *view) len() uint32 {
	if len(v.runs) == 0 {
		return 0
	}
	r := v.runs[len(v.runs)-1]
	return r.before + r.len()
}

// lastUID returns the UID of the last message, zero in an empty view.
func (v *view) lastUID() mailbox.UID {
	if len(v.runs) == 0 {
		return 0
	}
	return v.runs[len(v.runs)-1].last
}

// appendRange adds UIDs above all that are in the view.
func (v *view) appendRange(first, last mailbox.UID) {
	if n := len(v.runs); n > 0 && v.runs[n-1].last+1 == first {
		v.runs[n-1].last = last
	} else {
		v.runs = append(v.runs, run{first, last, v.len()})
	}
	v.state.UIDNext = max(v.state.UIDNext, last+1)
}

// findRun returns the index of the first run that ends at uid or after it.
func (v *view) findRun(uid mailbox.UID) int {
	for i := v.hint; i < len(v.runs) && i < v.hint+2; i++ {
		if uid <= v.runs[i].last && (i == 0 || uid > v.runs[i-1].last) {
			v.hint = i
			return i
		}
	}
	i := sort.Search(len(v.runs), func(i int) bool { return v.runs[i].last >= uid })
	v.hint = i
	return i
}

// seq returns the sequence number of a message, zero if the client does not
// know of it.
func (v *view) seq(uid mailbox.UID) uint32 {
	i := v.findRun(uid)
	if i == len(v.runs) || v.runs[i].first > uid {
		return 0
	}
	return v.runs[i].before + uint32(uid-v.runs[i].first) + 1
}

// uid returns the UID that belongs to a sequence number, zero if there is no
// such message.
func (v *view) uid(seq uint32) mailbox.UID {
	if seq == 0 || seq > v.len() {
		return 0
	}
	i := sort.Search(len(v.runs), func(i int) bool { return v.runs[i].before >= seq }) - 1
	return v.runs[i].first + mailbox.UID(seq-v.runs[i].before-1)
}

// count returns how many messages of the view have a UID from first to last.
func (v *view) count(first, last mailbox.UID) uint32 {
	if last < first {
		return 0
	}
	return v.rank(last+1) - v.rank(first)
}

// rank returns how many messages of the view have a UID below uid; zero as
// uid stands for the number after the highest.
func (v *view) rank(uid mailbox.UID) uint32 {
	if uid == 0 {
		return v.len()
	}
	i := v.findRun(uid)
	if i == len(v.runs) {
		return v.len()
	}
	if uid <= v.runs[i].first {
		return v.runs[i].before
	}
	return v.runs[i].before + uint32(uid-v.runs[i].first)
}

// countSet returns how many messages of the view are in the set.
func (v *view) countSet(set mailbox.UIDSet) (n uint32) {
	for _, r := range set.Ranges() {
		n += v.count(r.First, r.Last)
	}
	return n
}

// clip limits a set of UIDs to what the client can know of. UIDs that never
// were in the view may remain in it, messages that arrived after it do not.
func (v *view) clip(set mailbox.UIDSet) mailbox.UIDSet {
	if v.state.UIDNext <= 1 {
		return mailbox.UIDSet{}
	}
	return set.Intersect(mailbox.UIDRangeSet(1, v.state.UIDNext-1))
}

// known returns the UIDs of the set that are in the view and not gone.
func (v *view) known(set mailbox.UIDSet) mailbox.UIDSet {
	var out mailbox.UIDSet
	for _, r := range set.Ranges() {
		for i := v.findRun(r.First); i < len(v.runs) && v.runs[i].first <= r.Last; i++ {
			out.AddRange(max(r.First, v.runs[i].first), min(r.Last, v.runs[i].last))
		}
	}
	if !v.gone.IsEmpty() {
		out = out.Subtract(v.gone)
	}
	return out
}

// seqs returns the sequence numbers of the messages of the set.
func (v *view) seqs(set mailbox.UIDSet) imap.NumSet {
	var out imap.NumSet
	for _, r := range v.known(set).Ranges() {
		// What is between two messages of the view takes no numbers.
		first, last := v.seq(r.First), v.seq(r.Last)
		if n := len(out.Ranges); n > 0 && out.Ranges[n-1].Last+1 == first {
			out.Ranges[n-1].Last = last
		} else {
			out.Ranges = append(out.Ranges, imap.NumRange{First: first, Last: last})
		}
	}
	return out
}

// A news is the changes of which the client is to be told.
type news struct {
	first       mailbox.UID    // the lowest UID that has arrived, zero if none has
	changed     mailbox.UIDSet // messages that the client knew, whose flags may have changed; read only
	fewerRecent bool           // messages that were recent are expunged
}

// apply moves the view to the state after ch and adds to the news.
func (v *view) apply(ch mailbox.Changes, n *news) {
	if first := ch.New.Min(); first != 0 && n.first == 0 {
		n.first = first
	}
	for _, r := range ch.New.Ranges() {
		v.appendRange(r.First, r.Last)
	}
	switch {
	case n.changed.IsEmpty():
		n.changed = ch.Changed // which sessions share
	case !ch.Changed.IsEmpty():
		n.changed = n.changed.Union(ch.Changed)
	}
	if !ch.Vanished.IsEmpty() {
		gone := v.known(ch.Vanished)
		if n.first != 0 {
			// The client need not be told of a message that came and went.
			unknown := gone.Intersect(mailbox.UIDRangeSet(n.first, mailbox.MaxUID))
			if !unknown.IsEmpty() {
				v.remove(unknown)
				n.changed = n.changed.Subtract(unknown)
				gone = gone.Subtract(unknown)
			}
		}
		v.gone = v.gone.Union(gone)
	}
	v.state.UIDNext = max(v.state.UIDNext, ch.State.UIDNext)
	v.state.ModSeq = max(v.state.ModSeq, ch.State.ModSeq)
}

// takeExpunges removes the messages that are gone. It yields the number for
// the EXPUNGE response of each, in ascending order of UID, every number
// counted after the removals before it, and returns their UIDs.
func (v *view) takeExpunges(yield func(seq uint32, uid mailbox.UID)) mailbox.UIDSet {
	gone := v.gone
	if gone.IsEmpty() {
		return gone
	}
	removed := uint32(0)
	for uid := range gone.All() {
		if seq := v.seq(uid); seq != 0 {
			yield(seq-removed, uid)
			removed++
		}
	}
	v.gone = mailbox.UIDSet{}
	v.remove(gone)
	return gone
}

// remove takes the UIDs of the set out of the view in one pass.
func (v *view) remove(set mailbox.UIDSet) {
	cut := set.Ranges()
	out := make([]run, 0, len(v.runs)+len(cut))
	n := uint32(0)
	add := func(first, last mailbox.UID) {
		out = append(out, run{first, last, n})
		n += uint32(last-first) + 1
	}
	for _, r := range v.runs {
		for len(cut) > 0 && cut[0].Last < r.first {
			cut = cut[1:]
		}
		from := r.first
		whole := true
		for _, c := range cut {
			if c.First > r.last {
				break
			}
			if c.First > from {
				add(from, c.First-1)
			}
			if c.Last >= r.last {
				whole = false // nothing remains after the removed part
				break
			}
			from = max(from, c.Last+1)
		}
		if whole {
			add(from, r.last)
		}
	}
	v.runs = out
	v.hint = 0
}
