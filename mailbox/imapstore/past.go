package imapstore

import "github.com/posthorn-mail/posthorn/mailbox"

// past is what this Store remembers of the messages that have left a mailbox: a
// reader whose state is not older than that is told exactly which. It is only a
// saving, since any UID that is missing may be named instead.
//
// UIDs are looked at between two readings of the mod-sequence: what is missing from
// them left before the later one.
type past struct {
	known bool
	uids  mailbox.UIDSet // as last seen
	next  mailbox.UID    // uids is complete below it
	first mailbox.ModSeq // the highest one that was read before UIDs were looked at
	last  mailbox.ModSeq // and after
	gone  []departure
	floor mailbox.ModSeq // what left later is in gone

	// same says that a message has left without the mod-sequence moving on, as
	// servers without QRESYNC may let it (RFC 7162 §3.1.2.1).
	same bool
}

// departure is messages that have left by the time of a mod-sequence.
type departure struct {
	at   mailbox.ModSeq
	uids mailbox.UIDSet
}

// maxDepartures bounds what is remembered.
const maxDepartures = 256

// missing returns which messages have left, given all UIDs below next.
func (p *past) missing(uids mailbox.UIDSet, next mailbox.UID) mailbox.UIDSet {
	if next <= 1 {
		return mailbox.UIDSet{}
	}
	return p.uids.Intersect(mailbox.UIDRangeSet(1, min(next, p.next)-1)).Subtract(uids)
}

// late returns which messages another connection has seen leave before these UIDs,
// which were read earlier, are looked at. Their reader knows messages that may never
// have been among p.uids.
func (p *past) late(uids mailbox.UIDSet, next mailbox.UID) mailbox.UIDSet {
	end := min(next, p.next)
	if end <= 1 {
		return mailbox.UIDSet{}
	}
	return uids.Intersect(mailbox.UIDRangeSet(1, end-1)).Subtract(p.uids)
}

// news reports whether observe has something to learn from all UIDs below next.
func (p *past) news(uids mailbox.UIDSet, next mailbox.UID) bool {
	return !p.known || next > p.next || !p.missing(uids, next).IsEmpty() || !p.late(uids, next).IsEmpty()
}

// observe takes all UIDs below next, and the mod-sequences before and after.
func (p *past) observe(uids mailbox.UIDSet, next mailbox.UID, before, after mailbox.ModSeq) {
	if !p.known {
		*p = past{known: true, uids: uids, next: next, first: before, last: after, floor: after}
		return
	}
	if gone := p.missing(uids, next); !gone.IsEmpty() {
		p.same = p.same || after <= p.first
		p.uids = p.uids.Subtract(gone)
		p.depart(after, gone)
	}
	if late := p.late(uids, next); !late.IsEmpty() {
		p.depart(max(after, p.last), late) // who saw them leave read p.last later
	}
	if next > p.next {
		p.uids = p.uids.Union(uids.Intersect(mailbox.UIDRangeSet(p.next, mailbox.MaxUID)))
		p.next = next
	}
	p.first, p.last = max(p.first, before), max(p.last, after)
}

func (p *past) depart(at mailbox.ModSeq, gone mailbox.UIDSet) {
	p.gone = append(p.gone, departure{at, gone})
	if len(p.gone) > maxDepartures {
		p.floor = max(p.floor, p.gone[0].at)
		p.gone = append(p.gone[:0], p.gone[1:]...)
	}
}

// since returns which messages have left after a mod-sequence; ok is false if that
// is no longer known.
func (p *past) since(modSeq mailbox.ModSeq) (gone mailbox.UIDSet, ok bool) {
	if !p.known || modSeq < p.floor {
		return gone, false
	}
	for _, d := range p.gone {
		if d.at > modSeq || p.same && d.at == modSeq {
			gone = gone.Union(d.uids)
		}
	}
	return gone, true
}
