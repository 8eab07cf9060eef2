package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing/iotest"
	"time"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// session takes steps of a workload on its account, and now and then creates or
// deletes a second one.
type session struct {
	w       *worker
	number  int
	name    string
	rng     *rand.Rand
	step    int
	created bool
	bodies  int
}

func newSession(w *worker, number int) *session {
	return &session{w: w, number: number, name: accountOf(number), rng: rand.New(rand.NewPCG(w.Seed, uint64(number)))}
}

// errStop ends a workload whose disk has failed.
var errStop = errors.New("the disk has failed")

// steps takes n steps. If the disk has failed the last of them it takes some more,
// so that the outcome of the last is certain.
func (ss *session) steps(n int) error {
	for i, refused := 0, false; i < n || refused && i < n+5; i++ {
		what, do := ss.choose()
		if err := ss.w.mark(ss.number, ss.step, markBegin); err != nil {
			return err
		}
		end, failure := markDone, do()
		if refused = errors.Is(failure, mailbox.ErrUnavailable); refused {
			end = markRefused
		} else if failure != nil {
			return fmt.Errorf("step %d, %s: %w", ss.step, what, failure)
		}
		if err := ss.w.mark(ss.number, ss.step, end); err != nil {
			return err
		}
		o := outcome{Session: ss.number, Step: ss.step, What: what}
		if failure != nil {
			o.Err = failure.Error()
		}
		var err error
		if o.Picture, err = picture(ss.w.ctx, ss.w.s, ss.name); err != nil {
			return fmt.Errorf("after step %d, %s (%v): %w", ss.step, what, failure, err)
		}
		if err := ss.w.tell(o); err != nil {
			return err
		}
		if refused && ss.w.StopAtError {
			return errStop
		}
		ss.step++
	}
	return nil
}

// choose returns what the next step does. Each is one change, which is made wholly
// or not at all.
func (ss *session) choose() (what string, do func() error) {
	if !ss.created {
		return "create account", ss.createAccount
	}
	kinds := []struct {
		weight int
		what   string
		do     func() error
	}{
		{30, "append", func() error { return ss.append(1+ss.rng.IntN(3), 3000) }},
		{4, "append large", func() error { return ss.append(1, 600_000) }},
		{2, "append broken", ss.appendBroken},
		{15, "set flags", ss.setFlags},
		{10, "expunge", ss.expunge},
		{5, "copy", func() error { return ss.transfer(mailbox.Mailbox.Copy) }},
		{6, "move", func() error { return ss.transfer(mailbox.Mailbox.Move) }},
		{4, "replace", ss.replace},
		{3, "create", ss.create},
		{2, "rename", ss.rename},
		{3, "delete", ss.delete},
		{3, "subscribe", ss.subscribe},
		{3, "set quota", ss.setQuota},
		{1, "second account", ss.secondAccount},
	}
	total := 0
	for _, k := range kinds {
		total += k.weight
	}
	i := ss.rng.IntN(total)
	for _, k := range kinds {
		if i -= k.weight; i < 0 {
			return k.what, k.do
		}
	}
	panic("unreachable")
}

func (ss *session) createAccount() error {
	err := ss.w.s.CreateAccount(ss.w.ctx, ss.name)
	ss.created = err == nil
	return err
}

func (ss *session) account() (mailbox.Account, error) { return ss.w.s.Account(ss.w.ctx, ss.name) }

// pick returns the account and one of its mailboxes.
func (ss *session) pick() (mailbox.Account, mailbox.Mailbox, error) {
	a, err := ss.account()
	if err != nil {
		return nil, nil, err
	}
	name, err := ss.existing(a)
	if err != nil {
		return nil, nil, err
	}
	m, err := a.Mailbox(ss.w.ctx, name)
	return a, m, err
}

// existing returns the name of a mailbox that exists.
func (ss *session) existing(a mailbox.Account) (string, error) {
	infos, err := a.Mailboxes(ss.w.ctx, 0)
	if err != nil {
		return "", err
	}
	var names []string
	for _, info := range infos {
		if !info.NonExistent {
			names = append(names, info.Name)
		}
	}
	return names[ss.rng.IntN(len(names))], nil
}

// some returns a few UIDs of a mailbox.
func (ss *session) some(m mailbox.Mailbox, n int) (mailbox.UIDSet, error) {
	snap, err := m.Snapshot(ss.w.ctx)
	var set mailbox.UIDSet
	if all := snap.UIDs.Len(); all > 0 {
		for range 1 + ss.rng.IntN(n) {
			set.Add(snap.UIDs.At(ss.rng.IntN(all)))
		}
	}
	return set, err
}

func (ss *session) incoming(size int) mailbox.Incoming {
	body := ss.body(ss.rng.IntN(size))
	msg := mailbox.Incoming{
		Body:         strings.NewReader(body),
		Size:         int64(len(body)),
		InternalDate: time.Unix(1e9+int64(ss.bodies), 0),
	}
	if ss.rng.IntN(3) == 0 {
		msg.Flags = ss.flags()
	}
	if ss.rng.IntN(2) == 0 {
		msg.Size = mailbox.SizeUnknown
	}
	return msg
}

// body returns a message that sumOf can check.
func (ss *session) body(size int) string {
	ss.bodies++
	var b strings.Builder
	fmt.Fprintf(&b, "Subject: message %d of %s\r\n\r\n", ss.bodies, ss.name)
	for b.Len() < size {
		b.WriteByte(' ' + byte(ss.rng.IntN(95)))
	}
	return withSum(b.String())
}

func (ss *session) flags() mailbox.FlagSet {
	all := []mailbox.Flag{mailbox.FlagSeen, mailbox.FlagDeleted, mailbox.FlagFlagged, "$Forwarded", "Blue", "Red"}
	var flags []mailbox.Flag
	for range 1 + ss.rng.IntN(2) {
		flags = append(flags, all[ss.rng.IntN(len(all))])
	}
	return mailbox.NewFlagSet(flags...)
}

func (ss *session) append(n, size int) error {
	_, m, err := ss.pick()
	if err != nil {
		return err
	}
	var msgs []mailbox.Incoming
	for range n {
		msgs = append(msgs, ss.incoming(size))
	}
	_, err = m.Append(ss.w.ctx, msgs...)
	return unless(err, mailbox.ErrOverQuota)
}

// appendBroken appends a message of which only a part arrives.
func (ss *session) appendBroken() error {
	_, m, err := ss.pick()
	if err != nil {
		return err
	}
	gone := errors.New("the sender has gone")
	body := io.MultiReader(strings.NewReader(ss.body(400_000)), iotest.ErrReader(gone))
	_, err = m.Append(ss.w.ctx, mailbox.Incoming{Body: body, Size: mailbox.SizeUnknown})
	if err == nil {
		return errors.New("half a message was added")
	}
	return unless(err, gone, mailbox.ErrOverQuota)
}

// unless returns err, but nil if it is one of those that the state of the account
// can cause, after which it is unchanged.
func unless(err error, expected ...error) error {
	for _, e := range expected {
		if errors.Is(err, e) {
			return nil
		}
	}
	return err
}

func (ss *session) setFlags() error {
	_, m, err := ss.pick()
	if err != nil {
		return err
	}
	set, err := ss.some(m, 4)
	if err != nil {
		return err
	}
	op := []mailbox.FlagOp{mailbox.FlagsAdd, mailbox.FlagsRemove, mailbox.FlagsReplace}[ss.rng.IntN(3)]
	_, err = m.SetFlags(ss.w.ctx, set, mailbox.FlagChange{Op: op, Flags: ss.flags()})
	return err
}

func (ss *session) expunge() error {
	_, m, err := ss.pick()
	if err != nil {
		return err
	}
	set, err := ss.some(m, 8)
	if err != nil {
		return err
	}
	_, err = m.Expunge(ss.w.ctx, set, mailbox.FlagSet{})
	return err
}

func (ss *session) transfer(call func(mailbox.Mailbox, context.Context, mailbox.UIDSet, string) (mailbox.Result, error)) error {
	a, m, err := ss.pick()
	if err != nil {
		return err
	}
	set, err := ss.some(m, 4)
	if err != nil {
		return err
	}
	dest, err := ss.existing(a)
	if err != nil {
		return err
	}
	_, err = call(m, ss.w.ctx, set, dest)
	return unless(err, mailbox.ErrOverQuota)
}

func (ss *session) replace() error {
	_, m, err := ss.pick()
	if err != nil {
		return err
	}
	set, err := ss.some(m, 1)
	if err != nil || set.IsEmpty() {
		return err
	}
	_, err = m.(mailbox.Replacer).Replace(ss.w.ctx, set.Min(), m.Info().Name, ss.incoming(20_000))
	return unless(err, mailbox.ErrOverQuota)
}

// someName returns the name of a mailbox that may exist or not.
func (ss *session) someName() string {
	names := []string{"Sent", "Archive", "Archive/2025", "Lists"}
	return names[ss.rng.IntN(len(names))]
}

func (ss *session) create() error {
	a, err := ss.account()
	if err != nil {
		return err
	}
	_, err = a.Create(ss.w.ctx, ss.someName(), nil)
	return unless(err, mailbox.ErrExist)
}

func (ss *session) rename() error {
	a, err := ss.account()
	if err != nil {
		return err
	}
	err = a.Rename(ss.w.ctx, ss.someName(), ss.someName())
	return unless(err, mailbox.ErrExist, mailbox.ErrNotExist, mailbox.ErrInvalidName)
}

func (ss *session) delete() error {
	a, err := ss.account()
	if err != nil {
		return err
	}
	return unless(a.Delete(ss.w.ctx, ss.someName()), mailbox.ErrNotExist)
}

func (ss *session) subscribe() error {
	a, err := ss.account()
	if err != nil {
		return err
	}
	return a.Subscribe(ss.w.ctx, ss.someName(), ss.rng.IntN(3) > 0)
}

// setQuota sets limits, which appends may then meet.
func (ss *session) setQuota() error {
	a, err := ss.account()
	if err != nil {
		return err
	}
	storage := int64(1 << 40)
	if ss.rng.IntN(3) == 0 {
		storage = int64(ss.rng.IntN(300_000))
	}
	return a.(mailbox.QuotaKeeper).SetQuota(ss.w.ctx, QuotaRoot, map[mailbox.QuotaName]int64{mailbox.QuotaStorage: storage})
}

// secondAccount creates an account, or deletes it if it exists.
func (ss *session) secondAccount() error {
	name := ss.name + ".second"
	err := ss.w.s.CreateAccount(ss.w.ctx, name)
	if errors.Is(err, mailbox.ErrExist) {
		return ss.w.s.DeleteAccount(ss.w.ctx, name)
	}
	return err
}
