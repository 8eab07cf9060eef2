package systemtest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Ten connections append, flag, copy, move and expunge in the same mailboxes at
// once, while three read, one is in IDLE, POP3 deletes and SMTP delivers. Nothing
// that a client is told may contradict what it was told before; after each round
// all agree, and every message is accounted for.
//
// MAILSERVER_SEED repeats the choices of a run, as far as that goes with so many
// at once.
func TestModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("MAILSERVER_SEED"); s != "" {
		var err error
		seed, err = strconv.ParseUint(s, 10, 64)
		require.NoError(t, err)
	}
	t.Logf("MAILSERVER_SEED=%d", seed)
	rounds, steps := 20, 30
	switch {
	case testing.Short():
		rounds = 3
	case os.Getenv("MAILSERVER_RACE") != "":
		rounds = 8 // it is several times as slow
	}

	s := start(t)
	s.imap(t).command("CREATE other")
	world := newModelWorld()
	client := func(n int, kind, verb, box string) *modelClient {
		c := newModelClient(t, s, world, fmt.Sprint(kind, n), rand.New(rand.NewPCG(seed, uint64(n))))
		c.selectBox(verb, box)
		return c
	}
	var writers []*modelClient
	for i := range 10 {
		writers = append(writers, client(i, "writer", "SELECT", "INBOX"))
	}
	readers := []*modelClient{
		client(10, "reader", "EXAMINE", "INBOX"), client(11, "reader", "SELECT", "INBOX"), client(12, "reader", "EXAMINE", "other"),
	}
	idler := client(13, "idler", "EXAMINE", "INBOX")
	rnd := rand.New(rand.NewPCG(seed, 14))

	truth := map[string]map[int][]string{}
	for round := range rounds {
		idler.fetchAll("FLAGS")
		stopIdle := idler.startIdle()
		pace := make(chan int, steps) // the steps of the first writer
		var wg sync.WaitGroup
		for i, c := range writers {
			wg.Go(func() {
				if i == 0 {
					defer close(pace)
				}
				for n := range steps {
					c.write()
					if i == 0 {
						pace <- n
					}
				}
			})
		}
		for _, c := range readers {
			wg.Go(func() {
				for range steps {
					c.read()
				}
			})
		}
		wg.Go(func() { world.otherProtocols(t, s, pace, rnd) })
		wg.Wait()
		if t.Failed() {
			t.Fatalf("round %d; the server's log ends:\n%s", round+1, tail(s.log(), 3000))
		}

		for _, box := range []string{"INBOX", "other"} {
			truth[box] = world.inspect(t, s, box)
		}
		idler.hear(truth["INBOX"])
		stopIdle()
		for _, c := range slices.Concat(writers, readers, []*modelClient{idler}) {
			c.do("NOOP")
			diff := c.diff(truth[c.box])
			c.check(diff == "", "%s", diff)
		}
		world.account(t, truth)
	}
	t.Logf("%d messages appended, %d delivered, %d copied or moved; %d gone; %d in INBOX, %d in other at the end",
		world.appended, world.delivered, len(world.origins)-world.appended, len(world.dead), len(truth["INBOX"]), len(truth["other"]))

	require.NotContains(t, s.log(), "level=ERROR")
	s.stop() // fails if the race detector has found anything
	s.run()
	for box := range truth {
		require.Equal(t, truth[box], world.inspect(t, s, box), "%s after a restart", box)
	}
	s.stop()
}

// write does something that changes the mailbox, or reads.
func (c *modelClient) write() {
	if len(c.view) < 5 || c.rnd.IntN(5) == 0 {
		c.append()
		return
	}
	first, last := c.span()
	op := []string{"+", "-", "", "+"}[c.rnd.IntN(4)]
	flag := []string{`\Deleted`, `\Deleted`, `\Seen`, `\Flagged`, `\Answered`, "Work", c.name}[c.rnd.IntN(7)]
	switch c.rnd.IntN(16) {
	case 0:
		c.learn()
		c.do("EXPUNGE")
	case 1:
		c.learn()
		if len(c.view) == 0 {
			return
		}
		m := c.view[c.rnd.IntN(len(c.view))]
		c.do(`UID STORE %d +FLAGS.SILENT (\Deleted)`, m.uid)
		if m.told != c.tags {
			m.apply("+", `\Deleted`)
		}
		c.do("UID EXPUNGE %d", m.uid)
	case 2, 3:
		c.transfer("MOVE")
	case 4:
		c.transfer("COPY")
	case 5:
		c.read()
	case 6:
		if c.rnd.IntN(3) == 0 {
			c.selectBox("SELECT", []string{"INBOX", "INBOX", "other"}[c.rnd.IntN(3)])
		}
	default:
		c.store(first, last, op, flag, c.rnd.IntN(2) == 0, c.rnd.IntN(3) == 0)
	}
}

// append adds a message to the mailbox, or to one of the two.
func (c *modelClient) append() {
	marker := fmt.Sprintf("model-%s-%d", c.name, c.tags)
	box := "INBOX"
	if c.rnd.IntN(4) == 0 {
		box = "other"
	}
	flags := []string{"", "", `(\Seen)`, `(\Deleted Work)`}[c.rnd.IntN(4)]
	c.world.add(&c.world.appended)
	status := c.finish(c.begin(strings.TrimSpace("APPEND "+box+" "+flags), modelText(marker)))
	m := appendRE.FindStringSubmatch(status)
	c.check(m != nil, "no APPENDUID: %s", status)
	uid, _ := strconv.Atoi(m[1])
	c.check(c.world.born(instance{box, uid}, instance{}), "UID %d is given twice", uid)
	was := c.world.saw(instance{box, uid}, marker)
	c.check(was == marker, "UID %d was %s", uid, was)
}

// transfer moves or copies messages, by number or by UID, to the other mailbox
// or the same.
func (c *modelClient) transfer(verb string) {
	c.learn()
	if len(c.view) == 0 {
		return
	}
	dest := []string{"INBOX", "other"}[c.rnd.IntN(2)]
	first, last := c.span()
	last = min(last, first+1)
	asked := slices.Clone(c.view[first-1 : last])
	status := ""
	if c.rnd.IntN(2) == 0 {
		status = c.do("%s %d:%d %s", verb, first, last, dest)
		if strings.HasPrefix(status, "NO") {
			return
		}
	} else {
		status = c.do("UID %s %d:%d %s", verb, asked[0].uid, asked[len(asked)-1].uid, dest)
		c.check(strings.HasPrefix(status, "OK"), "%s", status)
	}
	for i, source := range c.copyUID[0] {
		from, to := instance{c.box, source}, instance{dest, c.copyUID[1][i]}
		c.check(slices.ContainsFunc(asked, func(m *modelMessage) bool { return m.uid == source }), "%s took UID %d: %s", verb, source, status)
		c.check(c.world.born(to, from), "UID %d is given twice", to.uid)
		if verb == "MOVE" {
			c.check(c.world.moved(from), "UID %d is moved twice", source)
			c.check(!slices.ContainsFunc(c.view, func(m *modelMessage) bool { return m.uid == source }), "no EXPUNGE for UID %d", source)
		}
	}
}

// span picks a few messages in a row.
func (c *modelClient) span() (first, last int) {
	first = 1 + c.rnd.IntN(len(c.view))
	return first, min(first+c.rnd.IntN(4), len(c.view))
}

// read looks at the mailbox, and listens.
func (c *modelClient) read() {
	if len(c.view) == 0 {
		c.idle(5 * time.Millisecond)
		return
	}
	first, last := c.span()
	m := c.view[first-1]
	switch c.rnd.IntN(10) {
	case 0:
		c.do("NOOP")
	case 1:
		c.fetch(first, last, "UID FLAGS ENVELOPE")
	case 2:
		c.fetch(first, last, "BODY[] UID")
	case 3:
		c.fetch(first, last, "UID BODY.PEEK[HEADER.FIELDS (SUBJECT)] FLAGS")
	case 4:
		c.fetchAll("FLAGS")
	case 5:
		c.fetchAll("BODY.PEEK[]")
	case 6:
		c.do("SEARCH DELETED NOT SEEN")
	case 7:
		c.do("UID SEARCH OR KEYWORD Work SUBJECT model-writer3")
	case 8:
		if m.uid != 0 {
			c.do("SEARCH UID %d", m.uid)
		}
	case 9:
		c.idle(time.Duration(c.rnd.IntN(10)) * time.Millisecond)
	}
}

// hear waits, in IDLE, until the client has been told of all that has happened.
func (c *modelClient) hear(truth map[int][]string) {
	late := time.After(time.Minute)
	for c.diff(truth) != "" {
		select {
		case r := <-c.responses:
			c.note("S: " + r.text)
			c.untagged(r)
		case <-late:
			c.check(false, "nothing more comes in IDLE: %s", c.diff(truth))
		}
	}
}

// diff compares the client's view, now that nothing happens, with the mailbox.
func (c *modelClient) diff(truth map[int][]string) string {
	uids := slices.Sorted(maps.Keys(truth))
	if len(c.view) != len(uids) {
		return fmt.Sprintf("the client knows %d messages of %d", len(c.view), len(uids))
	}
	for i, m := range c.view {
		switch {
		case m.uid != 0 && m.uid != uids[i]:
			return fmt.Sprintf("message %d is UID %d, the client was told %d", i+1, uids[i], m.uid)
		case m.flags != nil && !slices.Equal(m.flags, truth[uids[i]]):
			return fmt.Sprintf("UID %d has %q, the client was told %q", uids[i], truth[uids[i]], m.flags)
		case m.absent:
			return fmt.Sprintf("UID %d was not sent", m.uid)
		}
	}
	return ""
}
