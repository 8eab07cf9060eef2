package mailboxtest

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
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
					res, err := m.Append(f.ctx, draft(fmt.Sprint("c", id, "-", step)), draft(fmt.Sprint("d", id, "-", step)))
					if err != nil {
						return err
					}
					uids := arrived(res)
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
					gone, err := m.Expunge(f.ctx, some, mailbox.FlagSet{})
					if err != nil {
						return err
					}
					mu.Lock()
					for uid := range gone.SourceUIDs().All() {
						if expunged[box][uid] && !(len(accounts) > 1 && f.lacks(LackOneExpunger)) {
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
					for uid := range res.DestUIDs().All() {
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
				v := view{messages: map[mailbox.UID]mailbox.ModSeq{}}
				for {
					last := writing.Load() == 0
					if err := v.follow(f, m, reader == 0); err != nil {
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
				if !maps.Equal(now, v.messages) {
					return fmt.Errorf("a view that was brought up to date by Changes differs from a fresh look: %s", differing(v.messages, now))
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

// differing returns the entries that are not the same in both.
func differing(view, now map[mailbox.UID]mailbox.ModSeq) string {
	var out []string
	for uid, modSeq := range view {
		if other, ok := now[uid]; !ok || other != modSeq {
			out = append(out, fmt.Sprintf("UID %d has ModSeq %d, and now %d", uid, modSeq, other))
		}
	}
	for uid, modSeq := range now {
		if _, ok := view[uid]; !ok {
			out = append(out, fmt.Sprintf("UID %d of ModSeq %d is not in the view", uid, modSeq))
		}
	}
	slices.Sort(out)
	return strings.Join(out[:min(len(out), 10)], "; ")
}

// readWhile reads messages while others write, and checks that what
// is yielded of each belongs together.
func readWhile(f *fixture, m mailbox.Mailbox, writing *atomic.Int32) error {
	for writing.Load() > 0 {
		last := mailbox.UID(0)
		for msg, err := range m.Messages(f.ctx, mailbox.AllUIDs(), mailbox.WantEntry|mailbox.WantSummary|mailbox.WantContent) {
			if err != nil {
				return err
			}
			body, err := io.ReadAll(io.NewSectionReader(msg.Content, 0, msg.Content.Size()))
			switch {
			case err != nil:
				return err
			case msg.UID <= last:
				return fmt.Errorf("UID %d comes after UID %d", msg.UID, last)
			case string(body) != text(msg.Envelope.Subject):
				return fmt.Errorf("UID %d has the summary of one message and the content of another", msg.UID)
			case int64(len(body)) != msg.Size:
				return fmt.Errorf("UID %d has %d octets, and its entry says %d", msg.UID, len(body), msg.Size)
			}
			last = msg.UID
		}
	}
	return nil
}

// follow takes a view on by Changes, and compares it with a Snapshot where that
// is asked for.
func (v *view) follow(f *fixture, m mailbox.Mailbox, snapshots bool) error {
	ch, err := m.Changes(f.ctx, v.state)
	if err != nil {
		return err
	}
	if err := v.take(f.ctx, m, ch); err != nil || !snapshots {
		return err
	}
	snap, err := m.Snapshot(f.ctx)
	switch {
	case err != nil:
		return err
	case snap.State.ModSeq < v.state.ModSeq || snap.State.UIDNext < v.state.UIDNext:
		return errors.New("a Snapshot is older than Changes before it")
	case snap.State == v.state:
		if !mailbox.UIDSetOf(slices.Collect(maps.Keys(v.messages))...).Equal(snap.UIDs) {
			return fmt.Errorf("a Snapshot and Changes differ at %v", v.state)
		}
	}
	return nil
}

// testConcurrentMove moves messages between two mailboxes. A reader that looks at
// the source, and then at the destination, must find each message at least once;
// and since all go one way at a time, the other way round at most once. What the
// UIDs that were seen stand for is known when all calls have returned.
func testConcurrentMove(t *testing.T, f *fixture) {
	const n, rounds = 20, 15
	boxes := [2]mailbox.Mailbox{f.box(t, "left"), f.box(t, "right")}
	at := [2]map[mailbox.UID]int{{}, {}} // the message that has or had the UID
	for i := range n {
		at[0][fill(t, boxes[0], 1)[0]] = i
	}
	for round := range rounds {
		src, dst := round%2, 1-round%2
		from, to := boxes[src], boxes[dst]
		todo := slices.Collect(uids(t, from).All())
		require.Len(t, todo, n)
		var done atomic.Bool
		var mu sync.Mutex
		var seen [][4]mailbox.UIDSet // source, destination; destination, source
		w := workers{t: t}
		w.do(func() error {
			defer done.Store(true)
			movers := workers{t: t}
			for part := range 4 {
				movers.do(func() error {
					var set mailbox.UIDSet
					for i := part; i < n; i += 4 {
						set.Add(todo[i])
					}
					res, err := from.Move(f.ctx, set, to.Info().Name)
					mu.Lock()
					defer mu.Unlock()
					for i, uid := range arrived(res) {
						at[dst][uid] = at[src][res.SourceUIDs().At(i)]
					}
					return err
				})
			}
			movers.wg.Wait()
			return errors.Join(movers.errs...)
		})
		w.do(func() error {
			for last := false; !last; {
				last = done.Load()
				var look [4]mailbox.UIDSet
				for i, m := range []mailbox.Mailbox{from, to, to, from} {
					snap, err := m.Snapshot(f.ctx)
					if err != nil {
						return err
					}
					look[i] = snap.UIDs
				}
				seen = append(seen, look)
			}
			return nil
		})
		w.wait()
		for _, look := range seen {
			var once, twice [n]int
			for i, box := range []int{src, dst, dst, src} {
				for uid := range look[i].All() {
					message, ok := at[box][uid]
					require.True(t, ok, "UID %d was given to no message", uid)
					if i < 2 {
						once[message]++
					} else {
						twice[message]++
					}
				}
			}
			for i := range n {
				require.NotZero(t, once[i], "message %d is in no mailbox", i)
				require.LessOrEqual(t, twice[i], 1, "message %d is in both mailboxes", i)
			}
		}
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
				if what == "Rename" && f.lacks(LackRaces) {
					return nil
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
		list, err := f.Mailboxes(f.ctx, 0)
		require.NoError(t, err)
		require.Len(t, list, 3, "INBOX, the mailbox and its inferior")
		won := list[1].Name
		require.Equal(t, won+"/below", list[2].Name)
		one("Delete", []error{mailbox.ErrNotExist}, func(int) error { return f.Delete(f.ctx, won) })
		require.NoError(t, f.Delete(f.ctx, won+"/below"))
	}

	if f.lacks(LackRaces) {
		return
	}
	// A call that writes into a mailbox that is being deleted succeeds or
	// returns ErrNotExist. What was written is gone from the quota too.
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
	root, ok := f.quotaRoot(t, q, "INBOX")
	if !ok {
		return
	}
	if err := q.SetQuota(f.ctx, root, map[mailbox.QuotaName]int64{mailbox.QuotaMessage: 1000}); err == nil {
		list, err := q.Quota(f.ctx, root)
		require.NoError(t, err)
		require.EqualValues(t, 3, list[0].Usage)
	}
}
