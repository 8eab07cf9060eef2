package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/memory"
)

// A fault breaks the connection at an append.
type fault int

const (
	lost fault = iota + 1 // the messages arrive, but not the answer
	late                  // they arrive with those of the next append
)

// A rig copies between two accounts in memory.
type rig struct {
	t           *testing.T
	src, dst    mailbox.Account
	state       string
	faults      map[int]fault // by the number of the append, from 1
	mu          sync.Mutex    // guards what follows
	appends     int
	held        [][]mailbox.Incoming // sent, and not arrived
	without     bool                 // the target tells no UIDs
	out, errout bytes.Buffer
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, state: filepath.Join(t.TempDir(), "state")}
	for _, a := range []*mailbox.Account{&r.src, &r.dst} {
		st := memory.New(nil)
		require.NoError(t, st.CreateAccount(t.Context(), "tim"))
		acct, err := st.Account(t.Context(), "tim")
		require.NoError(t, err)
		*a = acct
	}
	return r
}

// copy runs a copy. set changes its settings.
func (r *rig) copy(set func(*copier)) error {
	r.out.Reset()
	r.errout.Reset()
	c := &copier{errout: &r.errout, progress: newProgress(&r.out, true), connections: 2, batch: 3, attempts: 5, wait: time.Millisecond}
	c.source = func(context.Context) (side, error) { return storeSide{r.src}, nil }
	c.target = func(context.Context) (side, error) { return &faultySide{storeSide: storeSide{r.dst}, r: r}, nil }
	if set != nil {
		set(c)
	}
	var err error
	c.journal, err = openJournal(r.state, "a", "b", c.dryRun)
	require.NoError(r.t, err)
	defer c.journal.close()
	err = c.run(r.t.Context())
	if err == nil && c.failures.Load() > 0 {
		err = errors.New(r.errout.String())
	}
	return err
}

func (r *rig) add(name, text string, flags ...mailbox.Flag) mailbox.UID {
	m, err := r.src.Mailbox(r.t.Context(), name)
	require.NoError(r.t, err)
	res, err := m.Append(r.t.Context(), mailbox.Incoming{Body: strings.NewReader(text), Size: int64(len(text)),
		Flags: mailbox.NewFlagSet(flags...), InternalDate: time.Date(2020, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))})
	require.NoError(r.t, err)
	return res.DestUIDs().Min()
}

// same requires that both sides have the same messages with flags and dates,
// mailboxes, roles and subscriptions.
func (r *rig) same() {
	r.t.Helper()
	require.Equal(r.t, describe(r.t, r.src), describe(r.t, r.dst))
}

func describe(t *testing.T, a mailbox.Account) map[string]int {
	out := map[string]int{}
	list, err := a.Mailboxes(t.Context(), 0)
	require.NoError(t, err)
	for _, i := range list {
		out[fmt.Sprint(i.Name, i.SpecialUse, i.Subscribed)]++
		m, err := a.Mailbox(t.Context(), i.Name)
		require.NoError(t, err)
		for msg, err := range m.Messages(t.Context(), mailbox.AllUIDs(), mailbox.WantEntry|mailbox.WantContent) {
			require.NoError(t, err)
			text, err := io.ReadAll(newContentBody(msg.Content))
			require.NoError(t, err)
			out[fmt.Sprint(i.Name, msg.Flags, msg.InternalDate.Format(time.RFC3339), string(text))]++
		}
	}
	return out
}

// A faultySide is a target whose connection breaks.
type faultySide struct {
	storeSide
	r      *rig
	broken atomic.Bool
}

func (s *faultySide) failed() bool { return s.broken.Load() }

func (s *faultySide) open(ctx context.Context, name string, readOnly bool) (box, error) {
	b, err := s.storeSide.open(ctx, name, readOnly)
	return faultyBox{b, s}, err
}

type faultyBox struct {
	box
	s *faultySide
}

func (b faultyBox) append(ctx context.Context, msgs []mailbox.Incoming) ([]mailbox.UID, map[int]error, error) {
	r := b.s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	r.appends++
	f := r.faults[r.appends]
	if f == late {
		b.s.broken.Store(true)
		r.held = append(r.held, msgs)
		return nil, nil, errors.New("connection lost")
	}
	for _, old := range r.held {
		if _, _, err := b.box.append(ctx, old); err != nil {
			return nil, nil, err
		}
	}
	r.held = nil
	uids, refused, err := b.box.append(ctx, msgs)
	if err == nil && f == lost {
		b.s.broken.Store(true)
		return nil, nil, errors.New("connection lost")
	}
	if r.without {
		clear(uids)
	}
	return uids, refused, err
}

func TestCopy(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	_, err := r.src.Create(ctx, "Sent", &mailbox.CreateOptions{SpecialUse: mailbox.UseSent})
	require.NoError(t, err)
	_, err = r.src.Create(ctx, "Work/2020", nil)
	require.NoError(t, err)
	require.NoError(t, r.src.Subscribe(ctx, "Work/2020", true))
	for i := range 20 {
		r.add("INBOX", fmt.Sprintf("Subject: %d\r\n\r\n", i/2), mailbox.FlagSeen, "$Forwarded") // each twice
	}
	long := strings.Repeat("x", batchOctets)
	r.add("Sent", "Subject: bare\n\nLF\n")
	r.add("Sent", long)
	r.add("Sent", "Subject: last\r\n\r\n", mailbox.FlagDraft)

	require.NoError(t, r.copy(func(c *copier) { c.dryRun = true }))
	require.Contains(t, r.out.String(), "INBOX: 20 messages to copy")
	require.Contains(t, r.out.String(), "Work/2020: would be created")
	require.NoFileExists(t, r.state)

	require.NoError(t, r.copy(nil))
	r.same()
	require.Contains(t, r.out.String(), "INBOX: 20 messages copied")

	// Nothing to do.
	require.NoError(t, r.copy(nil))
	require.Empty(t, r.out.String())

	// The file is lost.
	r.state += "2"
	require.NoError(t, r.copy(nil))
	r.same()

	// Flags and new messages follow; what has gone from the target comes back.
	src, _ := r.src.Mailbox(ctx, "INBOX")
	dst, _ := r.dst.Mailbox(ctx, "INBOX")
	_, err = src.SetFlags(ctx, mailbox.UIDSetOf(1, 2, 20), mailbox.FlagChange{Op: mailbox.FlagsReplace, Flags: mailbox.NewFlagSet(mailbox.FlagFlagged, "mine")})
	require.NoError(t, err)
	_, err = dst.SetFlags(ctx, mailbox.UIDSetOf(5), mailbox.FlagChange{Op: mailbox.FlagsAdd, Flags: mailbox.NewFlagSet("theirs")})
	require.NoError(t, err)
	_, err = dst.Expunge(ctx, mailbox.UIDSetOf(7), mailbox.FlagSet{})
	require.NoError(t, err)
	r.add("INBOX", "Subject: new\r\n\r\n")
	require.NoError(t, r.copy(func(c *copier) { c.dryRun = true }))
	require.Contains(t, r.out.String(), "INBOX: 2 messages to copy, 4 to change flags of")
	require.NoError(t, r.copy(nil))
	require.Contains(t, r.out.String(), "INBOX: 2 messages copied, flags of 4 changed")
	r.same()

	// What is gone stays, but for -delete; what only the target has stays.
	_, err = src.Expunge(ctx, mailbox.UIDSetOf(3, 4), mailbox.FlagSet{})
	require.NoError(t, err)
	_, err = dst.Append(ctx, mailbox.Incoming{Body: strings.NewReader("own"), Size: 3})
	require.NoError(t, err)
	require.NoError(t, r.src.Delete(ctx, "Work/2020"))
	require.NoError(t, r.copy(nil))
	st, _ := dst.Status(ctx)
	require.EqualValues(t, 22, st.Messages)
	require.NoError(t, r.copy(func(c *copier) { c.dryRun, c.delete = true, true }))
	require.Contains(t, r.out.String(), "2 to delete")
	require.NoError(t, r.copy(func(c *copier) { c.delete = true }))
	st, _ = dst.Status(ctx)
	require.EqualValues(t, 20, st.Messages)
	_, err = r.dst.Mailbox(ctx, "Work/2020")
	require.ErrorIs(t, err, mailbox.ErrNotExist)
	require.NoError(t, r.copy(nil))
	require.Empty(t, r.out.String())
}

// The role says which mailbox is meant, if the names differ.
func TestRoles(t *testing.T) {
	r := newRig(t)
	for acct, name := range map[mailbox.Account]string{r.src: "Sent Items", r.dst: "Sent"} {
		_, err := acct.Create(t.Context(), name, &mailbox.CreateOptions{SpecialUse: mailbox.UseSent})
		require.NoError(t, err)
	}
	r.add("Sent Items", "one")
	require.NoError(t, r.copy(nil))
	m, err := r.dst.Mailbox(t.Context(), "Sent")
	require.NoError(t, err)
	st, err := m.Status(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, st.Messages)
	_, err = r.dst.Mailbox(t.Context(), "Sent Items")
	require.ErrorIs(t, err, mailbox.ErrNotExist)
}

// The connection breaks: once the program goes on by itself, once it has ended each
// time and is started again.
func TestBroken(t *testing.T) {
	for name, faults := range map[string]map[int]fault{
		"lost":      {1: lost, 2: lost, 5: lost},
		"late":      {2: late, 3: late},
		"both":      {2: late, 3: lost, 4: lost},
		"late, end": {4: late},
	} {
		for _, ends := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, ends %v", name, ends), func(t *testing.T) {
				r := newRig(t)
				for i := range 10 {
					r.add("INBOX", fmt.Sprintf("Subject: %d\r\n\r\n", i/3))
				}
				r.faults = faults
				for range 4 {
					err := r.copy(func(c *copier) {
						if ends {
							c.attempts = 1
						}
					})
					if err == nil {
						break
					}
				}
				r.same()
				require.NoError(t, r.copy(nil))
				require.Empty(t, r.out.String())
			})
		}
	}
}

// A server need not tell which UIDs messages were given.
func TestWithoutUIDs(t *testing.T) {
	r := newRig(t)
	r.without = true
	for i := range 10 {
		r.add("INBOX", fmt.Sprintf("Subject: %d\r\n\r\n", i/3))
	}
	require.NoError(t, r.copy(nil))
	r.same()
	require.NoError(t, r.copy(nil))
	require.Empty(t, r.out.String())
}

func TestJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dir", "state")
	j, err := openJournal(path, "a", "b", false)
	require.NoError(t, err)
	_, err = openJournal(path, "a", "b", false)
	require.ErrorContains(t, err, "another copy")
	r, fresh, err := j.box(`In"b`+"\nox", "INBOX", 7, 8)
	require.NoError(t, err)
	require.True(t, fresh)
	require.NoError(t, j.intend(r, mailbox.UIDSetOf(1, 2, 3, 9), 101))
	open, err := j.suspect(r)
	require.True(t, open)
	require.NoError(t, err)
	require.NoError(t, j.intend(r, mailbox.UIDSetOf(1, 2, 3, 9, 10), 102))
	require.NoError(t, j.done(r, pairs{{Source: mailbox.UIDRange{First: 1, Last: 3}, Dest: mailbox.UIDRange{First: 101, Last: 103}}}))
	require.NoError(t, j.gone(r, mailbox.UIDSetOf(2)))
	_, err = j.f.WriteAt([]byte("done 1 9=10"), j.size) // killed here
	require.NoError(t, err)
	require.NoError(t, j.close())

	for range 2 {
		j, err = openJournal(path, "a", "b", false)
		require.NoError(t, err)
		r, fresh, err = j.box(`In"b`+"\nox", "INBOX", 7, 8)
		require.NoError(t, err)
		require.False(t, fresh)
		require.Equal(t, "1=101,3=103", r.pairs.String())
		require.Equal(t, "9:10", r.intents.String())
		require.Equal(t, "1:3,9", r.suspects.String())
		require.EqualValues(t, 101, r.floor)
		require.NoError(t, j.close())
	}
	_, err = openJournal(path, "a", "c", false)
	require.ErrorContains(t, err, "other accounts")
	j, err = openJournal(path, "a", "b", false)
	require.NoError(t, err)
	_, fresh, err = j.box(`In"b`+"\nox", "INBOX", 7, 9)
	require.NoError(t, err)
	require.True(t, fresh, "another UIDVALIDITY")
	require.NoError(t, j.close())
}

// A fullDisk takes half of what is written, and may refuse to truncate or sync.
type fullDisk struct {
	journalFile
	write, sync, truncate bool // fail
}

var errFull = errors.New("disk full")

func (f *fullDisk) WriteAt(p []byte, at int64) (int, error) {
	if !f.write {
		return f.journalFile.WriteAt(p, at)
	}
	n, err := f.journalFile.WriteAt(p[:len(p)/2], at)
	return n, errors.Join(err, errFull)
}

func (f *fullDisk) Sync() error {
	if f.sync {
		return errFull
	}
	return f.journalFile.Sync()
}

func (f *fullDisk) Truncate(size int64) error {
	if f.truncate {
		return errFull
	}
	return f.journalFile.Truncate(size)
}

// A line that could not be written, or only in part, does not spoil the next.
func TestJournalFullDisk(t *testing.T) {
	for _, fails := range []fullDisk{{write: true}, {write: true, truncate: true}, {sync: true}, {sync: true, truncate: true}} {
		path := filepath.Join(t.TempDir(), "state")
		j, err := openJournal(path, "a", "b", false)
		require.NoError(t, err)
		r, _, err := j.box("INBOX", "INBOX", 7, 8)
		require.NoError(t, err)
		whole := j.f
		fails.journalFile = whole
		j.f = &fails
		require.ErrorIs(t, j.intend(r, mailbox.UIDSetOf(1, 3, 5, 7, 9), 101), errFull)
		j.f = whole
		require.NoError(t, j.done(r, pairs{{Source: mailbox.UIDRange{First: 2, Last: 2}, Dest: mailbox.UIDRange{First: 4, Last: 4}}}))
		require.NoError(t, j.close())

		j, err = openJournal(path, "a", "b", false)
		require.NoError(t, err)
		r, fresh, err := j.box("INBOX", "INBOX", 7, 8)
		require.NoError(t, err)
		require.False(t, fresh)
		require.Equal(t, "2=4", r.pairs.String())
		require.True(t, r.intents.IsEmpty(), "%v", r.intents)
		require.NoError(t, j.close())
	}
}

// A journal that cannot be written anew is left as it is.
func TestJournalRewriteFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	j, err := openJournal(path, "a", "b", false)
	require.NoError(t, err)
	_, _, err = j.box("INBOX", "INBOX", 7, 8)
	require.NoError(t, err)
	require.NoError(t, j.close())
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.Symlink("/dev/full", path+".new"))
	_, err = openJournal(path, "a", "b", false)
	require.Error(t, err)
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(before), string(after))
}

func TestPairs(t *testing.T) {
	p, err := parsePairs("5:8=1:4,1:4=11:14,9=5,20=3000")
	require.NoError(t, err)
	p.normalize()
	require.Equal(t, "1:4=11:14,5:9=1:5,20=3000", p.String())
	require.EqualValues(t, 12, p.target(2))
	require.EqualValues(t, 5, p.target(9))
	require.EqualValues(t, 0, p.target(10))
	require.Equal(t, "1:9,20", p.sources().String())
	require.Equal(t, "1:5,11:14,3000", p.targets().String())
	require.Equal(t, "4:5,20", p.without(mailbox.UIDSetOf(11, 12, 13, 2, 3, 4, 5)).String())
	p.remove(mailbox.UIDSetOf(2, 7, 20))
	require.Equal(t, "1=11,3:4=13:14,5:6=1:2,8:9=4:5", p.String())
	for _, bad := range []string{"", "1", "1:3=4", "1,2=3,4", "x=y"} {
		_, err := parsePairs(bad)
		require.Error(t, err, bad)
	}
}

func TestArguments(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("POSTHORN_PASSWORD", "x")
	for args, want := range map[string]string{
		"a":                                    "want a source and a target",
		"imaps://tim:secret@x.test a@y.test":   "a password does not belong",
		"imaps://x.test a@y.test":              "want an address, imaps",
		"http://a@x.test a@y.test":             "want an address, imaps",
		"sqlite:x a@y.test":                    "want sqlite:FILE#ACCOUNT",
		"sqlite:" + dir + "/none#tim a@y.test": "no such file",
	} {
		err := run(t.Context(), strings.Fields(args), io.Discard, io.Discard)
		require.ErrorContains(t, err, want, args)
		require.NotContains(t, err.Error(), "secret")
	}
	// Between two files; a dry run makes none of them.
	db := func(name string) string { return "sqlite:" + filepath.Join(dir, name) + "#tim" }
	_, end, err := connect(t.Context(), db("a"), nil, created)
	require.NoError(t, err)
	require.NoError(t, end())
	state := "-state=" + filepath.Join(dir, "state")
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{state, "-dry-run", db("a"), db("b")}, &out, io.Discard))
	require.Contains(t, out.String(), "INBOX: 0 messages to copy")
	require.NoFileExists(t, filepath.Join(dir, "b"))
	require.NoFileExists(t, filepath.Join(dir, "state"))
	require.NoError(t, run(t.Context(), []string{state, "-verify", db("a"), db("b")}, &out, io.Discard))
	require.Contains(t, out.String(), "INBOX: 0 messages verified")
	require.FileExists(t, filepath.Join(dir, "b"))
}

func TestDigest(t *testing.T) {
	sum := func(parts ...string) digest {
		d := newDigester()
		for _, p := range parts {
			io.WriteString(d, p)
		}
		return d.sum()
	}
	require.Equal(t, sum("a\r\nb\r\n"), sum("a\nb", "\n"))
	require.Equal(t, sum("a\r\nb\r\n"), sum("a\r", "\nb\r\n"))
	require.NotEqual(t, sum("a\r\nb\r\n"), sum("a\r\nb"))
}
