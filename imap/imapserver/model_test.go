package imapserver_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapserver"
)

// TestModel has twenty clients append, flag, copy, move and expunge in one mailbox
// at once, at random. Each believes nothing but what it is told: it keeps the
// list of its messages from EXISTS and EXPUNGE, their UIDs and flags from FETCH,
// and computes the result of its own STORE.SILENT. Nothing may ever contradict
// what it knows, and at the end all must agree with the server.
func TestModel(t *testing.T) {
	store := newStore(t, nil)
	acct, err := store.Account(t.Context(), "fred")
	require.NoError(t, err)
	_, err = acct.Create(t.Context(), "other", nil)
	require.NoError(t, err)
	for i := range 20 {
		appendTo(t, acct, "INBOX", testMessage(i+1))
	}
	addr := start(t, &imapserver.Server{Store: store, AllowInsecureAuth: true})

	steps := 120
	if testing.Short() {
		steps = 30
	}
	world := &modelWorld{}
	world.next.Store(1000)
	clients := make([]*modelClient, 20)
	for i := range clients {
		clients[i] = &modelClient{
			client: login(t, addr), world: world,
			rnd: rand.New(rand.NewPCG(uint64(i), uint64(time.Now().UnixNano()))), touched: map[int]bool{},
		}
	}
	var wg sync.WaitGroup
	for i, c := range clients {
		wg.Go(func() {
			c.do("SELECT INBOX")
			for range steps {
				if i < 14 {
					c.write()
				} else {
					c.read()
				}
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	var truth []string
	for i, c := range clients {
		c.do("NOOP")
		before := slices.Clone(c.known)
		c.do("FETCH 1:* (UID FLAGS)")
		var all []string
		for n, m := range c.known {
			require.NotZero(t, m.uid)
			if before[n].uid != 0 {
				require.Equal(t, before[n].uid, m.uid, "client %d: message %d", i, n+1)
			}
			if before[n].flags != nil {
				require.Equal(t, before[n].flags, m.flags, "client %d: flags of UID %d", i, m.uid)
			}
			all = append(all, fmt.Sprint(m.uid, m.flags))
		}
		if i == 0 {
			truth = all
		}
		require.Equal(t, truth, all, "client %d", i)
	}
	inbox, err := acct.Mailbox(t.Context(), "INBOX")
	require.NoError(t, err)
	st, err := inbox.Status(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, len(truth), st.Messages)
	t.Logf("%d messages at the end, %d appended, %d expunged", st.Messages, world.next.Load()-1000, world.expunged.Load())
}

type modelWorld struct {
	next     atomic.Int64
	expunged atomic.Int64
	subjects sync.Map // UID → subject
}

type modelMessage struct {
	uid   int
	flags []string // nil: not known
}

type modelClient struct {
	*client
	world   *modelWorld
	rnd     *rand.Rand
	known   []modelMessage
	touched map[int]bool // messages whose flags were told during the command
	fetched int          // message of the last FETCH response
	recent  int          // how many are recent
}

var (
	uidRE     = regexp.MustCompile(`UID (\d+)`)
	flagsRE   = regexp.MustCompile(`FLAGS \(([^)]*)\)`)
	subjectRE = regexp.MustCompile(`"Message (\d+)"`)
)

// do runs a command and processes its responses.
func (c *modelClient) do(cmd string) string {
	clear(c.touched)
	lines, status := c.cmd(cmd)
	for _, l := range lines {
		c.untagged(cmd, l)
	}
	verb, _, _ := strings.Cut(cmd, " ")
	ok := strings.HasPrefix(status, "OK") ||
		(verb == "COPY" || verb == "MOVE") && strings.HasPrefix(status, "NO [EXPUNGEISSUED]")
	require.True(c.t, ok, "%s: %s", cmd, status)
	require.LessOrEqual(c.t, c.recent, len(c.known), "%s: more messages are recent than there are", cmd)
	return status
}

func (c *modelClient) untagged(cmd, l string) {
	if strings.HasPrefix(l, " FLAGS (") { // behind the literal of a body
		c.known[c.fetched-1].flags = flagList(flagsRE.FindStringSubmatch(l)[1])
		c.touched[c.fetched] = true
		return
	}
	f := strings.SplitN(l, " ", 4)
	if len(f) < 3 || f[0] != "*" {
		return
	}
	if f[1] == "SEARCH" && !strings.HasPrefix(cmd, "UID") {
		for _, s := range strings.Fields(l)[2:] {
			n, err := strconv.Atoi(s)
			require.NoError(c.t, err, l)
			require.LessOrEqual(c.t, n, len(c.known), "%s: %s", cmd, l)
		}
		return
	}
	n, err := strconv.Atoi(f[1])
	if err != nil {
		return
	}
	switch f[2] {
	case "EXISTS":
		require.GreaterOrEqual(c.t, n, len(c.known), "%s: EXISTS shrinks: %s", cmd, l)
		for len(c.known) < n {
			c.known = append(c.known, modelMessage{})
		}
	case "RECENT":
		c.recent = n
	case "EXPUNGE":
		verb, _, _ := strings.Cut(cmd, " ")
		require.NotContains(c.t, []string{"FETCH", "STORE", "SEARCH"}, verb, "EXPUNGE during %s", cmd)
		require.LessOrEqual(c.t, n, len(c.known), "%s: %s", cmd, l)
		c.known = slices.Delete(c.known, n-1, n)
		moved := map[int]bool{}
		for k := range c.touched {
			switch {
			case k < n:
				moved[k] = true
			case k > n:
				moved[k-1] = true
			}
		}
		c.touched = moved
		c.world.expunged.Add(1)
	case "FETCH":
		require.LessOrEqual(c.t, n, len(c.known), "%s: %s", cmd, l)
		c.fetched = n
		m := &c.known[n-1]
		if uid := uidRE.FindStringSubmatch(l); uid != nil {
			u, _ := strconv.Atoi(uid[1])
			if m.uid != 0 {
				require.Equal(c.t, m.uid, u, "%s: message %d is another: %s", cmd, n, l)
			}
			m.uid = u
			if n > 1 && c.known[n-2].uid != 0 {
				require.Greater(c.t, u, c.known[n-2].uid, "%s: %s", cmd, l)
			}
		}
		if flags := flagsRE.FindStringSubmatch(l); flags != nil {
			m.flags = flagList(flags[1])
			c.touched[n] = true
		}
		if s := subjectRE.FindStringSubmatch(l); s != nil && m.uid != 0 {
			was, _ := c.world.subjects.LoadOrStore(m.uid, s[1])
			require.Equal(c.t, was, s[1], "%s: UID %d has another content", cmd, m.uid)
		}
	}
}

func flagList(s string) []string {
	flags := slices.DeleteFunc(strings.Fields(s), func(f string) bool { return f == `\Recent` })
	slices.Sort(flags)
	return append([]string{}, flags...)
}

// seqs picks a range of messages.
func (c *modelClient) seqs() (first, last int) {
	first = 1 + c.rnd.IntN(len(c.known))
	return first, min(first+c.rnd.IntN(4), len(c.known))
}

var modelFlags = []string{`\Deleted`, `\Deleted`, `\Seen`, `\Flagged`, `\Answered`, "Work"}

func (c *modelClient) write() {
	if len(c.known) < 5 || c.rnd.IntN(4) == 0 {
		msg := testMessage(int(c.world.next.Add(1)))
		c.do(fmt.Sprintf("APPEND INBOX {%d+}\r\n%s", len(msg), msg))
		return
	}
	first, last := c.seqs()
	switch c.rnd.IntN(8) {
	case 0:
		c.do("EXPUNGE")
	case 1:
		c.do(fmt.Sprintf("MOVE %d other", first))
	case 2:
		c.do(fmt.Sprintf("COPY %d INBOX", first))
	case 3:
		if uid := c.known[first-1].uid; uid != 0 {
			c.do(fmt.Sprintf("UID STORE %d +FLAGS.SILENT (\\Deleted)", uid))
			for i := range c.known {
				if c.known[i].uid == uid && !c.touched[i+1] {
					c.known[i].apply("+", `\Deleted`)
				}
			}
			c.do(fmt.Sprintf("UID EXPUNGE %d", uid))
		}
	case 4:
		c.read()
	case 5:
		flag := modelFlags[c.rnd.IntN(len(modelFlags))]
		op := []string{"+", "-"}[c.rnd.IntN(2)]
		c.do(fmt.Sprintf("STORE %d:%d %sFLAGS (%s)", first, last, op, flag))
	default:
		flag := modelFlags[c.rnd.IntN(len(modelFlags))]
		op := []string{"+", "-", ""}[c.rnd.IntN(3)]
		// During STORE no message changes its number.
		c.do(fmt.Sprintf("STORE %d:%d %sFLAGS.SILENT (%s)", first, last, op, flag))
		for n := first; n <= last; n++ {
			if !c.touched[n] {
				c.known[n-1].apply(op, flag)
			}
		}
	}
}

func (m *modelMessage) apply(op, flag string) {
	switch {
	case op == "":
		m.flags = []string{flag}
	case m.flags == nil:
	case op == "+" && !slices.Contains(m.flags, flag):
		m.flags = append(m.flags, flag)
		slices.Sort(m.flags)
	case op == "-":
		m.flags = slices.DeleteFunc(slices.Clone(m.flags), func(f string) bool { return f == flag })
	}
}

func (c *modelClient) read() {
	if len(c.known) == 0 {
		c.do("NOOP")
		return
	}
	first, last := c.seqs()
	switch c.rnd.IntN(9) {
	case 0:
		c.do("NOOP")
	case 1:
		c.do(fmt.Sprintf("FETCH %d:%d (UID FLAGS ENVELOPE)", first, last))
	case 2:
		c.do("UID FETCH 1:* (FLAGS)")
	case 3:
		c.do(fmt.Sprintf("FETCH %d (UID BODY[])", first))
	case 4:
		c.do("SEARCH DELETED SUBJECT 1")
	case 5:
		c.do("UID SEARCH UNSEEN BODY body")
	case 6:
		c.do(fmt.Sprintf("SEARCH %d:%d", first, last))
	case 7:
		c.do("SEARCH ALL")
	case 8:
		c.tag++
		tag := fmt.Sprintf("a%d ", c.tag)
		clear(c.touched)
		c.send(tag + "IDLE\r\n")
		time.AfterFunc(time.Duration(c.rnd.IntN(5))*time.Millisecond, func() { c.conn.Write([]byte("DONE\r\n")) })
		for {
			l := c.line()
			if strings.HasPrefix(l, tag) {
				break
			}
			c.untagged("IDLE", l)
		}
	}
}
