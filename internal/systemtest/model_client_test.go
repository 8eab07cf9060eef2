package systemtest

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A modelClient is an IMAP client whose view of the mailbox comes only from
// untagged responses and from its own STORE.SILENT. A response that contradicts
// the view fails the test.
type modelClient struct {
	t         testing.TB
	name      string
	world     *modelWorld
	rnd       *rand.Rand
	conn      net.Conn
	responses chan response // closed when the connection has ended
	tags      int
	history   []string // the last lines of the dialogue

	box     string // the selected mailbox
	view    []*modelMessage
	command string // the one in progress, without its literal
	copyUID [2][]int
}

// A modelMessage is what a client knows of a message.
type modelMessage struct {
	uid    int      // 0: not known
	flags  []string // sorted, without \Recent; nil: not known
	told   int      // number of the command during which the flags were told last
	sent   int      // number of the command during which FETCH sent the message last
	absent bool     // FETCH has left it out: it is gone, and must not come back
}

// A response is a line with the literals in it, which stand as {n} in the text.
type response struct {
	text     string
	literals []string
}

var (
	literalRE  = regexp.MustCompile(`\{(\d+)\}$`)
	uidRE      = regexp.MustCompile(`\bUID (\d+)`)
	flagsRE    = regexp.MustCompile(`\bFLAGS \(([^)]*)\)`)
	envelopeRE = regexp.MustCompile(`ENVELOPE \(NIL "(model-[^"]*)"`)
	subjectRE  = regexp.MustCompile(`(?m)^Subject: (model-[^\r]*)\r$`)
	numberedRE = regexp.MustCompile(`^\* (\d+) (EXISTS|EXPUNGE|FETCH)\b`)
	copyUIDRE  = regexp.MustCompile(`\[COPYUID \d+ (\S+) (\S+)\]`)
	appendRE   = regexp.MustCompile(`\[APPENDUID \d+ (\d+)\]`)
)

func newModelClient(t testing.TB, s *server, world *modelWorld, name string, rnd *rand.Rand) *modelClient {
	w := s.dial(t, "imap")
	c := &modelClient{t: t, name: name, world: world, rnd: rnd, conn: w.Conn, responses: make(chan response, 1000)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer close(c.responses)
		for {
			r, err := readResponse(w.r)
			if err != nil {
				return
			}
			c.responses <- r
		}
	}()
	t.Cleanup(func() {
		c.conn.Close()
		for range c.responses {
		}
		<-ended
	})
	c.do("LOGIN " + bob + " " + bobPassword)
	return c
}

func readResponse(r *bufio.Reader) (response, error) {
	var res response
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return res, err
		}
		line = strings.TrimSuffix(line, "\r\n")
		res.text += line
		m := literalRE.FindStringSubmatch(line)
		if m == nil {
			return res, nil
		}
		n, _ := strconv.Atoi(m[1])
		literal := make([]byte, n)
		if _, err := io.ReadFull(r, literal); err != nil {
			return res, err
		}
		res.literals = append(res.literals, string(literal))
	}
}

// check fails the test, with what went before, unless it is true.
func (c *modelClient) check(ok bool, format string, args ...any) {
	c.t.Helper()
	if !ok {
		require.FailNow(c.t, fmt.Sprintf(format, args...), "client %s in %s\n%s", c.name, c.box, strings.Join(c.history, "\n"))
	}
}

func (c *modelClient) note(line string) {
	if len(c.history) == 60 {
		c.history = slices.Delete(c.history, 0, 1)
	}
	c.history = append(c.history, line)
}

// receive returns the next response.
func (c *modelClient) receive() response {
	select {
	case r, ok := <-c.responses:
		c.check(ok, "the connection has ended")
		c.note("S: " + r.text)
		return r
	case <-time.After(2 * time.Minute):
		c.check(false, "no response")
		return response{}
	}
}

// begin sends a command. Responses received since the last one were sent while
// no command was in progress.
func (c *modelClient) begin(command, literal string) (tag string) {
	for len(c.responses) > 0 {
		c.untagged(c.receive())
	}
	c.tags++
	tag = fmt.Sprintf("c%d ", c.tags)
	c.command = command
	c.copyUID = [2][]int{}
	c.note("C: " + tag + command)
	if literal != "" {
		command += fmt.Sprintf(" {%d+}\r\n%s", len(literal), literal)
	}
	_, err := io.WriteString(c.conn, tag+command+"\r\n")
	c.check(err == nil, "%s: %v", command, err)
	return tag
}

// finish processes everything up to the tagged response. The only refusal
// allowed is of COPY and MOVE, because messages are gone of which the client had
// not been told.
func (c *modelClient) finish(tag string) (status string) {
	for {
		r := c.receive()
		status, ok := strings.CutPrefix(r.text, tag)
		if !ok {
			c.untagged(r)
			continue
		}
		verb, _, _ := strings.Cut(c.command, " ")
		c.check(strings.HasPrefix(status, "OK") || (verb == "COPY" || verb == "MOVE") && strings.HasPrefix(status, "NO [EXPUNGEISSUED]"), "%s", status)
		c.noteCopyUID(status)
		c.command = ""
		return status
	}
}

func (c *modelClient) do(format string, args ...any) (status string) {
	return c.finish(c.begin(fmt.Sprintf(format, args...), ""))
}

func (c *modelClient) noteCopyUID(text string) {
	if m := copyUIDRE.FindStringSubmatch(text); m != nil {
		c.copyUID = [2][]int{parseSet(m[1]), parseSet(m[2])}
		c.check(len(c.copyUID[0]) == len(c.copyUID[1]), "%s", text)
	}
}

// untagged processes one response.
func (c *modelClient) untagged(r response) {
	if strings.HasPrefix(r.text, "* OK [CLOSED]") {
		c.box, c.view = "", nil
		return
	}
	c.check(!strings.HasPrefix(r.text, "* BYE") && !strings.HasPrefix(r.text, "* BAD"), "%s", r.text)
	if numbers, ok := strings.CutPrefix(r.text, "* SEARCH"); ok {
		c.found(strings.Fields(numbers))
		return
	}
	if strings.HasPrefix(r.text, "* OK") {
		c.noteCopyUID(r.text)
		return
	}
	m := numberedRE.FindStringSubmatch(r.text)
	if m == nil {
		return
	}
	n, _ := strconv.Atoi(m[1])
	if m[2] == "EXISTS" {
		c.check(n >= len(c.view), "EXISTS shrinks from %d: %s", len(c.view), r.text)
		for len(c.view) < n {
			c.view = append(c.view, &modelMessage{})
		}
		return
	}
	c.check(n >= 1 && n <= len(c.view), "of %d messages: %s", len(c.view), r.text)
	if m[2] == "EXPUNGE" {
		// RFC 3501 §7.4.1
		verb, _, _ := strings.Cut(c.command, " ")
		c.check(!slices.Contains([]string{"", "FETCH", "STORE", "SEARCH"}, verb), "EXPUNGE during %q", c.command)
		if uid := c.view[n-1].uid; uid != 0 {
			c.world.died(instance{c.box, uid})
		}
		c.view = slices.Delete(c.view, n-1, n)
		return
	}
	c.fetched(n, r)
}

// fetched processes a FETCH response.
func (c *modelClient) fetched(n int, r response) {
	m := c.view[n-1]
	c.check(!m.absent, "a message that was gone is back: %s", r.text)
	if flags := flagsRE.FindStringSubmatch(r.text); flags != nil {
		m.flags, m.told = flagList(flags[1]), c.tags
	}
	uid := uidRE.FindStringSubmatch(r.text)
	if uid == nil {
		return
	}
	m.sent = c.tags
	u, _ := strconv.Atoi(uid[1])
	c.check(m.uid == 0 || m.uid == u, "message %d has UID %d: %s", n, m.uid, r.text)
	m.uid = u
	for i := n - 2; i >= 0; i-- {
		if below := c.view[i].uid; below != 0 {
			c.check(below < u, "UID %d before it: %s", below, r.text)
			break
		}
	}
	for _, above := range c.view[n:] {
		if above.uid != 0 {
			c.check(above.uid > u, "UID %d behind it: %s", above.uid, r.text)
			break
		}
	}
	marker := ""
	if strings.Contains(r.text, "ENVELOPE") {
		e := envelopeRE.FindStringSubmatch(r.text)
		c.check(e != nil, "no marker in %s", r.text)
		marker = e[1]
	} else if len(r.literals) > 0 {
		s := subjectRE.FindStringSubmatch(r.literals[0])
		c.check(s != nil, "no marker in %q", r.literals)
		marker = s[1]
		if strings.Contains(r.text, "BODY[]") {
			c.check(strings.HasSuffix(r.literals[0], modelText(marker)), "the message is damaged: %q", r.literals[0])
		}
	}
	if marker != "" {
		was := c.world.saw(instance{c.box, u}, marker)
		c.check(was == marker, "UID %d was %s: %s %q", u, was, r.text, r.literals)
	}
}

// found checks the numbers that SEARCH has found.
func (c *modelClient) found(numbers []string) {
	uids := strings.HasPrefix(c.command, "UID ")
	for _, s := range numbers {
		n, err := strconv.Atoi(s)
		c.check(err == nil, "%s: %v", s, err)
		if !uids {
			c.check(n >= 1 && n <= len(c.view), "found message %d of %d", n, len(c.view))
			// A search for a UID must find that message only.
			if uid, ok := strings.CutPrefix(c.command, "SEARCH UID "); ok {
				c.check(c.view[n-1].uid == 0 || strconv.Itoa(c.view[n-1].uid) == uid, "found message %d, which has UID %d", n, c.view[n-1].uid)
			}
			continue
		}
		known := slices.ContainsFunc(c.view, func(m *modelMessage) bool { return m.uid == n || m.uid == 0 })
		c.check(known, "found UID %d, of which the client was not told", n)
	}
}

// selectBox selects or examines a mailbox.
func (c *modelClient) selectBox(verb, box string) {
	if c.box == "" {
		c.view = nil
	}
	c.do("%s %s", verb, box)
	c.check(c.box == "" || c.box == box, "no [CLOSED] from %s", c.box)
	c.box = box
}

// fetch runs a FETCH command for the messages from first to last. Each must
// come, unless it is gone.
func (c *modelClient) fetch(first, last int, items string) {
	asked := slices.Clone(c.view[first-1 : last])
	status := c.do("FETCH %d:%d (%s)", first, last, items)
	for i, m := range asked {
		if m.sent != c.tags {
			c.check(strings.HasPrefix(status, "OK [EXPUNGEISSUED]"), "nothing came of message %d: %s", first+i, status)
			m.absent = true
		}
	}
}

// fetchAll runs UID FETCH for all messages.
func (c *modelClient) fetchAll(items string) {
	asked := slices.Clone(c.view)
	c.do("UID FETCH 1:* (%s)", items)
	for _, m := range asked {
		m.absent = m.sent != c.tags
	}
}

// learn fetches the UID and the content of every message that is not known yet.
func (c *modelClient) learn() {
	for range 1000 {
		lowest := 0
		i := slices.IndexFunc(c.view, func(m *modelMessage) bool { return m.uid == 0 || !c.world.knows(instance{c.box, m.uid}) })
		if i < 0 {
			return
		}
		for _, m := range c.view[:i] {
			lowest = max(lowest, m.uid)
		}
		c.do("UID FETCH %d:* (FLAGS ENVELOPE)", lowest+1)
		c.do("NOOP") // some may be gone
	}
	c.check(false, "messages are neither sent nor expunged")
}

// store runs a STORE command and computes what its .SILENT hides.
func (c *modelClient) store(first, last int, op, flag string, silent, byUID bool) {
	asked := slices.Clone(c.view[first-1 : last])
	item, set, verb := op+"FLAGS", fmt.Sprintf("%d:%d", first, last), "STORE"
	if silent {
		item += ".SILENT"
	}
	if byUID {
		from, to := asked[0].uid, asked[len(asked)-1].uid
		if from == 0 || to == 0 {
			return
		}
		verb, set = "UID STORE", fmt.Sprintf("%d:%d", from, to)
	}
	status := c.do("%s %s %s (%s)", verb, set, item, flag)
	for i, m := range asked {
		switch {
		case m.told == c.tags:
		case silent:
			m.apply(op, flag)
		case !byUID:
			c.check(strings.HasPrefix(status, "OK [EXPUNGEISSUED]"), "nothing came of message %d: %s", first+i, status)
		}
	}
}

func (m *modelMessage) apply(op, flag string) {
	switch {
	case op == "":
		m.flags = []string{flag}
	case m.flags == nil:
	case op == "+" && !slices.Contains(m.flags, flag):
		m.flags = append(slices.Clone(m.flags), flag)
		slices.Sort(m.flags)
	case op == "-":
		m.flags = slices.DeleteFunc(slices.Clone(m.flags), func(f string) bool { return f == flag })
	}
}

// idle listens for a moment.
func (c *modelClient) idle(d time.Duration) {
	stop := c.startIdle()
	time.Sleep(d)
	stop()
}

func (c *modelClient) startIdle() (stop func()) {
	tag := c.begin("IDLE", "")
	for {
		r := c.receive()
		if strings.HasPrefix(r.text, "+") {
			break
		}
		c.untagged(r)
	}
	return func() {
		_, err := io.WriteString(c.conn, "DONE\r\n")
		c.check(err == nil, "DONE: %v", err)
		c.finish(tag)
	}
}

func flagList(s string) []string {
	flags := slices.DeleteFunc(strings.Fields(s), func(f string) bool { return f == `\Recent` })
	slices.Sort(flags)
	return append([]string{}, flags...)
}

// parseSet returns the numbers of a set such as 1:3,7.
func parseSet(s string) (numbers []int) {
	for part := range strings.SplitSeq(s, ",") {
		from, to, ok := strings.Cut(part, ":")
		if !ok {
			to = from
		}
		first, _ := strconv.Atoi(from)
		last, _ := strconv.Atoi(to)
		for n := first; n <= last; n++ {
			numbers = append(numbers, n)
		}
	}
	return numbers
}
