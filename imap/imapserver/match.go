package imapserver

import (
	"slices"
	"time"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// A level says what must be read of a message to decide a key.
type level uint8

const (
	needsEntry level = 1 << iota
	needsSummary
	needsContent
)

// want returns what Mailbox.Messages is asked for to decide keys of the level
// and those below.
func (l level) want() mailbox.Want {
	switch l {
	case needsSummary:
		return mailbox.WantSummary
	case needsContent:
		return mailbox.WantSummary | mailbox.WantContent
	}
	return mailbox.WantEntry
}

// A verdict on a message; unknown as long as not enough of it has been read.
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

// A program is a search, compiled for one session: sets resolved, texts folded.
type program struct {
	session *Session
	levels  level // of all its tests together
	texts   int   // tests that read contents
	scan    scanner
}

// A candidate is a message under test.
type candidate struct {
	*program
	msg   *mailbox.Message
	level level // what has been read of msg
}

// A node of a program.
type node interface {
	eval(*candidate) (verdict, error)
	cost() level
}

// A test is a leaf.
type test struct {
	level level
	try   func(*candidate) (bool, error)
}

func (t test) cost() level { return t.level }

func (t test) eval(c *candidate) (verdict, error) {
	if t.level > c.level {
		return unknown, nil
	}
	ok, err := t.try(c)
	return verdictOf(ok), err
}

// allOf is the conjunction of its nodes, cheapest first.
type allOf []node

func (a allOf) cost() (l level) {
	for _, n := range a {
		l = max(l, n.cost())
	}
	return l
}

func (a allOf) eval(c *candidate) (verdict, error) {
	out := match
	for _, n := range a {
		switch v, err := n.eval(c); {
		case err != nil || v == mismatch:
			return mismatch, err
		case v == unknown:
			out = unknown
		}
	}
	return out, nil
}

type anyOf [2]node

func (o anyOf) cost() level { return max(o[0].cost(), o[1].cost()) }

func (o anyOf) eval(c *candidate) (verdict, error) {
	out := mismatch
	for _, n := range o {
		switch v, err := n.eval(c); {
		case err != nil || v == match:
			return v, err
		case v == unknown:
			out = unknown
		}
	}
	return out, nil
}

type negation struct{ node }

func (n negation) eval(c *candidate) (verdict, error) {
	v, err := n.node.eval(c)
	switch v {
	case match:
		v = mismatch
	case mismatch:
		v = match
	}
	return v, err
}

// maxTexts bounds the keys of one search that read contents: each may read
// every message of the mailbox.
const maxTexts = 64

// compile turns a key into a node. Kinds of keys that no extension of this
// server knows are refused.
func (p *program) compile(key search.Key) (node, error) {
	entry := func(match func(e *mailbox.Entry) bool) (node, error) {
		p.levels |= needsEntry
		return test{needsEntry, func(c *candidate) (bool, error) { return match(&c.msg.Entry), nil }}, nil
	}
	switch k := key.(type) {
	case search.All:
		return test{0, func(*candidate) (bool, error) { return true, nil }}, nil
	case search.And:
		all := make(allOf, 0, len(k))
		for _, sub := range k {
			n, err := p.compile(sub)
			if err != nil {
				return nil, err
			}
			all = append(all, n)
		}
		slices.SortStableFunc(all, func(a, b node) int { return int(a.cost()) - int(b.cost()) })
		return all, nil
	case search.Or:
		a, err := p.compile(k.A)
		if err != nil {
			return nil, err
		}
		b, err := p.compile(k.B)
		if err != nil {
			return nil, err
		}
		if b.cost() < a.cost() {
			a, b = b, a
		}
		return anyOf{a, b}, nil
	case search.Not:
		n, err := p.compile(k.Key)
		return negation{n}, err
	case imap.SearchSeq:
		return p.numbers(k.Set, false)
	case imap.SearchUID:
		return p.numbers(k.Set, true)
	case search.Flag:
		return entry(func(e *mailbox.Entry) bool { return e.Flags.Has(k.Flag) != k.Absent })
	case imap.SearchRecent:
		recent := p.session.sel.recent
		return entry(func(e *mailbox.Entry) bool { return recent.Contains(e.UID) != k.Absent })
	case search.Size:
		return entry(func(e *mailbox.Entry) bool { return k.Larger && e.Size > k.N || !k.Larger && e.Size < k.N })
	case search.Date:
		switch k.Field {
		case search.InternalDate:
			return entry(func(e *mailbox.Entry) bool { return compareDate(e.InternalDate, k.Op, k.Day) })
		case search.SentDate:
			p.levels |= needsSummary
			return test{needsSummary, func(c *candidate) (bool, error) {
				sent := c.msg.Summary.Envelope.Time
				return !sent.IsZero() && compareDate(sent, k.Op, k.Day), nil
			}}, nil
		}
	case search.Header:
		return p.headerTest(k)
	case search.Body:
		return p.textTest(k.Value, false)
	case search.Text:
		return p.textTest(k.Value, true)
	}
	return nil, bad("unknown search key")
}

// numbers tests a message by its number, for which nothing is to be read.
func (p *program) numbers(nums imap.NumSet, uid bool) (node, error) {
	set, err := p.session.resolve(nums, uid)
	return test{0, func(c *candidate) (bool, error) { return set.Contains(c.msg.UID), nil }}, err
}

// compareDate compares the day of t, in the zone that t has, with another day:
// RFC 9051 §6.4.4 disregards time and zone.
func compareDate(t time.Time, op search.DateOp, day time.Time) bool {
	y, m, d := t.Date()
	at := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	switch op {
	case search.Before:
		return at.Before(day)
	case search.Since:
		return !at.Before(day)
	}
	return at.Equal(day)
}
