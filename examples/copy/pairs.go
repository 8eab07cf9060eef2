package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// pairs say which message of the target each message of the source has become: the
// n-th UID of a run's Source is the n-th of its Dest. Mostly a mailbox is one run.
type pairs []mailbox.Moved

// add appends a pair.
func (p *pairs) add(source, target mailbox.UID) {
	r := mailbox.Result{Moved: *p}
	r.Add(source, target)
	*p = r.Moved
}

// normalize sorts runs by the source and joins those that continue another.
func (p *pairs) normalize() {
	slices.SortFunc(*p, func(a, b mailbox.Moved) int { return cmp.Compare(a.Source.First, b.Source.First) })
	out := (*p)[:0]
	for _, m := range *p {
		if n := len(out); n > 0 && out[n-1].Source.Last+1 == m.Source.First && out[n-1].Dest.Last+1 == m.Dest.First {
			out[n-1].Source.Last, out[n-1].Dest.Last = m.Source.Last, m.Dest.Last
		} else {
			out = append(out, m)
		}
	}
	*p = out
}

// target returns what a message has become, zero if it has not been copied. The
// pairs are normalized.
func (p pairs) target(source mailbox.UID) mailbox.UID {
	i, found := slices.BinarySearchFunc(p, source, func(m mailbox.Moved, uid mailbox.UID) int {
		switch {
		case m.Source.Last < uid:
			return -1
		case m.Source.First > uid:
			return 1
		}
		return 0
	})
	if !found {
		return 0
	}
	return p[i].Dest.First + source - p[i].Source.First
}

func (p pairs) sources() mailbox.UIDSet {
	ranges := make([]mailbox.UIDRange, len(p))
	for i, m := range p {
		ranges[i] = m.Source
	}
	return mailbox.UIDSetOfRanges(ranges...)
}

func (p pairs) targets() mailbox.UIDSet {
	ranges := make([]mailbox.UIDRange, len(p))
	for i, m := range p {
		ranges[i] = m.Dest
	}
	return mailbox.UIDSetOfRanges(ranges...)
}

// remove removes messages of the source.
func (p *pairs) remove(sources mailbox.UIDSet) {
	var out pairs
	for _, m := range *p {
		for _, r := range mailbox.UIDRangeSet(m.Source.First, m.Source.Last).Subtract(sources).Ranges() {
			first := m.Dest.First + r.First - m.Source.First
			out = append(out, mailbox.Moved{Source: r, Dest: mailbox.UIDRange{First: first, Last: first + r.Last - r.First}})
		}
	}
	*p = out
}

// without returns the sources whose targets are not in the set.
func (p pairs) without(targets mailbox.UIDSet) mailbox.UIDSet {
	var out mailbox.UIDSet
	for _, m := range p {
		for _, r := range mailbox.UIDRangeSet(m.Dest.First, m.Dest.Last).Subtract(targets).Ranges() {
			first := m.Source.First + r.First - m.Dest.First
			out.AddRange(first, first+r.Last-r.First)
		}
	}
	return out
}

// String writes pairs as "1:3=4:6,7=9".
func (p pairs) String() string {
	var b strings.Builder
	for i, m := range p {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%s=%s", mailbox.UIDRangeSet(m.Source.First, m.Source.Last), mailbox.UIDRangeSet(m.Dest.First, m.Dest.Last))
	}
	return b.String()
}

func parsePairs(s string) (pairs, error) {
	var out pairs
	for run := range strings.SplitSeq(s, ",") {
		source, dest, _ := strings.Cut(run, "=")
		a, err := mailbox.ParseUIDSet(source)
		if err != nil {
			return nil, err
		}
		b, err := mailbox.ParseUIDSet(dest)
		if err != nil {
			return nil, err
		}
		if len(a.Ranges()) != 1 || len(b.Ranges()) != 1 || a.Len() != b.Len() {
			return nil, fmt.Errorf("%q pairs nothing", run)
		}
		out = append(out, mailbox.Moved{Source: a.Ranges()[0], Dest: b.Ranges()[0]})
	}
	return out, nil
}
