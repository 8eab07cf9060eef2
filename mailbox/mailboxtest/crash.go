package mailboxtest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// CrashOptions tell Crash how to work with a store.
type CrashOptions struct {
	// Open opens the store in the directory, which is empty the first time, and
	// later as the killed process has left it. Closing is done through the
	// store's Close method, if it has one (io.Closer).
	Open func(dir string) (mailbox.Store, error)

	// CreateAccount makes an account, see [Options].
	CreateAccount func(ctx context.Context, s mailbox.Store, name string) error

	// Rounds is how often the process is killed. Default 8, with -short 3.
	Rounds int
}

// Crash checks that a store loses nothing when its process dies. It runs the
// test binary again, as a child, which comes back to this very call by the
// name of the test and writes to the store from several goroutines: it
// appends, moves, flags and expunges, and says so on its standard output when
// each call has returned. The parent kills it at a random moment, opens the
// store, and checks that
//
//   - all acknowledged messages exist, undamaged, unless their removal was
//     acknowledged;
//   - a call that was not acknowledged has taken effect wholly or not at all;
//   - no UID was given twice, also not those of expunged messages;
//   - the counters are right, and Changes leads from the last view to the new
//     one;
//
// and so on, round after round, in the same directory. A kill does not
// affect data that the process had passed to the operating system, so Crash can't
// check for a loss of power.
//
// Call it in a test function, or subtest, of its own: the child also runs all code
// before it there.
func Crash(t *testing.T, opts CrashOptions) {
	if dir := os.Getenv(crashEnv); dir != "" {
		crashChild(opts, dir)
	}
	if opts.Rounds == 0 {
		opts.Rounds = 8
		if testing.Short() {
			opts.Rounds = 3
		}
	}
	c := &crash{
		CrashOptions: opts,
		dir:          t.TempDir(),
		owner:        map[place]string{},
		where:        map[string]place{},
		doubt:        map[string]string{},
		expunged:     map[string]bool{},
		flagged:      map[string]bool{},
	}
	f := c.reopen(t, true)
	for i := range c.views {
		c.views[i] = look(t, f.box(t, crashBoxes[i]))
	}
	f.done()
	for round := range opts.Rounds {
		acks := c.round(t, round)
		f := c.reopen(t, false)
		c.verify(t, f)
		t.Logf("round %d: killed after %d acknowledgements; %d messages are there", round, acks, len(c.where))
		f.done()
	}
}

// crashEnv names the directory of the store to the child.
const crashEnv = "MAILBOXTEST_CRASH_DIR"

var crashBoxes = [2]string{"INBOX", "other"}

// crashBody returns the message of that name, whose size and octets follow
// from the name.
func crashBody(name string) string {
	h := fnv.New64a()
	io.WriteString(h, name)
	rng := rand.New(rand.NewPCG(h.Sum64(), 0))
	size := rng.IntN(4000)
	if rng.IntN(8) == 0 {
		size = rng.IntN(400_000)
	}
	b := append([]byte("X-Name: "+name+"\r\nSubject: crash\r\n\r\n"), make([]byte, size)...)
	for i := len(b) - size; i < len(b); i++ {
		b[i] = byte(rng.Uint32())
	}
	return string(b)
}

// crashName returns the name of a message that crashBody has made, empty if it
// is none.
func crashName(body string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(body, "X-Name: "), "\r\n")
	if body != crashBody(name) {
		return ""
	}
	return name
}

// A place is where a message is.
type place struct {
	box int
	uid mailbox.UID
}

// crashChild works until it is killed.
func crashChild(opts CrashOptions, dir string) {
	time.AfterFunc(2*time.Minute, func() { os.Exit(3) }) // if the parent dies
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, "crash child:", err)
			os.Exit(2)
		}
	}
	ctx := context.Background()
	store, err := opts.Open(dir)
	fail(err)
	account, err := store.Account(ctx, user)
	fail(err)
	var boxes [2]mailbox.Mailbox
	for i, name := range crashBoxes {
		boxes[i], err = account.Mailbox(ctx, name)
		fail(err)
	}
	var mu sync.Mutex
	say := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		if _, err := fmt.Printf(crashMark+format+"\n", args...); err != nil {
			os.Exit(4)
		}
	}
	for worker := range 6 {
		go func() {
			var mine []place
			for step := 0; ; step++ {
				box := rand.IntN(2)
				m := boxes[box]
				if len(mine) < 3 || rand.IntN(2) == 0 {
					n := 1 + rand.IntN(3)
					var drafts []mailbox.Incoming
					var names []string
					for i := range n {
						name := fmt.Sprintf("%d.%d.%d-%d/%d", os.Getpid(), worker, step, i, n)
						body := crashBody(name)
						names = append(names, name)
						drafts = append(drafts, mailbox.Incoming{Body: strings.NewReader(body), Size: int64(len(body))})
					}
					res, err := m.Append(ctx, drafts...)
					fail(err)
					for i, uid := range arrived(res) {
						say("append %d %d %s", box, uid, names[i])
						mine = append(mine, place{box, uid})
					}
					continue
				}
				i := rand.IntN(len(mine))
				p := mine[i]
				set := mailbox.UIDSetOf(p.uid)
				switch rand.IntN(3) {
				case 0:
					_, err := boxes[p.box].SetFlags(ctx, set, mailbox.FlagChange{Flags: mailbox.NewFlagSet("Mark")})
					fail(err)
					say("flag %d %d", p.box, p.uid)
				case 1:
					say("expunging %d %d", p.box, p.uid)
					gone, err := boxes[p.box].Expunge(ctx, set, mailbox.FlagSet{})
					fail(err)
					if gone.Len() != 1 {
						fail(fmt.Errorf("UID %d of %s was not there to expunge", p.uid, crashBoxes[p.box]))
					}
					say("expunge %d %d", p.box, p.uid)
					mine = append(mine[:i], mine[i+1:]...)
				case 2:
					say("moving %d %d", p.box, p.uid)
					res, err := boxes[p.box].Move(ctx, set, crashBoxes[1-p.box])
					fail(err)
					if res.DestUIDs().Len() != 1 {
						fail(fmt.Errorf("UID %d of %s was not there to move", p.uid, crashBoxes[p.box]))
					}
					mine[i] = place{1 - p.box, res.DestUIDs().Min()}
					say("move %d %d %d %d", p.box, p.uid, mine[i].box, mine[i].uid)
				}
			}
		}()
	}
	select {}
}

// crashMark stands before the child's acknowledgements, among whatever else
// there is on its standard output.
const crashMark = "acknowledged: "

// crash is what the parent knows of the store.
type crash struct {
	CrashOptions
	dir      string
	owner    map[place]string  // the name of the message that was ever there
	where    map[string]place  // messages that must be there
	doubt    map[string]string // names for which "expunging" or "moving" was said, and not the end of it
	expunged map[string]bool
	flagged  map[string]bool
	views    [2]view
}

type crashFixture struct {
	*fixture
	t testing.TB
}

func (c *crash) reopen(t *testing.T, first bool) *crashFixture {
	t.Helper()
	store, err := c.Open(c.dir)
	require.NoError(t, err, "opening the store")
	f := &fixture{suite: &suite{Options: Options{CreateAccount: c.CreateAccount}}, ctx: t.Context(), store: store}
	if first {
		require.NoError(t, f.create(user))
	}
	f.Account, err = store.Account(f.ctx, user)
	require.NoError(t, err)
	if first {
		for _, name := range crashBoxes {
			f.box(t, name)
		}
	}
	return &crashFixture{f, t}
}

func (f *crashFixture) done() {
	f.t.Helper()
	require.NoError(f.t, f.Account.Close())
	if closer, ok := f.store.(io.Closer); ok {
		require.NoError(f.t, closer.Close())
	}
}

// round lets the child work, kills it, and notes what it has acknowledged. It
// returns how many acknowledgements there were.
func (c *crash) round(t *testing.T, round int) int {
	pattern := []string{}
	for name := range strings.SplitSeq(t.Name(), "/") {
		pattern = append(pattern, "^"+regexp.QuoteMeta(name)+"$")
	}
	cmd := exec.Command(os.Args[0], "-test.run="+strings.Join(pattern, "/"), "-test.count=1")
	cmd.Env = append(os.Environ(), crashEnv+"="+c.dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer cmd.Process.Kill()

	killAfter := rand.IntN(200)
	if round == 0 {
		killAfter = 200 // something to begin with
	}
	lines := bufio.NewReader(out)
	acks := 0
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // the last line, if it has no end, was never acknowledged
		}
		text, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), crashMark)
		if !ok {
			continue
		}
		c.note(t, text)
		if acks++; acks == killAfter+1 {
			// At a time independent of the child.
			pause := time.Duration(rand.IntN(3000)) * time.Microsecond
			time.AfterFunc(pause, func() { cmd.Process.Kill() })
		}
	}
	err = cmd.Wait()
	require.Error(t, err)
	require.Greater(t, acks, killAfter, "the child ended by itself: %v\n%s", err, stderr.String())
	require.NotContains(t, stderr.String(), "crash child:")
	return acks
}

// note takes an acknowledgement down.
func (c *crash) note(t *testing.T, line string) {
	t.Helper()
	var p, to place
	var name, verb string
	switch verb, _, _ = strings.Cut(line, " "); verb {
	case "append":
		_, err := fmt.Sscanf(line, "append %d %d %s", &p.box, &p.uid, &name)
		require.NoError(t, err, line)
		c.put(t, p, name)
	case "move":
		_, err := fmt.Sscanf(line, "move %d %d %d %d", &p.box, &p.uid, &to.box, &to.uid)
		require.NoError(t, err, line)
		name = c.owner[p]
		delete(c.doubt, name)
		c.put(t, to, name)
	case "flag", "moving", "expunging", "expunge":
		_, err := fmt.Sscanf(line, verb+" %d %d", &p.box, &p.uid)
		require.NoError(t, err, line)
		name = c.owner[p]
		switch verb {
		case "flag":
			c.flagged[name] = true
		case "moving", "expunging":
			c.doubt[name] = verb
		case "expunge":
			delete(c.doubt, name)
			delete(c.where, name)
			c.expunged[name] = true
		}
	default:
		t.Fatalf("unknown acknowledgement %q", line)
	}
	require.NotEmpty(t, name, "%s: of a message nobody has appended", line)
}

// put notes that a message is at a place, where none was before.
func (c *crash) put(t *testing.T, p place, name string) {
	t.Helper()
	if was, ok := c.owner[p]; ok {
		require.Equal(t, was, name, "UID %d of %s was given twice", p.uid, crashBoxes[p.box])
	}
	c.owner[p] = name
	c.where[name] = p
}

// verify compares the store with what was acknowledged, and then takes over
// what it holds besides.
func (c *crash) verify(t *testing.T, f *crashFixture) {
	found := map[string]place{}
	groups := map[string]int{}
	for box, boxName := range crashBoxes {
		m := f.box(t, boxName)
		st := requireStatus(t, m)
		uids(t, m)
		for msg, err := range m.Messages(f.ctx, mailbox.AllUIDs(), mailbox.WantEntry|mailbox.WantContent|mailbox.WantSummary) {
			require.NoError(t, err)
			require.NotNil(t, msg.Envelope)
			require.NotNil(t, msg.Structure)
			body := readAll(t, msg.Content)
			require.EqualValues(t, len(body), msg.Size)
			name := crashName(body)
			require.NotEmpty(t, name, "%s UID %d is damaged", boxName, msg.UID)
			p := place{box, msg.UID}
			other, twice := found[name]
			require.False(t, twice, "%s is at %v and at %v", name, p, other)
			found[name] = p
			if was, ok := c.owner[p]; ok {
				require.Equal(t, was, name, "%s UID %d has two messages", boxName, p.uid)
			}
			if c.flagged[name] {
				require.True(t, msg.Flags.Has("Mark"), "%s has lost its flag", name)
			}
			call, _, _ := strings.Cut(name, "-")
			groups[call]++
		}
		for p := range c.owner {
			require.True(t, p.box != box || p.uid < st.UIDNext, "UID %d was given, and UIDNext is %d", p.uid, st.UIDNext)
		}
		v := &c.views[box]
		v.update(t, m, changesSince(t, m, v.state))
		require.Equal(t, look(t, m), *v, "Changes lead from the last view to the new one")
	}
	for name, p := range c.where {
		at, ok := found[name]
		switch c.doubt[name] {
		case "expunging": // there or not
		case "moving":
			require.True(t, ok, "%s was being moved from %v, and is lost", name, p)
		default:
			require.True(t, ok, "%s was acknowledged, at %v, and is lost", name, p)
			require.Equal(t, p, at, "%s is elsewhere", name)
		}
	}
	for name, p := range found {
		require.False(t, c.expunged[name], "%s was expunged, and is at %v", name, p)
		if _, ok := c.where[name]; ok {
			continue
		}
		// Never acknowledged: then all messages of its Append are there.
		call, rest, _ := strings.Cut(name, "-")
		var i, n int
		_, err := fmt.Sscanf(rest, "%d/%d", &i, &n)
		require.NoError(t, err)
		require.Equal(t, n, groups[call], "of the messages of one Append some are there")
	}
	// From here on, what is there must stay.
	clear(c.doubt)
	clear(c.where)
	for name, p := range found {
		c.owner[p], c.where[name] = name, p
	}
}
