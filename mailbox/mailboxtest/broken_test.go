package mailboxtest_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// A defect is a way in which a store can be wrong, and the name of the subtest
// that must find it.
type defect struct {
	found   string
	limits  func(lim *mailbox.Limits) // changes those of the store behind
	account func(a mailbox.Account) mailbox.Account
	box     func(a mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox
}

var defects = map[string]defect{
	"FirstUnseen is not kept": {found: "Status", box: func(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox {
		o := over(m)
		o.status = func(ctx context.Context) (mailbox.Status, error) {
			st, err := m.Status(ctx)
			if st.FirstUnseen > 1 {
				st.FirstUnseen = 1
			}
			return st, err
		}
		return o
	}},
	"Size is one short": {found: "Append", box: func(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox {
		o := over(m)
		o.messages = each(m, func(msg *mailbox.Message) { msg.Size-- })
		return o
	}},
	"Append is one by one": {found: "AppendAtomic", box: func(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox {
		o := over(m)
		o.append = func(ctx context.Context, drafts ...mailbox.Incoming) (all mailbox.Result, err error) {
			for _, d := range drafts {
				res, err := m.Append(ctx, d)
				if err != nil {
					return all, err
				}
				all.Moved = append(all.Moved, res.Moved...)
				all.Steps.Add(res.Steps[0])
				all.DestID, all.DestUIDValidity = res.DestID, res.DestUIDValidity
			}
			return all, nil
		}
		return o
	}},
	"Append believes the size": {found: "AppendAtomic", box: func(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox {
		o := over(m)
		o.append = func(ctx context.Context, drafts ...mailbox.Incoming) (mailbox.Result, error) {
			for i, d := range drafts {
				if d.Size >= 0 {
					drafts[i].Body = io.LimitReader(d.Body, d.Size)
				}
			}
			return m.Append(ctx, drafts...)
		}
		return o
	}},
	"Append mends line ends": {found: "Content", box: func(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox {
		o := over(m)
		o.append = func(ctx context.Context, drafts ...mailbox.Incoming) (mailbox.Result, error) {
			for i := range drafts {
				b, err := io.ReadAll(drafts[i].Body)
				if err != nil {
					return mailbox.Result{}, err
				}
				b = bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))
				b = bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n"))
				drafts[i].Body, drafts[i].Size = bytes.NewReader(b), mailbox.SizeUnknown
			}
			return m.Append(ctx, drafts...)
		}
		return o
	}},
	"ReadAt stops at buffers": {found: "Content", box: func(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox {
		o := over(m)
		o.messages = each(m, func(msg *mailbox.Message) {
			if c := msg.Content; c != nil {
				msg.Content = badContent{c, func(p []byte, off int64) (int, error) {
					return c.ReadAt(p[:min(len(p), 64<<10)], off)
				}}
			}
		})
		return o
	}},
	"zones are lost": {found: "AppendDates", box: func(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox {
		o := over(m)
		o.messages = each(m, func(msg *mailbox.Message) { msg.InternalDate = msg.InternalDate.UTC() })
		return o
	}},
	"SaveDate is the date of arrival": {found: "AppendDates", box: func(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox {
		o := over(m)
		o.messages = each(m, func(msg *mailbox.Message) { msg.SaveDate = msg.InternalDate })
		return o
	}},
	"a lock is held while yielding": {found: "MessagesReentrant", box: func() func(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox {
		var mu sync.RWMutex
		return func(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox {
			o := over(m)
			o.messages = func(ctx context.Context, set mailbox.UIDSet, want mailbox.Want) iter.Seq2[*mailbox.Message, error] {
				return func(yield func(*mailbox.Message, error) bool) {
					mu.RLock()
					defer mu.RUnlock()
					m.Messages(ctx, set, want)(yield)
				}
			}
			o.append = func(ctx context.Context, drafts ...mailbox.Incoming) (mailbox.Result, error) {
				mu.Lock()
				defer mu.Unlock()
				return m.Append(ctx, drafts...)
			}
			return o
		}
	}()},
	"newcomers are yielded": {found: "MessagesReentrant", box: func(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox {
		o := over(m)
		o.messages = func(ctx context.Context, set mailbox.UIDSet, want mailbox.Want) iter.Seq2[*mailbox.Message, error] {
			return func(yield func(*mailbox.Message, error) bool) {
				next := mailbox.UID(1)
				for more := true; more; {
					more = false
					for msg, err := range m.Messages(ctx, set.Intersect(mailbox.UIDRangeSet(next, mailbox.MaxUID)), want) {
						if !yield(msg, err) || err != nil {
							return
						}
						next, more = msg.UID+1, true
					}
				}
			}
		}
		return o
	}},
	"UNCHANGEDSINCE is overlooked": {found: "UnchangedSince", box: func(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox {
		o := over(m)
		o.setFlags = func(ctx context.Context, set mailbox.UIDSet, change mailbox.FlagChange) (mailbox.FlagResult, error) {
			change.UnchangedSince = nil
			return m.SetFlags(ctx, set, change)
		}
		return o
	}},
	"all messages are returned as changed": {found: "Flags", box: func(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox {
		o := over(m)
		o.setFlags = func(ctx context.Context, set mailbox.UIDSet, change mailbox.FlagChange) (mailbox.FlagResult, error) {
			res, err := m.SetFlags(ctx, set, change)
			if !res.Changed.IsEmpty() {
				for msg := range m.Messages(ctx, set, 0) {
					res.Changed = res.Changed.Union(mailbox.UIDSetOf(msg.UID))
				}
			}
			return res, err
		}
		return o
	}},
	"keywords are forgotten": {found: "Keywords", box: func(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox {
		o := over(m)
		o.snapshot = func(ctx context.Context) (mailbox.Snapshot, error) {
			s, err := m.Snapshot(ctx)
			s.Keywords = nil
			return s, err
		}
		return o
	}},
	"expunges are forgotten": {found: "Changes", box: func(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox {
		o := over(m)
		o.changes = func(ctx context.Context, since mailbox.State) (mailbox.Changes, error) {
			ch, err := m.Changes(ctx, since)
			ch.Vanished = mailbox.UIDSet{}
			return ch, err
		}
		return o
	}},
	"Changes and HighestModSeq are of two instants": {found: "Concurrent", box: func(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox {
		o := over(m)
		o.changes = func(ctx context.Context, since mailbox.State) (mailbox.Changes, error) {
			ch, err := m.Changes(ctx, since)
			if err != nil {
				return ch, err
			}
			st, err := m.Status(ctx)
			ch.State = st.State()
			return ch, err
		}
		return o
	}},
	"Expunge takes any flag": {found: "Expunge", box: func(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox {
		o := over(m)
		o.expunge = func(ctx context.Context, set mailbox.UIDSet, having mailbox.FlagSet) (mailbox.Result, error) {
			if having.Len() > 1 {
				having = mailbox.FlagSetOf(having.System(), nil)
			}
			return m.Expunge(ctx, set, having)
		}
		return o
	}},
	"Move is Copy and Expunge": {found: "ConcurrentMove", box: func(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox {
		o := over(m)
		o.move = func(ctx context.Context, set mailbox.UIDSet, dest string) (mailbox.Result, error) {
			res, err := m.Copy(ctx, set, dest)
			if err == nil {
				time.Sleep(time.Millisecond)
				var gone mailbox.Result
				gone, err = m.Expunge(ctx, res.SourceUIDs(), mailbox.FlagSet{})
				res.Steps = gone.Steps
			}
			return res, err
		}
		return o
	}},
	"a copy has another EmailID": {found: "Copy", box: func(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox {
		o := over(m)
		o.messages = each(m, func(msg *mailbox.Message) { msg.EmailID += m.Info().ID })
		return o
	}},
	"contexts are overlooked": {found: "Cancel", box: func(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox {
		o := over(m)
		o.messages = func(ctx context.Context, set mailbox.UIDSet, want mailbox.Want) iter.Seq2[*mailbox.Message, error] {
			return m.Messages(context.WithoutCancel(ctx), set, want)
		}
		return o
	}},
	"events of a slow reader are dropped": {found: "WatchSlow", account: func(a mailbox.Account) mailbox.Account {
		o := overA(a)
		o.watch = func(ctx context.Context) (<-chan mailbox.Event, error) {
			events, err := a.Watch(ctx)
			few := make(chan mailbox.Event, 2)
			if err == nil {
				go func() {
					defer close(few)
					sent, last := 0, time.Now()
					for e := range events { // of a burst, the first two are kept
						if time.Since(last) > 100*time.Millisecond {
							sent = 0
						}
						last = time.Now()
						if sent++; sent > 2 {
							continue
						}
						select {
						case few <- e:
						default:
						}
					}
				}()
			}
			return few, err
		}
		return o
	}},
	"a view's own change has a gap before it": {found: "Steps", box: func(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox {
		o := over(m)
		o.setFlags = func(ctx context.Context, set mailbox.UIDSet, change mailbox.FlagChange) (mailbox.FlagResult, error) {
			before, _ := m.Status(ctx)
			res, err := m.SetFlags(ctx, set, change)
			for i := range res.Steps {
				res.Steps[i].From = before.HighestModSeq - 1
			}
			return res, err
		}
		return o
	}},
	"steps hide what others did": {found: "Steps", box: func() func(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox {
		last := mailbox.ModSeq(0)
		return func(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox {
			o := over(m)
			o.setFlags = func(ctx context.Context, set mailbox.UIDSet, change mailbox.FlagChange) (mailbox.FlagResult, error) {
				res, err := m.SetFlags(ctx, set, change)
				if len(res.Steps) > 0 {
					if last != 0 {
						res.Steps[0].From = last
					}
					last = res.Steps[0].To
				}
				return res, err
			}
			o.append = func(ctx context.Context, msgs ...mailbox.Incoming) (mailbox.Result, error) {
				res, err := m.Append(ctx, msgs...)
				if len(res.Steps) > 0 && last != 0 {
					res.Steps[0].From = last
				}
				return res, err
			}
			return o
		}
	}()},
	"new messages are told as changed": {found: "Changes", box: func(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox {
		o := over(m)
		o.changes = func(ctx context.Context, since mailbox.State) (mailbox.Changes, error) {
			ch, err := m.Changes(ctx, since)
			ch.Changed, ch.New = ch.Changed.Union(ch.New), mailbox.UIDSet{}
			return ch, err
		}
		return o
	}},
	"the header comes without its empty line": {found: "Want", box: func(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox {
		o := over(m)
		o.messages = each(m, func(msg *mailbox.Message) {
			if h := msg.Header; h != nil && h.Size() > 2 {
				msg.Header = io.NewSectionReader(h, 0, h.Size()-2)
			}
		})
		return o
	}},
	"the envelope comes with the structure only": {found: "Want", box: func(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox {
		o := over(m)
		o.messages = func(ctx context.Context, set mailbox.UIDSet, want mailbox.Want) iter.Seq2[*mailbox.Message, error] {
			if want&mailbox.WantStructure == 0 {
				want &^= mailbox.WantEnvelope
			}
			return m.Messages(ctx, set, want)
		}
		return o
	}},
	"pairs are not those of the messages": {found: "Copy", box: func(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox {
		o := over(m)
		o.copy = func(ctx context.Context, set mailbox.UIDSet, dest string) (mailbox.Result, error) {
			res, err := m.Copy(ctx, set, dest)
			uids := res.DestUIDs()
			var swapped mailbox.Result
			for i := range res.Len() {
				swapped.Add(res.SourceUIDs().At(i), uids.At(uids.Len()-1-i))
			}
			res.Moved = swapped.Moved
			return res, err
		}
		return o
	}},
	"all entries are collected": {found: "Large", box: func(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox {
		o := over(m)
		o.setFlags = func(ctx context.Context, set mailbox.UIDSet, change mailbox.FlagChange) (mailbox.FlagResult, error) {
			var all []mailbox.Entry
			for msg := range m.Messages(ctx, set, mailbox.WantEntry) {
				all = append(all, msg.Entry)
			}
			res, err := m.SetFlags(ctx, set, change)
			runtime.GC()
			runtime.KeepAlive(all)
			return res, err
		}
		return o
	}},
	"one call holds up all accounts": {found: "Large", box: func() func(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox {
		var mu sync.Mutex
		return func(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox {
			o := over(m)
			o.setFlags = func(ctx context.Context, set mailbox.UIDSet, change mailbox.FlagChange) (mailbox.FlagResult, error) {
				mu.Lock()
				defer mu.Unlock()
				res, err := m.SetFlags(ctx, set, change)
				for i := range res.Steps {
					res.Steps[i].From = res.Steps[i].To - 1
				}
				return res, err
			}
			o.append = func(ctx context.Context, msgs ...mailbox.Incoming) (mailbox.Result, error) {
				mu.Lock()
				defer mu.Unlock()
				return m.Append(ctx, msgs...)
			}
			return o
		}
	}()},
	"counters in the list are not up to date": {found: "ListStatus", account: func(a mailbox.Account) mailbox.Account {
		o := overA(a)
		o.list = func(ctx context.Context, want mailbox.ListWant) ([]mailbox.Info, error) {
			list, err := a.Mailboxes(ctx, want)
			for _, info := range list {
				if info.Status != nil {
					info.Status.Unseen = info.Status.Messages
				}
			}
			return list, err
		}
		return o
	}},
	"rights are told and not enforced": {found: "Rights", account: func() func(a mailbox.Account) mailbox.Account {
		var owner mailbox.Account // who opens "Project" by its own name
		return func(a mailbox.Account) mailbox.Account {
			o := overA(a)
			o.open = func(ctx context.Context, name string) (mailbox.Mailbox, error) {
				m, err := a.Mailbox(ctx, name)
				if err == nil && name == "Project" {
					owner = a
				} else if rest, ok := strings.CutPrefix(name, "Other Users/bob/"); ok && err == nil {
					inside, err := owner.Mailbox(ctx, rest)
					return insider{inside, m.Info()}, err
				}
				return m, err
			}
			return o
		}
	}()},
	"Replace is Append and Expunge": {found: "Replace", box: func(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox {
		o := over(m)
		o.Replacer = replaceByTwo{m}
		return o
	}},
	"a damaged message ends the iteration": {found: "Damage", box: func(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox {
		o := over(m)
		o.messages = func(ctx context.Context, set mailbox.UIDSet, want mailbox.Want) iter.Seq2[*mailbox.Message, error] {
			return func(yield func(*mailbox.Message, error) bool) {
				for msg, err := range m.Messages(ctx, set, want) {
					if !yield(msg, err) || err != nil {
						return
					}
				}
			}
		}
		return o
	}},
	"the watch is not closed": {found: "Watch", account: func(a mailbox.Account) mailbox.Account {
		o := overA(a)
		o.watch = func(ctx context.Context) (<-chan mailbox.Event, error) {
			events, err := a.Watch(ctx)
			forever := make(chan mailbox.Event, 100)
			if err == nil {
				go func() {
					for e := range events {
						forever <- e
					}
				}()
			}
			return forever, err
		}
		return o
	}},
	"inferiors stay behind": {found: "Rename", account: func(a mailbox.Account) mailbox.Account {
		o := overA(a)
		o.rename = func(ctx context.Context, from, to string) error {
			list, err := a.Mailboxes(ctx, 0)
			if err != nil {
				return err
			}
			if err := a.Rename(ctx, from, to); err != nil {
				return err
			}
			for _, info := range list {
				if rest, ok := strings.CutPrefix(info.Name, from+"/"); ok && !info.NonExistent {
					if err := a.Rename(ctx, to+"/"+rest, info.Name); err != nil {
						return err
					}
				}
			}
			return nil
		}
		return o
	}},
	"subscriptions follow": {found: "Rename", account: func(a mailbox.Account) mailbox.Account {
		o := overA(a)
		o.rename = func(ctx context.Context, from, to string) error {
			list, err := a.Mailboxes(ctx, 0)
			if err == nil {
				err = a.Rename(ctx, from, to)
			}
			for _, info := range list {
				if rest, ok := strings.CutPrefix(info.Name, from); ok && info.Subscribed && err == nil {
					err = a.Subscribe(ctx, to+rest, true)
				}
			}
			return err
		}
		return o
	}},
	"deletion takes inferiors": {found: "Delete", account: func(a mailbox.Account) mailbox.Account {
		o := overA(a)
		o.delete = func(ctx context.Context, name string) error {
			list, err := a.Mailboxes(ctx, 0)
			for _, info := range list {
				if strings.HasPrefix(info.Name, name+"/") && !info.NonExistent && err == nil {
					err = a.Delete(ctx, info.Name)
				}
			}
			if err != nil {
				return err
			}
			return a.Delete(ctx, name)
		}
		return o
	}},
	"an index lags": {found: "Search", box: laggingIndex},
	"superiors are made": {found: "Mailboxes", account: func(a mailbox.Account) mailbox.Account {
		o := overA(a)
		o.create = func(ctx context.Context, name string, opts *mailbox.CreateOptions) (mailbox.Info, error) {
			for i, c := range name {
				if c == '/' && i > 0 {
					a.Create(ctx, name[:i], nil)
				}
			}
			return a.Create(ctx, name, opts)
		}
		return o
	}},
	"there is no root to limit": {found: "Quota", account: func(a mailbox.Account) mailbox.Account {
		o := overA(a)
		o.QuotaKeeper = rootless{a.(mailbox.QuotaKeeper)}
		return o
	}},
	"inferiors go deeper than names may": {found: "Rename", limits: func(lim *mailbox.Limits) { lim.MaxNameDepth = -1 }, account: func(a mailbox.Account) mailbox.Account {
		o := overA(a)
		o.rename = func(ctx context.Context, from, to string) error {
			if err := mailbox.ValidName(to, mailbox.Limits{}); err != nil {
				return err
			}
			return a.Rename(ctx, from, to)
		}
		return o
	}},
	"names have any depth":        {found: "Limits", limits: func(lim *mailbox.Limits) { lim.MaxNameDepth = -1 }, account: sameAccount},
	"keywords have any length":    {found: "Limits", limits: func(lim *mailbox.Limits) { lim.MaxKeywordLength = -1 }, account: sameAccount},
	"a mailbox has many keywords": {found: "Limits", limits: func(lim *mailbox.Limits) { lim.MaxKeywords = -1 }, account: sameAccount},
	"subscriptions are not bounded": func() defect {
		var most int
		return defect{found: "Limits", limits: func(lim *mailbox.Limits) { most, lim.MaxMailboxes = lim.MaxMailboxes, -1 }, account: func(a mailbox.Account) mailbox.Account {
			o := overA(a)
			o.create = func(ctx context.Context, name string, opts *mailbox.CreateOptions) (mailbox.Info, error) {
				list, err := a.Mailboxes(ctx, 0)
				list = slices.DeleteFunc(list, func(in mailbox.Info) bool { return in.NonExistent })
				if err == nil && len(list) >= most {
					err = mailbox.ErrLimit
				}
				if err != nil {
					return mailbox.Info{}, err
				}
				return a.Create(ctx, name, opts)
			}
			return o
		}}
	}(),
	"copies are copied again": {found: "Copy", box: func(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox {
		o := over(m)
		o.copy = behindGaps(m, m.Copy)
		return o
	}},
	"what was moved is moved again": {found: "Move", box: func(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox {
		o := over(m)
		o.move = behindGaps(m, m.Move)
		return o
	}},
	"mailboxes come in any order": {found: "Mailboxes", account: func(a mailbox.Account) mailbox.Account {
		o := overA(a)
		o.list = func(ctx context.Context, want mailbox.ListWant) ([]mailbox.Info, error) {
			list, err := a.Mailboxes(ctx, want)
			slices.Reverse(list)
			return list, err
		}
		return o
	}},
}

func sameAccount(a mailbox.Account) mailbox.Account { return overA(a) }

type transfer func(ctx context.Context, set mailbox.UIDSet, dest string) (mailbox.Result, error)

// behindGaps does Copy or Move for the messages that exist, and then for the ranges of
// the set that begin behind them, in which it finds messages that it has made.
func behindGaps(m mailbox.Mailbox, f transfer) transfer {
	return func(ctx context.Context, set mailbox.UIDSet, dest string) (mailbox.Result, error) {
		st, err := m.Status(ctx)
		if err != nil {
			return mailbox.Result{}, err
		}
		var behind mailbox.UIDSet
		for _, r := range set.Ranges() {
			if r.First >= st.UIDNext {
				behind.AddRange(r.First, r.Last)
			}
		}
		all, err := f(ctx, set.Subtract(behind), dest)
		if err != nil || behind.IsEmpty() {
			return all, err
		}
		res, err := f(ctx, behind, dest)
		all.Moved = append(all.Moved, res.Moved...)
		for _, step := range res.Steps {
			all.Steps.Add(step)
		}
		return all, err
	}
}

const defectEnv = "MAILBOXTEST_DEFECT"

// TestBroken runs the suite on a broken store, when TestDefects asks it to.
func TestBroken(t *testing.T) {
	d, ok := defects[os.Getenv(defectEnv)]
	if !ok {
		t.Skip("it is run by TestDefects")
	}
	runBroken(t, d)
}

// TestDefects checks that the suite finds each defect: a suite that passes
// everything would pass everything.
func TestDefects(t *testing.T) {
	for name, d := range defects {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Some defects show only by chance: they get more than one.
			var out []byte
			var err error
			for range 5 {
				// -test.timeout ends what the defect lets hang.
				cmd := exec.Command(os.Args[0], "-test.run=^TestBroken$/^"+d.found+"$", "-test.timeout=5s")
				cmd.Env = append(os.Environ(), defectEnv+"="+name)
				if out, err = cmd.CombinedOutput(); err != nil {
					break
				}
			}
			require.Error(t, err, "the suite has not found it")
			require.Contains(t, string(out), "TestBroken/"+d.found)
			require.Regexp(t, fmt.Sprintf(`--- FAIL: TestBroken/%s|test timed out`, d.found), string(out))
		})
	}
}

// TestSound checks that the suite finds no fault where there is none.
func TestSound(t *testing.T) {
	sound := defect{
		account: func(a mailbox.Account) mailbox.Account { return overA(a) },
	}
	runBroken(t, sound)
}
