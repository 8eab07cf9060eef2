package mailboxtest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// A Lack is a set of promises of package mailbox that a store can't keep, since it
// stands in front of a server that does not make them. What the suite checks instead
// is written at each.
type Lack uint32

// The promises that can be missing.
const (
	// LackSteps: results need not have Steps that lead a view on. If something was
	// changed they must have some ([mailbox.UnknownSteps]), and none that lead it
	// to a wrong state.
	LackSteps Lack = 1 << iota

	// LackOneModSeq: what one call of Append, Copy or Move adds may have several
	// ModSeqs, as if it had been added by several calls.
	LackOneModSeq

	// LackSuperiors: Create creates the superiors of a mailbox too.
	LackSuperiors

	// LackEmpty: messages of no octets are refused.
	LackEmpty

	// LackOctets: NUL, bare CR and LF, and octets above 127 in a header may be
	// changed. Other messages are kept as they are.
	LackOctets

	// LackKeywords: keywords that are no atoms (RFC 9051 §9) are left out.
	LackKeywords

	// LackModSeqs: mod-sequences are given when a change is seen, so that several
	// changes may share one.
	LackModSeqs

	// LackCounters: in the Status of a list, FirstUnseen, Deleted and Size may be
	// zero, and HighestModSeq that of an earlier moment.
	LackCounters

	// LackSummary: the structure is not Located, previews may be others than
	// message.Parse makes, and summaries of malformed messages may be wrong. The
	// envelopes and trees of well-formed ones are right.
	LackSummary

	// LackDates: dates have the right second from 1970 to 2037, but not the zone
	// that was given.
	LackDates

	// LackNames: some valid names are refused, among them long ones, but none of
	// letters, digits and blanks.
	LackNames

	// LackSubscriptions: only names that exist can be subscribed to.
	LackSubscriptions

	// LackRaces: of calls at the same time that rename a mailbox, those that come
	// too late may return any error; and nothing is written into a mailbox while
	// it is deleted.
	LackRaces

	// LackSetQuota: quotas can be read, and not set; a mailbox that nothing limits
	// may have no root.
	LackSetQuota

	// LackQuotaUnits: quotas of storage are in units of 1024 octets, and changes
	// of them are not made at once.
	LackQuotaUnits

	// LackOneExpunger: of two stores on the same data, both may report that they
	// have expunged a message, if they tried at the same time.
	LackOneExpunger

	// LackOwnHeap: the server runs in the process of the test, and what it
	// allocates can't be told from what the store does: what Messages holds is
	// measured between steps only.
	LackOwnHeap

	// LackNUL: messages with NUL are refused.
	LackNUL
)

// lacks reports whether the store lacks any of these.
func (s *suite) lacks(l Lack) bool { return s.Lacks&l != 0 }

// Create makes a mailbox. With LackSuperiors, one that exists as the superior of
// another only counts as not there.
func (f *fixture) Create(ctx context.Context, name string, opts *mailbox.CreateOptions) (mailbox.Info, error) {
	info, err := f.Account.Create(ctx, name, opts)
	canonical := mailbox.CanonicalName(name)
	if errors.Is(err, mailbox.ErrExist) && f.implied(canonical) {
		m, openErr := f.Account.Mailbox(ctx, name)
		if openErr != nil {
			return info, openErr
		}
		info, err = m.Info(), nil
	}
	if err == nil && f.lacks(LackSuperiors) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.made[canonical] = true
		for at := range canonical {
			if superior := canonical[:at]; canonical[at] == '/' && !f.made[superior] {
				f.superiors[superior] = true
			}
		}
	}
	return info, err
}

// Rename renames a mailbox.
func (f *fixture) Rename(ctx context.Context, from, to string) error {
	err := f.Account.Rename(ctx, from, to)
	if err == nil && f.lacks(LackSuperiors) {
		from, to = mailbox.CanonicalName(from), mailbox.CanonicalName(to)
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, set := range []map[string]bool{f.made, f.superiors} {
			for name := range set {
				if name == from || strings.HasPrefix(name, from+"/") {
					delete(set, name)
					set[to+name[len(from):]] = true
				}
			}
		}
		for at := range to {
			if superior := to[:at]; to[at] == '/' && !f.made[superior] {
				f.superiors[superior] = true
			}
		}
	}
	return err
}

// Delete deletes a mailbox.
func (f *fixture) Delete(ctx context.Context, name string) error {
	err := f.Account.Delete(ctx, name)
	if err == nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.made, mailbox.CanonicalName(name))
	}
	return err
}

// subscribeTo subscribes to a name that does not exist.
func (f *fixture) subscribeTo(t testing.TB, name string) {
	t.Helper()
	if f.lacks(LackSubscriptions) {
		f.box(t, name)
		require.NoError(t, f.Subscribe(f.ctx, name, true))
		require.NoError(t, f.Delete(f.ctx, name))
		return
	}
	require.NoError(t, f.Subscribe(f.ctx, name, true))
}

// implied reports whether a mailbox exists only as the superior of another.
func (f *fixture) implied(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.superiors[name] && !f.made[name] && name != mailbox.Inbox
}

// requireSteps checks the steps of a call that has brought a mailbox from one state to
// another.
func (s *suite) requireSteps(t testing.TB, steps mailbox.Steps, from, to mailbox.ModSeq) {
	t.Helper()
	got, ok := steps.Advance(from)
	if s.lacks(LackSteps) && !ok {
		return
	}
	require.True(t, ok, "nobody else changes the mailbox")
	require.Equal(t, to, got)
}

// requireOwn checks that a ModSeq is of a change of the call that has these steps.
func (s *suite) requireOwn(t testing.TB, steps mailbox.Steps, m mailbox.ModSeq) {
	t.Helper()
	if !s.lacks(LackSteps) {
		require.True(t, steps.Has(m))
	}
}
