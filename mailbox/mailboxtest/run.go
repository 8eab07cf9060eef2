package mailboxtest

import (
	"context"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// Options describe the optional abilities of a store. The zero value, and nil, are
// for a store without any.
type Options struct {
	// CreateAccount makes an account. By default the store must be a
	// [mailbox.Admin], and its method is called.
	CreateAccount func(ctx context.Context, s mailbox.Store, name string) error

	// Reopen closes a store and opens it anew, with all that was in it. Stores
	// that keep nothing leave it out.
	Reopen func(t testing.TB, s mailbox.Store) mailbox.Store

	// Second opens the data of a store a second time, as another process would
	// that shares it. Stores that are for one process leave it out.
	Second func(t testing.TB, s mailbox.Store) mailbox.Store

	// WithLimits opens an empty store whose accounts have these limits. Fields
	// that the store can't limit are ignored, as Account.Limits shows.
	WithLimits func(t testing.TB, lim mailbox.Limits) mailbox.Store

	// Share gives an account, user, these rights on a mailbox of another, none
	// if they are zero, and returns the name under which that account has it.
	// Stores whose accounts can't share leave it out.
	Share func(ctx context.Context, s mailbox.Store, owner, name, user string, rights mailbox.Rights) (shared string, err error)

	// Damage damages what is stored of a message, so that some or all of it
	// can't be read. Stores that can't be damaged leave it out.
	Damage func(t testing.TB, s mailbox.Store, account, name string, uid mailbox.UID)

	// Lacks are promises that the store can't keep.
	Lacks Lack
}

// Run checks a store. open returns an empty one, and sees to it, with
// t.Cleanup, that it is closed in the end; it is called once for each subtest.
// If the store has a Close method (io.Closer), Run may have called it by then, and
// closing again must be harmless.
// opts may be nil.
func Run(t *testing.T, open func(t testing.TB) mailbox.Store, opts *Options) {
	if opts == nil {
		opts = &Options{}
	}
	s := &suite{open: open, Options: *opts}
	for _, test := range []struct {
		name string
		run  func(t *testing.T, f *fixture)
	}{
		{"Accounts", testAccounts},
		{"Admin", testAdmin},
		{"Mailboxes", testMailboxes},
		{"Names", testNames},
		{"Rename", testRename},
		{"Delete", testDelete},
		{"Subscribe", testSubscribe},
		{"Append", testAppend},
		{"AppendAtomic", testAppendAtomic},
		{"AppendDates", testAppendDates},
		{"Content", testContent},
		{"Summary", testSummary},
		{"Want", testWant},
		{"Messages", testMessages},
		{"MessagesReentrant", testMessagesReentrant},
		{"Status", testStatus},
		{"Flags", testFlags},
		{"Keywords", testKeywords},
		{"UnchangedSince", testUnchangedSince},
		{"Expunge", testExpunge},
		{"Copy", testCopy},
		{"Move", testMove},
		{"Replace", testReplace},
		{"ListStatus", testListStatus},
		{"Access", testAccess},
		{"Shared", testShared},
		{"Rights", testRights},
		{"SharedTransfer", testSharedTransfer},
		{"Damage", testDamage},
		{"Large", testLarge},
		{"Changes", testChanges},
		{"Steps", testSteps},
		{"History", testHistory},
		{"Watch", testWatch},
		{"WatchSlow", testWatchSlow},
		{"WatchConcurrent", testWatchConcurrent},
		{"Concurrent", testConcurrent},
		{"ConcurrentMove", testConcurrentMove},
		{"ConcurrentNames", testConcurrentNames},
		{"Cancel", testCancel},
		{"Limits", testLimits},
		{"Quota", testQuota},
		{"Recent", testRecent},
		{"Search", testSearch},
		{"Reopen", testReopen},
		{"Second", testSecond},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, s.fixture(t)) })
	}
}

type suite struct {
	Options
	open func(t testing.TB) mailbox.Store
}

// A fixture is an empty store with one account.
type fixture struct {
	*suite
	ctx   context.Context
	store mailbox.Store
	mailbox.Account

	// With LackSuperiors: mailboxes that were created, and superiors that may
	// have been created with them.
	mu              sync.Mutex
	made, superiors map[string]bool
}

// user is the account of a fixture.
const user = "alice"

func (s *suite) fixture(t testing.TB) *fixture { return s.with(t, s.open(t)) }

func (s *suite) with(t testing.TB, store mailbox.Store) *fixture {
	f := s.empty(t, store)
	require.NoError(t, f.create(user))
	f.Account = f.account(t, user)
	return f
}

// empty returns a fixture without an account.
func (s *suite) empty(t testing.TB, store mailbox.Store) *fixture {
	return &fixture{suite: s, ctx: t.Context(), store: store, made: map[string]bool{}, superiors: map[string]bool{}}
}

// create makes an account.
func (f *fixture) create(name string) error {
	if f.CreateAccount != nil {
		return f.CreateAccount(f.ctx, f.store, name)
	}
	admin, ok := f.store.(mailbox.Admin)
	if !ok {
		panic("mailboxtest: the store is no mailbox.Admin, and Options.CreateAccount is not set")
	}
	return admin.CreateAccount(f.ctx, name)
}

// account opens an account, and closes it with the test.
func (f *fixture) account(t testing.TB, name string) mailbox.Account {
	t.Helper()
	a, err := f.store.Account(f.ctx, name)
	require.NoError(t, err)
	t.Cleanup(func() { a.Close() })
	return a
}

// reopen closes the store and opens it again.
func (f *fixture) reopen(t testing.TB) {
	t.Helper()
	require.NoError(t, f.Account.Close())
	f.store = f.Reopen(t, f.store)
	f.Account = f.account(t, user)
}

// box opens a mailbox, which is made if it does not exist.
func (f *fixture) box(t testing.TB, name string) mailbox.Mailbox {
	t.Helper()
	m, err := f.Mailbox(f.ctx, name)
	if err != nil {
		require.ErrorIs(t, err, mailbox.ErrNotExist)
		_, err = f.Create(f.ctx, name, nil)
		require.NoError(t, err)
		m, err = f.Mailbox(f.ctx, name)
	}
	require.NoError(t, err)
	return m
}

// text returns a small message.
func text(subject string) string {
	return "From: Ann <ann@example.org>\r\nTo: bob@example.net\r\nSubject: " + subject +
		"\r\nMessage-ID: <" + subject + "@example.org>\r\n\r\nHello, this is " + subject + ".\r\n"
}

// draft returns a small message to append.
func draft(subject string, flags ...mailbox.Flag) mailbox.Incoming {
	body := text(subject)
	return mailbox.Incoming{Body: strings.NewReader(body), Size: int64(len(body)), Flags: mailbox.NewFlagSet(flags...)}
}

// fill appends n small messages, one by one, and returns their UIDs.
func fill(t testing.TB, m mailbox.Mailbox, n int, flags ...mailbox.Flag) []mailbox.UID {
	t.Helper()
	var all []mailbox.UID
	for i := range n {
		res, err := m.Append(t.Context(), draft("m"+strconv.Itoa(i), flags...))
		require.NoError(t, err)
		require.Equal(t, 1, res.Len())
		all = append(all, arrived(res)...)
	}
	return all
}

// arrived returns the UIDs that a result gave, in its order.
func arrived(res mailbox.Result) (all []mailbox.UID) {
	for _, run := range res.Moved {
		for i := range run.Dest.Len() {
			all = append(all, run.Dest.First+mailbox.UID(i))
		}
	}
	return all
}

// entries reads the entries of the set.
func entries(t testing.TB, m mailbox.Mailbox, set mailbox.UIDSet) []mailbox.Entry {
	t.Helper()
	var list []mailbox.Entry
	for msg, err := range m.Messages(t.Context(), set, mailbox.WantEntry) {
		require.NoError(t, err)
		list = append(list, msg.Entry)
	}
	for i := 1; i < len(list); i++ {
		if list[i-1].UID >= list[i].UID {
			t.Fatalf("messages come out of order: UID %d, then %d", list[i-1].UID, list[i].UID)
		}
	}
	return list
}

// contents reads the messages of the set, by UID.
func contents(t testing.TB, m mailbox.Mailbox, set mailbox.UIDSet) map[mailbox.UID]string {
	t.Helper()
	all := map[mailbox.UID]string{}
	for msg, err := range m.Messages(t.Context(), set, mailbox.WantContent) {
		require.NoError(t, err)
		all[msg.UID] = readAll(t, msg.Content)
	}
	return all
}

func readAll(t testing.TB, c mailbox.Content) string {
	t.Helper()
	var b strings.Builder
	_, err := io.Copy(&b, io.NewSectionReader(c, 0, c.Size()))
	require.NoError(t, err)
	return b.String()
}

// uids returns the UIDs in the mailbox, as Snapshot and Messages tell them.
func uids(t testing.TB, m mailbox.Mailbox) mailbox.UIDSet {
	t.Helper()
	snap, err := m.Snapshot(t.Context())
	require.NoError(t, err)
	var set mailbox.UIDSet
	for _, e := range entries(t, m, mailbox.AllUIDs()) {
		set.Add(e.UID)
	}
	require.Equal(t, set.String(), snap.UIDs.String(), "Snapshot and Messages agree")
	require.Less(t, snap.UIDs.Max(), snap.State.UIDNext)
	return set
}

func status(t testing.TB, m mailbox.Mailbox) mailbox.Status {
	t.Helper()
	st, err := m.Status(t.Context())
	require.NoError(t, err)
	return st
}

// changesSince asks for the changes after a state.
func changesSince(t testing.TB, m mailbox.Mailbox, since mailbox.State) mailbox.Changes {
	t.Helper()
	ch, err := m.Changes(t.Context(), since)
	require.NoError(t, err)
	return ch
}

// changes asks for the changes after a ModSeq, as a reader does that knows no
// UIDNext.
func changes(t testing.TB, m mailbox.Mailbox, since mailbox.ModSeq) mailbox.Changes {
	t.Helper()
	ch := changesSince(t, m, mailbox.State{ModSeq: since, UIDNext: mailbox.MaxUID})
	require.True(t, ch.New.IsEmpty(), "no UID is as high as that")
	return ch
}

// sameEntry checks that two entries say the same.
func sameEntry(t testing.TB, want, got mailbox.Entry) {
	t.Helper()
	_, wantZone := want.InternalDate.Zone()
	_, gotZone := got.InternalDate.Zone()
	// One comparison in place of ten calls to require: the model test comes
	// here a million times.
	if want.UID != got.UID || want.ModSeq != got.ModSeq || !want.Flags.Equal(got.Flags) ||
		want.InternalDate.Unix() != got.InternalDate.Unix() || wantZone != gotZone ||
		!want.SaveDate.Equal(got.SaveDate) || want.Size != got.Size ||
		want.EmailID != got.EmailID || want.ThreadID != got.ThreadID {
		t.Fatalf("entries differ:\nwant %+v\ngot  %+v", want, got)
	}
}

// sameTime is sameTime as far as the store keeps zones.
func (s *suite) sameTime(t testing.TB, want, got time.Time) {
	t.Helper()
	if s.lacks(LackDates) {
		if want.Unix() >= 0 && want.UTC().Year() < 2038 {
			require.Equal(t, want.Unix(), got.Unix(), "%v, %v", want, got)
		}
		return
	}
	sameTime(t, want, got)
}

// sameTime checks that two times are the same second in the same zone.
func sameTime(t testing.TB, want, got time.Time) {
	t.Helper()
	_, wantZone := want.Zone()
	_, gotZone := got.Zone()
	require.Equal(t, want.Unix(), got.Unix(), "%v, %v", want, got)
	require.Equal(t, wantZone, gotZone, "zones of %v, %v", want, got)
}
