package imapstore

import "github.com/posthorn-mail/posthorn/mailbox"

// past is what this Store remembers of the messages that have left a mailbox: a
// reader whose state is not older than that is told exactly which. It is only a
// saving, since any UID that is missing may be named instead.
//
// UIDs are looked at together with two mod-sequences: what has gone from them has
// done so before the later one was read.
type past struct {
	known bool
	uids  mailbox.UIDSet // as last seen
	next  mailbox.UID    // uids is complete below it
	last  mailbox.ModSeq
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

// observe takes all UIDs below next, which were read before the mod-sequence.
func (p *past) observe(uids mailbox.UIDSet, next mailbox.UID, modSeq mailbox.ModSeq) {
	if !p.known {
		*p = past{known: true, uids: uids, next: next, last: modSeq, floor: modSeq}
		return
	}
	if gone := p.missing(uids, next); !gone.IsEmpty() {
		p.same = p.same || modSeq <= p.last
		p.uids = p.uids.Subtract(gone)
		p.gone = append(p.gone, departure{modSeq, gone})
		if n := len(p.gone); n > maxDepartures {
			p.floor = max(p.floor, p.gone[0].at)
			p.gone = append(p.gone[:0], p.gone[1:]...)
		}
	}
	if next > p.next {
		p.uids = p.uids.Union(uids.Intersect(mailbox.UIDRangeSet(p.next, mailbox.MaxUID)))
		p.next = next
	}
	p.last = max(p.last, modSeq)
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
