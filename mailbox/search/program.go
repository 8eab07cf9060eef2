package search

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// A verdict on a message; unknown until enough of it has been read.
type verdict uint8

const (
	unknown verdict = iota
	mismatch
	match
)

func verdictOf(ok bool) verdict {
	if ok {
		return match
	}
	return mismatch
}

// A run is the state of a search at one message.
type run struct {
	*Program
	meter
	now   time.Time // for Within
	msg   *mailbox.Message
	have  needs     // the parts of msg that have been read
	found []verdict // for each of texts, about msg; unknown until it is read
	lines []line    // of the envelope of msg, for each of fields
	scan  scanner
}

func (p *Program) newRun(ctx context.Context) *run {
	return &run{Program: p, meter: meter{ctx: ctx, work: p.work}, now: time.Now(), lines: make([]line, len(p.fields))}
}

// judge returns the verdict on a message of which the parts of have were read.
func (r *run) judge(msg *mailbox.Message, have needs) (verdict, error) {
	if err := r.spend(messageCost + keyCost*r.leaves); err != nil {
		return unknown, err
	}
	r.msg, r.have = msg, have.all()
	for i := range r.lines {
		r.lines[i].made = false
	}
	if len(r.texts) > 0 {
		r.found = append(r.found[:0], make([]verdict, len(r.texts))...)
	}
	v := r.root.eval(r)
	if v == unknown && r.err == nil && r.have&needsHeader != 0 {
		err := r.readTexts()
		if v = r.root.eval(r); v == unknown && r.err == nil {
			return v, err
		}
	}
	return v, r.err
}

// A node of a program.
type node interface {
	eval(*run) verdict
	bounds(*scope, mailbox.UIDSet) (bounds, error)
	cost() needs
}

// A test is a leaf: a key, and the function that decides it once the parts that
// it needs are read.
type test struct {
	key   Key
	needs needs
	try   func(*run) verdict
}

func (t test) cost() needs { return t.needs }

func (t test) eval(r *run) verdict {
	if t.needs&^r.have != 0 || r.err != nil {
		return unknown
	}
	return t.try(r)
}

// allOf is the conjunction of its nodes, cheapest first.
type allOf []node

func (a allOf) cost() (n needs) {
	for _, sub := range a {
		n = max(n, sub.cost())
	}
	return n
}

func (a allOf) eval(r *run) verdict {
	out := match
	for _, n := range a {
		switch n.eval(r) {
		case mismatch:
			return mismatch
		case unknown:
			out = unknown
		}
	}
	return out
}

// anyOf is the disjunction of its nodes, cheapest first.
type anyOf [2]node

func (o anyOf) cost() needs { return max(o[0].cost(), o[1].cost()) }

func (o anyOf) eval(r *run) verdict {
	out := mismatch
	for _, n := range o {
		switch n.eval(r) {
		case match:
			return match
		case unknown:
			out = unknown
		}
	}
	return out
}

type negation struct{ node }

func (n negation) eval(r *run) verdict {
	switch n.node.eval(r) {
	case match:
		return mismatch
	case mismatch:
		return match
	}
	return unknown
}

func cheapestFirst(a, b node) int { return int(a.cost()) - int(b.cost()) }

// compile turns a key into a node.
func (p *Program) compile(key Key) (node, error) {
	switch k := key.(type) {
	case And:
		all := make(allOf, 0, len(k))
		for _, sub := range k {
			n, err := p.compile(sub)
			if err != nil {
				return nil, err
			}
			all = append(all, n)
		}
		slices.SortStableFunc(all, cheapestFirst)
		return all, nil
	case Or:
		a, err := p.compile(k.A)
		if err != nil {
			return nil, err
		}
		b, err := p.compile(k.B)
		if err != nil {
			return nil, err
		}
		either := anyOf{a, b}
		slices.SortStableFunc(either[:], cheapestFirst)
		return either, nil
	case Not:
		n, err := p.compile(k.Key)
		return negation{n}, err
	case Body:
		if k.Value == "" { // every text contains it
			key = All{}
		}
	case Text:
		if k.Value == "" {
			key = All{}
		}
	}
	t, ok := p.leaf(key)
	if !ok {
		return nil, fmt.Errorf("%w: %T", ErrUnknownKey, key)
	}
	t.key = key
	p.needs |= t.needs
	p.leaves++
	return t, nil
}

// leaf returns the test for a key that contains no others.
func (p *Program) leaf(key Key) (t test, ok bool) {
	field := func(n needs, match func(e *mailbox.Entry) bool) (test, bool) {
		return test{needs: n, try: func(r *run) verdict { return verdictOf(match(&r.msg.Entry)) }}, true
	}
	entry := func(match func(e *mailbox.Entry) bool) (test, bool) { return field(needsEntry, match) }
	switch k := key.(type) {
	case All:
		return test{try: func(*run) verdict { return match }}, true
	case UID:
		return test{try: func(r *run) verdict { return verdictOf(k.Set.Contains(r.msg.UID)) }}, true
	case Flag:
		return field(needsFlags, func(e *mailbox.Entry) bool { return e.Flags.Has(k.Flag) != k.Absent })
	case Size:
		return entry(func(e *mailbox.Entry) bool { return k.Larger && e.Size > k.N || !k.Larger && e.Size < k.N })
	case ModSeq:
		return field(needsFlags, func(e *mailbox.Entry) bool { return e.ModSeq >= k.N })
	case EmailID:
		return entry(func(e *mailbox.Entry) bool { return k.ID != "" && e.EmailID == k.ID })
	case ThreadID:
		return entry(func(e *mailbox.Entry) bool { return k.ID != "" && e.ThreadID == k.ID })
	case SaveDateSupported:
		return entry(func(e *mailbox.Entry) bool { return !e.SaveDate.IsZero() })
	case Within:
		// RFC 5032 §2: to the second, and both include the target.
		return test{needs: needsEntry, try: func(r *run) verdict {
			age := r.now.Unix() - r.msg.InternalDate.Unix()
			if k.Younger {
				return verdictOf(age <= int64(k.Seconds))
			}
			return verdictOf(age >= int64(k.Seconds))
		}}, true
	case Date:
		switch k.Field {
		case InternalDate:
			return entry(func(e *mailbox.Entry) bool { return k.matches(e.InternalDate) })
		case SaveDate:
			return entry(func(e *mailbox.Entry) bool {
				if e.SaveDate.IsZero() {
					return k.matches(e.InternalDate) // RFC 8514 §4.3
				}
				return k.matches(e.SaveDate)
			})
		case SentDate:
			return test{needs: needsEnvelope, try: func(r *run) verdict {
				sent := r.msg.Envelope.Time
				return verdictOf(!sent.IsZero() && k.matches(sent))
			}}, true
		}
	case Header:
		if text := envelopeText(k.Field); text != nil && k.Value != "" {
			needle, i := fold(nil, []byte(k.Value)), p.fieldNumber(k.Field)
			return test{needs: needsEnvelope, try: func(r *run) verdict {
				line := r.line(i, text)
				if r.spend(len(line)) != nil {
					return unknown
				}
				return verdictOf(bytes.Contains(line, needle))
			}}, true
		}
		return p.textTest(needsHeader, textTest{field: strings.ToLower(k.Field)}, k.Value), true
	case Body:
		return p.textTest(needsContent, textTest{inBody: true}, k.Value), true
	case Text:
		return p.textTest(needsContent, textTest{inHeader: true, inBody: true}, k.Value), true
	}
	return test{}, false
}

// fieldNumber returns the number of a field of the envelope among those of the
// program.
func (p *Program) fieldNumber(name string) int {
	name = strings.ToLower(name)
	i, ok := p.fields[name]
	if !ok {
		i = len(p.fields)
		p.fields[name] = i
	}
	return i
}

// matches compares the day of t, in the zone that t has, with the day of the
// key: RFC 9051 §6.4.4 disregards time and zone.
func (k Date) matches(t time.Time) bool {
	at := dayOf(t)
	switch k.Op {
	case DateBefore:
		return at.Before(k.Day)
	case DateSince:
		return !at.Before(k.Day)
	}
	return at.Equal(k.Day)
}
