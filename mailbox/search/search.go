package search

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// Defaults of Options.
const (
	DefaultMaxTime  = 5 * time.Minute
	DefaultMaxTexts = 64
)

// Options bound a search. The zero value, and nil, mean the defaults.
type Options struct {
	// MaxTime bounds one Find, or one iteration of Matches, including
	// the loop body of the caller. Zero: DefaultMaxTime; negative: only the
	// limit of the context.
	MaxTime time.Duration

	// MaxTexts bounds how many keys may search contents for a text: each takes
	// time for every octet that is read. Zero: DefaultMaxTexts;
	// negative: no limit.
	MaxTexts int

	// Work, unless nil, is called as the search goes on, with the units of work that
	// have been done since the last call: a unit takes about a microsecond, as a
	// kilobyte that is searched for one text or a message that is looked at. It may
	// wait, and its error ends the search. The context is that of the search, with the
	// limit of MaxTime.
	Work func(ctx context.Context, units int) error
}

// Errors that Compile, Find and Matches return, wrapped.
var (
	// ErrLimit: a limit of Options is exceeded.
	ErrLimit = errors.New("search: limit exceeded")

	// ErrUnknownKey: the tree has a key that is not of this package.
	ErrUnknownKey = errors.New("search: unknown key")
)

// A Program is a compiled search. It may be used by many goroutines.
type Program struct {
	root     node
	needs    needs          // of all its tests together
	texts    []textTest     // texts to find in contents
	textKeys int            // keys that have a text in texts
	longest  int            // octets of the longest of texts
	leaves   int            // keys that contain no others
	fields   map[string]int // numbers of the fields of the envelope that are searched
	maxTime  time.Duration
	work     func(context.Context, int) error
}

// Compile checks a tree of keys and prepares a search. ErrLimit, ErrUnknownKey.
// opts may be nil.
func Compile(key Key, opts *Options) (*Program, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.MaxTime == 0 {
		o.MaxTime = DefaultMaxTime
	}
	if o.MaxTexts == 0 {
		o.MaxTexts = DefaultMaxTexts
	}
	p := &Program{maxTime: o.MaxTime, work: o.Work, fields: make(map[string]int)}
	var err error
	if p.root, err = p.compile(key); err != nil {
		return nil, err
	}
	if o.MaxTexts > 0 && p.textKeys > o.MaxTexts {
		return nil, fmt.Errorf("%w: %d texts to look for at once", ErrLimit, p.textKeys)
	}
	for _, t := range p.texts {
		p.longest = max(p.longest, len(t.needle))
	}
	return p, nil
}

// Find returns the messages of within that match. It is [Compile] and
// [Program.Find].
func Find(ctx context.Context, m mailbox.Mailbox, within mailbox.UIDSet, key Key, opts *Options) (mailbox.UIDSet, error) {
	p, err := Compile(key, opts)
	if err != nil {
		return mailbox.UIDSet{}, err
	}
	return p.Find(ctx, m, within)
}

// Find returns the messages of within that match. It skips messages that can't be
// read, which [Program.Matches] reports. On error it also returns the messages
// found before.
func (p *Program) Find(ctx context.Context, m mailbox.Mailbox, within mailbox.UIDSet) (mailbox.UIDSet, error) {
	var found mailbox.UIDSet
	for uid, err := range p.Matches(ctx, m, within) {
		switch {
		case err == nil:
			found.Add(uid)
		case asMessageError(err) == nil:
			return found, err
		}
	}
	return found, nil
}

// UIDs returns the UIDs of within that match, if the search depends on nothing but
// the UID; otherwise ok is false. It reads nothing, so the set may include UIDs
// that do not exist.
func (p *Program) UIDs(within mailbox.UIDSet) (set mailbox.UIDSet, ok bool) {
	if p.needs != 0 {
		return mailbox.UIDSet{}, false
	}
	b, _ := p.root.bounds(&scope{meter: meter{ctx: context.Background()}}, within) // no error without a mailbox
	return b.maybe, true
}

// Matches yields the messages of within that match, in ascending order of UID,
// each as soon as it and all lower UIDs are decided: a caller that breaks the loop
// after the first match causes no other contents to be read. Matches ignores UIDs
// of within that do not exist. A message that is expunged during the search may be
// found or not.
//
// A damaged message does not affect others: if the damaged part is needed for a
// decision, Matches yields a *MessageError with the UID, in no particular order,
// and continues. Any other error ends the iteration: one of the mailbox, that of a
// context that is done, ErrLimit, or the error of Options.Work. Matches checks the context between messages
// and within a large one.
func (p *Program) Matches(ctx context.Context, m mailbox.Mailbox, within mailbox.UIDSet) iter.Seq2[mailbox.UID, error] {
	return func(yield func(mailbox.UID, error) bool) {
		limited, cancel := ctx, context.CancelFunc(func() {})
		if p.maxTime > 0 {
			limited, cancel = context.WithTimeoutCause(ctx, p.maxTime, ErrLimit)
		}
		defer cancel()
		if err := p.matches(limited, m, within, yield); err != nil {
			if ctx.Err() == nil && limited.Err() != nil {
				err = fmt.Errorf("%w: it took longer than %v", ErrLimit, p.maxTime)
			}
			yield(0, err)
		}
	}
}

// matches is Matches without the limit. It also returns nil if the caller stops
// the iteration.
func (p *Program) matches(ctx context.Context, m mailbox.Mailbox, within mailbox.UIDSet, yield func(mailbox.UID, error) bool) error {
	b, err := p.root.bounds(&scope{meter: meter{ctx: ctx, work: p.work}, box: m}, within)
	if err != nil || b.maybe.IsEmpty() {
		return err
	}
	open := b.maybe
	if p.needs == 0 {
		snap, err := m.Snapshot(ctx)
		if err != nil {
			return err
		}
		rest := queue{ranges: open.Intersect(snap.UIDs).Ranges()}
		rest.yieldTo(mailbox.MaxUID, yield)
		return nil
	}
	r := p.newRun(ctx)
	var found queue // by the passes before the last
	passes := p.needs.passes()
	for i, pass := range passes {
		last := i == len(passes)-1
		var matched, undecided mailbox.UIDSet
		for msg, err := range m.Messages(ctx, open, pass.want()) {
			if err == nil {
				err = ctx.Err()
			}
			var v verdict
			if err == nil {
				v, err = r.judge(msg, pass)
			}
			more := true
			switch {
			case err != nil:
				damaged := asMessageError(err)
				if damaged == nil {
					return err
				}
				more = yield(damaged.UID, damaged)
			case v == unknown:
				undecided.Add(msg.UID)
			case v == match && last:
				more = found.yieldTo(msg.UID, yield) && yield(msg.UID, nil)
			case v == match:
				matched.Add(msg.UID)
			}
			if !more {
				return nil
			}
		}
		found.ranges = mailbox.UIDSetOfRanges(found.ranges...).Union(matched).Ranges()
		if open = undecided; open.IsEmpty() {
			break
		}
	}
	found.yieldTo(mailbox.MaxUID, yield)
	return nil
}

// A queue holds UIDs that are to be yielded after lower ones.
type queue struct {
	ranges []mailbox.UIDRange
	next   uint64 // the lowest that has not been yielded; no UID, since it may be above the highest
}

// yieldTo yields the remaining UIDs up to uid, and reports whether the caller
// continues.
func (q *queue) yieldTo(uid mailbox.UID, yield func(mailbox.UID, error) bool) bool {
	for len(q.ranges) > 0 {
		r := q.ranges[0]
		for n := max(q.next, uint64(r.First)); n <= uint64(min(r.Last, uid)); n++ {
			if q.next = n + 1; !yield(mailbox.UID(n), nil) {
				return false
			}
		}
		if r.Last > uid {
			break
		}
		q.ranges = q.ranges[1:]
	}
	return true
}

// Match reports whether a message matches, which Mailbox.Messages has yielded with
// at least [Program.Want]. The error is a *MessageError if it can't be read.
func (p *Program) Match(ctx context.Context, msg *mailbox.Message) (bool, error) {
	r := p.newRun(ctx)
	v, err := r.judge(msg, p.needs)
	return v == match, err
}

// Want returns the parts that Match needs of a message.
func (p *Program) Want() mailbox.Want { return p.needs.want() }
