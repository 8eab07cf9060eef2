package mailboxtest

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// workers runs functions at the same time and reports the first error. They
// must not call t.FailNow, so they return what is wrong.
type workers struct {
	t    testing.TB
	wg   sync.WaitGroup
	mu   sync.Mutex
	errs []error
}

func (w *workers) do(f func() error) {
	w.wg.Go(func() {
		if err := f(); err != nil {
			w.mu.Lock()
			w.errs = append(w.errs, err)
			w.mu.Unlock()
		}
	})
}

func (w *workers) wait() {
	w.t.Helper()
	w.wg.Wait()
	require.NoError(w.t, errors.Join(w.errs...))
}

func testConcurrent(t *testing.T, f *fixture) { concurrent(t, f, f.Account) }

// concurrent lets many goroutines write into two mailboxes, through one or more
// handles to the account, while others follow them by Changes. The followers
// check that changes become visible in the order of ModSeqs and UIDs, and end
// with the same view as a fresh look. Others read what there is.
func concurrent(t *testing.T, f *fixture, accounts ...mailbox.Account) {
	const writers, steps = 8, 80
	f.box(t, "INBOX")
	f.box(t, "other")
	var handles [][2]mailbox.Mailbox
	for _, a := range accounts {
		inbox, err := a.Mailbox(f.ctx, "INBOX")
		require.NoError(t, err)
		other, err := a.Mailbox(f.ctx, "other")
		require.NoError(t, err)
		handles = append(handles, [2]mailbox.Mailbox{inbox, other})
	}
	var writing atomic.Int32
	writing.Store(writers)
	w := workers{t: t}
	var mu sync.Mutex
	given := map[string]bool{} // mailbox and UID
	var expunged [2]map[mailbox.UID]bool
	for i := range expunged {
		expunged[i] = map[mailbox.UID]bool{}
	}

	for id := range writers {
		w.do(func() error {
			defer writing.Add(-1)
			rng := rand.New(rand.NewPCG(uint64(id), 99))
			boxes := handles[id%len(handles)]
			take := func(box int, uids ...mailbox.UID) error {
				mu.Lock()
				defer mu.Unlock()
				for _, uid := range uids {
					key := fmt.Sprint(box, "/", uid)
					if given[key] {
						return fmt.Errorf("UID %s was given twice", key)
					}
					given[key] = true
				}
				return nil
			}
			for step := range steps {
				box := rng.IntN(2)
				m := boxes[box]
				next, err := m.Status(f.ctx)
				if err != nil {
					return err
				}
				some := mailbox.UIDSet{}
				for range 1 + rng.IntN(4) {
					some = some.Union(mailbox.UIDSetOf(mailbox.UID(1 + rng.IntN(int(next.UIDNext)))))
				}
				switch op := rng.IntN(10); {
				case op < 5:
					uids, err := m.Append(f.ctx, draft(fmt.Sprint("c", id, "-", step)), draft(fmt.Sprint("d", id, "-", step)))
					if err != nil {
						return err
					}
					if uids[0] >= uids[1] {
						return fmt.Errorf("UIDs are not ascending: %v", uids)
					}
					if err := take(box, uids...); err != nil {
						return err
					}
				case op < 7:
					change := mailbox.FlagChange{Op: mailbox.FlagOp(rng.IntN(3)), Flags: mailbox.NewFlagSet(mailbox.FlagSeen, "K")}
					if _, err := m.SetFlags(f.ctx, some, change); err != nil {
						return err
					}
				case op < 8:
					gone, _, err := m.Expunge(f.ctx, some, mailbox.FlagSet{})
					if err != nil {
						return err
					}
					mu.Lock()
					for uid := range gone.All() {
						if expunged[box][uid] {
							mu.Unlock()
							return fmt.Errorf("UID %d was expunged twice", uid)
						}
						expunged[box][uid] = true
					}
					mu.Unlock()
				default:
					do := m.Copy
					if op == 9 {
						do = m.Move
					}
					dest := rng.IntN(2)
					res, err := do(f.ctx, some, boxes[dest].Info().Name)
					if err != nil {
						return err
					}
					for uid := range res.Dest.All() {
						if err := take(dest, uid); err != nil {
							return err
						}
					}
				}
			}
			return nil
		})
	}

	for box := range 2 {
		for reader := range 3 {
			m := handles[reader%len(handles)][box]
			if reader == 2 {
				w.do(func() error { return readWhile(f, m, &writing) })
				continue
			}
			w.do(func() error {
				v := follower{known: map[mailbox.UID]mailbox.ModSeq{}}
				for {
					last := writing.Load() == 0
					if err := v.step(f, m, reader == 0); err != nil {
						return err
					}
					if last {
						break
					}
				}
				now := map[mailbox.UID]mailbox.ModSeq{}
				for msg, err := range m.Messages(f.ctx, mailbox.AllUIDs(), mailbox.WantEntry) {
					if err != nil {
						return err
					}
					now[msg.UID] = msg.ModSeq
				}
				if fmt.Sprint(now) != fmt.Sprint(v.known) {
					return errors.New("a view that was brought up to date by Changes differs from a fresh look")
				}
				return nil
			})
		}
	}
	w.wait()
	for _, boxes := range handles {
		for _, m := range boxes {
			requireStatus(t, m)
			uids(t, m)
		}
	}
}

// readWhile reads messages for as long as somebody writes, and checks that what
// is yielded of each belongs together.
func readWhile(f *fixture, m mailbox.Mailbox, writing *atomic.Int32) error {
	for writing.Load() > 0 {
		last := mailbox.UID(0)
		for msg, err := range m.Messages(f.ctx, mailbox.AllUIDs(), mailbox.WantSummary|mailbox.WantContent) {
			if err != nil {
				return err
			}
			body, err := io.ReadAll(io.NewSectionReader(msg.Content, 0, msg.Content.Size()))
			switch {
			case err != nil:
				return err
			case msg.UID <= last:
				return fmt.Errorf("UID %d comes after UID %d", msg.UID, last)
			case string(body) != text(msg.Summary.Envelope.Subject):
				return fmt.Errorf("UID %d has the summary of one message and the content of another", msg.UID)
			case int64(len(body)) != msg.Size:
				return fmt.Errorf("UID %d has %d octets, and its entry says %d", msg.UID, len(body), msg.Size)
			}
			last = msg.UID
		}
	}
	return nil
}

// A follower is a view that several goroutines can have, each its own.
type follower struct {
	modSeq mailbox.ModSeq
	next   mailbox.UID
	known  map[mailbox.UID]mailbox.ModSeq
}

func (v *follower) step(f *fixture, m mailbox.Mailbox, snapshots bool) error {
	ch, err := m.Changes(f.ctx, v.modSeq)
	if err != nil {
		return err
	}
	if ch.HighestModSeq < v.modSeq || ch.UIDNext < v.next {
		return errors.New("HighestModSeq or UIDNext went back")
	}
	for _, e := range ch.Changed {
		_, known := v.known[e.UID]
		switch {
		case e.ModSeq <= v.modSeq:
			return fmt.Errorf("a change of ModSeq %d appeared after HighestModSeq %d had been seen", e.ModSeq, v.modSeq)
		case e.ModSeq > ch.HighestModSeq:
			return fmt.Errorf("a change of ModSeq %d is above HighestModSeq %d", e.ModSeq, ch.HighestModSeq)
		case e.UID >= ch.UIDNext:
			return fmt.Errorf("UID %d is not below UIDNext %d", e.UID, ch.UIDNext)
		case !known && e.UID < v.next:
			return fmt.Errorf("UID %d appeared after UIDNext %d had been seen", e.UID, v.next)
		case ch.Vanished.Contains(e.UID):
			return fmt.Errorf("UID %d is changed and vanished", e.UID)
		}
		v.known[e.UID] = e.ModSeq
	}
	for uid := range v.known {
		if ch.Vanished.Contains(uid) {
			delete(v.known, uid)
		}
	}
	v.modSeq, v.next = ch.HighestModSeq, ch.UIDNext
	if !snapshots {
		return nil
	}
	snap, err := m.Snapshot(f.ctx)
	if err != nil {
		return err
	}
	if snap.HighestModSeq < v.modSeq || snap.UIDNext < v.next {
		return errors.New("a Snapshot is older than Changes before it")
	}
	if snap.HighestModSeq == v.modSeq {
		var known []mailbox.UID
		for uid := range v.known {
			known = append(known, uid)
		}
		if !mailbox.UIDSetOf(known...).Equal(snap.UIDs) {
			return fmt.Errorf("a Snapshot and Changes differ at ModSeq %d", v.modSeq)
		}
	}
	return nil
}

// testConcurrentMove moves messages to and fro between two mailboxes. Whoever
// looks at the source, and then at the destination, must find each message at
// least once; and since all go one way at a time, the other way round at most
// once.
func testConcurrentMove(t *testing.T, f *fixture) {
	const n, rounds = 20, 15
	left, right := f.box(t, "left"), f.box(t, "right")
	for i := range n {
		body := text(fmt.Sprint("unique", i))
		_, err := left.Append(f.ctx, mailbox.Draft{Body: strings.NewReader(body), Size: int64(len(body))})
		require.NoError(t, err)
	}
	ids := func(m mailbox.Mailbox) (map[string]bool, error) {
		all := map[string]bool{}
		ch, err := m.Changes(f.ctx, 0) // all entries at one instant
		for _, e := range ch.Changed {
			if all[e.EmailID] {
				return nil, fmt.Errorf("message %s is twice in a mailbox", e.EmailID)
			}
			all[e.EmailID] = true
		}
		return all, err
	}
	all, err := ids(left)
	require.NoError(t, err)
	require.Len(t, all, n)

	for round := range rounds {
		from, to := left, right
		if round%2 == 1 {
			from, to = right, left
		}
		w := workers{t: t}
		var done atomic.Bool
		w.do(func() error {
			defer done.Store(true)
			var movers workers
			snap, err := from.Snapshot(f.ctx)
			if err != nil {
				return err
			}
			for part := range 4 {
				movers.do(func() error {
					var set mailbox.UIDSet
					for i := part; i < n; i += 4 {
						set.Add(snap.UIDs.At(i))
					}
					_, err := from.Move(f.ctx, set, to.Info().Name)
					return err
				})
			}
			movers.wg.Wait()
			return errors.Join(movers.errs...)
		})
		w.do(func() error {
			for last := false; !last; {
				last = done.Load()
				src, err := ids(from)
				if err != nil {
					return err
				}
				dst, err := ids(to)
				if err != nil {
					return err
				}
				for id := range all {
					if !src[id] && !dst[id] {
						return fmt.Errorf("message %s is in no mailbox", id)
					}
				}
				if dst, err = ids(to); err != nil {
					return err
				}
				if src, err = ids(from); err != nil {
					return err
				}
				for id := range dst {
					if src[id] {
						return fmt.Errorf("message %s is in both mailboxes", id)
					}
				}
			}
			return nil
		})
		w.wait()
		require.Zero(t, requireStatus(t, from).Messages)
		require.EqualValues(t, n, requireStatus(t, to).Messages)
	}
}

// testConcurrentNames lets many goroutines make, rename, fill and delete
// mailboxes of the same names.
func testConcurrentNames(t *testing.T, f *fixture) {
	const n = 8
	one := func(what string, allowed []error, do func(i int) error) {
		t.Helper()
		var succeeded atomic.Int32
		w := workers{t: t}
		for i := range n {
			w.do(func() error {
				err := do(i)
				if err == nil {
					succeeded.Add(1)
					return nil
				}
				for _, a := range allowed {
					if errors.Is(err, a) {
						return nil
					}
				}
				return err
			})
		}
		w.wait()
		require.EqualValues(t, 1, succeeded.Load(), "%s succeeds once", what)
	}
	for range 5 {
		one("Create", []error{mailbox.ErrExist}, func(int) error {
			_, err := f.Create(f.ctx, "contested", nil)
			return err
		})
		f.box(t, "contested/below")
		one("Rename", []error{mailbox.ErrNotExist}, func(i int) error {
			return f.Rename(f.ctx, "contested", fmt.Sprint("won by ", i))
		})
		list, err := f.Mailboxes(f.ctx)
		require.NoError(t, err)
		require.Len(t, list, 3, "INBOX, the mailbox and its inferior")
		won := list[1].Name
		require.Equal(t, won+"/below", list[2].Name)
		one("Delete", []error{mailbox.ErrNotExist}, func(int) error { return f.Delete(f.ctx, won) })
		require.NoError(t, f.Delete(f.ctx, won+"/below"))
	}

	// Whoever writes into a mailbox that is being deleted succeeds or is told
	// that it does not exist. What was written is gone from the quota too.
	inbox := f.box(t, "INBOX")
	fill(t, inbox, 3)
	for range 5 {
		m := f.box(t, "doomed")
		w := workers{t: t}
		for i := range n {
			w.do(func() error {
				var err error
				for err == nil {
					switch i % 4 {
					case 0, 1:
						_, err = m.Append(f.ctx, draft("doomed"))
					case 2:
						_, err = inbox.Copy(f.ctx, mailbox.AllUIDs(), "doomed")
					case 3:
						_, err = m.Move(f.ctx, mailbox.AllUIDs(), "doomed")
					}
				}
				if errors.Is(err, mailbox.ErrNotExist) {
					return nil
				}
				return err
			})
		}
		w.do(func() error {
			for {
				st, err := m.Status(f.ctx)
				if err != nil {
					return err
				}
				if st.Messages > 20 {
					return f.Delete(f.ctx, "doomed")
				}
			}
		})
		w.wait()
	}
	q, ok := f.Account.(mailbox.QuotaKeeper)
	if !ok {
		return
	}
	roots, err := q.QuotaRoots(f.ctx, "INBOX")
	require.NoError(t, err)
	if err := q.SetQuota(f.ctx, roots[0], map[mailbox.QuotaName]int64{mailbox.QuotaMessage: 1000}); err == nil {
		list, err := q.Quota(f.ctx, roots[0])
		require.NoError(t, err)
		require.EqualValues(t, 3, list[0].Usage)
	}
}
