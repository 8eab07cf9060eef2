package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// A mover copies one mailbox.
type mover struct {
	*copier
	*worker
	name, target string
	src, dst     box
	rec          *record
	next         mailbox.UID    // no message that is appended from now on has a UID below it
	refused      mailbox.UIDSet // could not be copied
}

// run brings the mailbox on the target in step with that at the source.
func (m *mover) run(ctx context.Context) error {
	var err error
	if m.src, err = m.from.open(ctx, m.name, true); err != nil {
		return err
	}
	if m.dst, err = m.to.open(ctx, m.target, m.dryRun); err != nil {
		if m.dryRun && errors.Is(err, mailbox.ErrNotExist) {
			n := m.src.status().messages
			m.progress.result(n, m.say("%s: would be created, %d messages to copy", m.name, n))
			return nil
		}
		return err
	}
	before, there := m.src.status(), m.dst.status()
	var fresh bool
	if m.rec, fresh, err = m.journal.box(m.name, m.target, before.validity, there.validity); err != nil {
		return err
	}
	interrupted, err := m.journal.suspect(m.rec)
	if err != nil {
		return err
	}
	if interrupted {
		if err := m.dst.settle(ctx); err != nil {
			return err
		}
	}
	sources, err := m.src.uids(ctx)
	if err != nil {
		return err
	}
	targets, err := m.dst.uids(ctx)
	if err != nil {
		return err
	}
	m.next = max(there.next, targets.Max()+1)

	// What somebody has removed from the target is copied again.
	m.rec.pairs.normalize()
	if err := m.journal.gone(m.rec, m.rec.pairs.without(targets).Intersect(sources)); err != nil {
		return err
	}
	old := m.rec.pairs.sources()
	unknown, missing := targets.Subtract(m.rec.pairs.targets()), sources.Subtract(old)
	if err := m.recognize(ctx, fresh, unknown, missing); err != nil {
		return err
	}
	missing = sources.Subtract(m.rec.pairs.sources())
	gone := m.rec.pairs.sources().Subtract(sources)
	m.progress.planned(m.name, missing.Len())

	if m.dryRun {
		changes, err := m.flags(ctx, m.rec.pairs.sources().Intersect(sources))
		if err != nil {
			return err
		}
		m.progress.result(missing.Len(), m.say("%s: %d messages to copy, %d to change flags of%s", m.name, missing.Len(), changes.count(), m.deletions(gone, "to delete")))
		return nil
	}
	again := m.rec.pairs.sources().Intersect(sources) // were here before
	if err := m.transfer(ctx, missing); err != nil {
		return err
	}
	m.rec.pairs.normalize()
	if err := m.delivered(ctx, missing); err != nil {
		return err
	}
	changes, err := m.flags(ctx, again)
	if err != nil {
		return err
	}
	if err := changes.apply(ctx, m.dst); err != nil {
		return fmt.Errorf("changing flags: %w", err)
	}
	if m.delete && !gone.IsEmpty() {
		if err := m.expunge(ctx, gone); err != nil {
			return err
		}
	}
	if interrupted {
		if err := m.removeLate(ctx, sources); err != nil {
			return err
		}
	}
	if err := m.journal.settled(m.rec); err != nil {
		return err
	}
	copied := missing.Intersect(m.rec.pairs.sources()).Len()
	m.progress.flagged(changes.count())
	if copied+m.refused.Len()+changes.count() > 0 || m.delete && !gone.IsEmpty() {
		m.progress.result(0, m.say("%s: %d messages copied, flags of %d changed%s", m.name, copied, changes.count(), m.deletions(gone, "deleted")))
	}
	if !m.refused.IsEmpty() {
		return nil // to be tried again next time
	}
	return m.clean(ctx, before)
}

// delivered checks that no message was left out, though no error was reported. One
// that is gone by now was removed meanwhile.
func (m *mover) delivered(ctx context.Context, asked mailbox.UIDSet) error {
	left := asked.Subtract(m.rec.pairs.sources()).Subtract(m.refused)
	if left.IsEmpty() {
		return nil
	}
	now, err := m.src.uids(ctx)
	if err != nil {
		return err
	}
	if left = left.Intersect(now); !left.IsEmpty() {
		return fmt.Errorf("%d messages did not come from the source, or are not found on the target: %.100s", left.Len(), left)
	}
	return nil
}

func (m *mover) deletions(gone mailbox.UIDSet, what string) string {
	if !m.delete {
		return ""
	}
	return fmt.Sprintf(", %d %s", gone.Len(), what)
}

// recognize finds messages on the target that are copies though the journal does
// not say so: of an interrupted run, or all of them if the mailboxes are new to it.
func (m *mover) recognize(ctx context.Context, fresh bool, unknown, missing mailbox.UIDSet) error {
	if !fresh {
		missing = missing.Intersect(m.rec.suspects)
		unknown = unknown.Intersect(m.aboveFloor())
	}
	found, err := m.match(ctx, m.src, m.dst, missing, unknown, fresh)
	if err != nil {
		return fmt.Errorf("finding out what has been copied: %w", err)
	}
	if err := m.journal.done(m.rec, found); err != nil {
		return err
	}
	m.rec.pairs.normalize()
	return nil
}

func (m *mover) aboveFloor() mailbox.UIDSet {
	return mailbox.UIDRangeSet(max(m.rec.floor, 1), mailbox.MaxUID)
}

// removeLate removes what had been sent before a break and arrived after it had been
// looked for, so that it was sent again. Only a server can be so late, and
// settle waits for it: this is in case that was too short.
func (m *mover) removeLate(ctx context.Context, sources mailbox.UIDSet) error {
	now, err := m.dst.uids(ctx)
	if err != nil {
		return err
	}
	late := now.Subtract(m.rec.pairs.targets()).Intersect(m.aboveFloor())
	if late.IsEmpty() {
		return nil
	}
	sent := map[digest]bool{}
	copied := m.rec.suspects.Intersect(m.rec.pairs.sources()).Intersect(sources)
	if err := m.digests(ctx, m.src, copied, func(_ mailbox.UID, d digest) { sent[d] = true }); err != nil {
		return err
	}
	var double mailbox.UIDSet
	err = m.digests(ctx, m.dst, late, func(uid mailbox.UID, d digest) {
		if sent[d] {
			double.Add(uid)
		}
	})
	if err != nil || double.IsEmpty() {
		return err
	}
	m.complain("%s: %d messages that were sent before the interruption have arrived once more: they are removed", m.name, double.Len())
	return m.dst.expunge(ctx, double)
}

// expunge removes from the target what is gone at the source.
func (m *mover) expunge(ctx context.Context, gone mailbox.UIDSet) error {
	var targets []mailbox.UID
	for uid := range gone.All() {
		if t := m.rec.pairs.target(uid); t != 0 {
			targets = append(targets, t)
		}
	}
	if err := m.dst.expunge(ctx, mailbox.UIDSetOf(targets...)); err != nil {
		return fmt.Errorf("deleting messages: %w", err)
	}
	m.progress.deleted(len(targets))
	return m.journal.gone(m.rec, gone)
}

// clean notes that both sides are in step, so that the next run need not look at
// them if neither has changed. What has changed at the source since this run began
// is seen by its status from then.
func (m *mover) clean(ctx context.Context, before status) error {
	dst, err := m.to.open(ctx, m.target, true)
	if err != nil {
		return err
	}
	return m.journal.isClean(m.rec, before, dst.status())
}

// A flagChange is what is to be done to the flags of some messages.
type flagChange struct{ add, remove string }

// flagChanges are the messages of the target by the change of their flags.
type flagChanges struct {
	sets  map[flagChange]*mailbox.UIDSet
	flags map[string]mailbox.FlagSet
}

func (f *flagChanges) count() int {
	all := mailbox.UIDSet{}
	for _, s := range f.sets {
		all = all.Union(*s)
	}
	return all.Len()
}

// flags compares the flags of messages that have been copied.
func (m *mover) flags(ctx context.Context, sources mailbox.UIDSet) (*flagChanges, error) {
	out := &flagChanges{sets: map[flagChange]*mailbox.UIDSet{}, flags: map[string]mailbox.FlagSet{}}
	want := map[mailbox.UID]mailbox.FlagSet{} // by the UID on the target
	var targets []mailbox.UID
	for e, err := range m.src.entries(ctx, sources, false) {
		if e.UID == 0 && err != nil {
			return nil, fmt.Errorf("reading flags: %w", err)
		}
		if uid := m.rec.pairs.target(e.UID); uid != 0 && err == nil {
			want[uid] = e.Flags
			targets = append(targets, uid)
		}
	}
	for e, err := range m.dst.entries(ctx, mailbox.UIDSetOf(targets...), false) {
		if e.UID == 0 && err != nil {
			return nil, fmt.Errorf("reading flags: %w", err)
		}
		flags, ok := want[e.UID]
		if flags = m.dst.storable(flags); !ok || err != nil || flags.Equal(e.Flags) {
			continue
		}
		add, remove := flags.Without(e.Flags), e.Flags.Without(flags)
		change := flagChange{add.String(), remove.String()}
		out.flags[change.add], out.flags[change.remove] = add, remove
		if out.sets[change] == nil {
			out.sets[change] = new(mailbox.UIDSet)
		}
		out.sets[change].Add(e.UID)
	}
	return out, nil
}

// apply makes the changes.
func (f *flagChanges) apply(ctx context.Context, dst box) error {
	for change, set := range f.sets {
		for op, flags := range map[mailbox.FlagOp]string{mailbox.FlagsAdd: change.add, mailbox.FlagsRemove: change.remove} {
			if flags == "" {
				continue
			}
			if err := dst.setFlags(ctx, *set, mailbox.FlagChange{Op: op, Flags: f.flags[flags]}); err != nil {
				return err
			}
		}
	}
	return nil
}
