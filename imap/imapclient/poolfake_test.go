package imapclient_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/posthorn-mail/posthorn/imap/imapclient"
)

// A fake is a server in memory, for tests with the time of testing/synctest: it
// answers each command as on says, or else with success.
type fake struct {
	caps     string // besides IMAP4rev1
	greeting string // instead of PREAUTH
	validity int    // UIDVALIDITY
	on       func(c *fakeConn, cmd string) string
	opts     *imapclient.Options

	mu     sync.Mutex
	conns  []*fakeConn
	log    []string // commands, each with the number of its connection before it
	refuse error    // of the next Dials
	uids   []int    // of the messages of each mailbox
	work   sync.WaitGroup
}

// A fakeConn is one connection to a fake.
type fakeConn struct {
	f  *fake
	n  int // from 1
	nc net.Conn

	mu   sync.Mutex
	over bool
}

func newFake(t *testing.T) *fake {
	f := &fake{validity: 7, uids: []int{1, 2, 3}}
	t.Cleanup(func() {
		f.mu.Lock()
		for _, c := range f.conns {
			c.nc.Close()
		}
		f.mu.Unlock()
		f.work.Wait()
	})
	return f
}

// dial is for Pool.Dial.
func (f *fake) dial(ctx context.Context) (*imapclient.Client, error) {
	client, server := net.Pipe()
	f.mu.Lock()
	if f.refuse != nil {
		defer f.mu.Unlock()
		return nil, f.refuse
	}
	c := &fakeConn{f: f, n: len(f.conns) + 1, nc: server}
	f.conns = append(f.conns, c)
	caps := f.caps
	f.mu.Unlock()
	f.work.Go(func() { c.serve(caps) })
	return imapclient.NewClient(ctx, client, f.opts)
}

// commands returns what was sent since the last call, one command a word group.
func (f *fake) commands() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := strings.Join(f.log, ", ")
	f.log = nil
	return out
}

// conn returns a connection, by its number.
func (f *fake) conn(n int) *fakeConn {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.conns[n-1]
}

// open returns how many connections are open.
func (f *fake) open() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.conns {
		c.mu.Lock()
		if !c.over {
			n++
		}
		c.mu.Unlock()
	}
	return n
}

// say sends a line.
func (c *fakeConn) say(format string, args ...any) {
	fmt.Fprintf(c.nc, format+"\r\n", args...)
}

func (c *fakeConn) serve(caps string) {
	defer func() {
		c.mu.Lock()
		c.over = true
		c.mu.Unlock()
		c.nc.Close()
	}()
	if c.f.greeting != "" {
		c.say("%s", c.f.greeting)
	} else {
		c.say("* PREAUTH [CAPABILITY IMAP4rev1%s] ready", caps)
	}
	br := bufio.NewReader(c.nc)
	for idle := ""; ; {
		line, err := br.ReadString('\n')
		if err != nil {
			return
		}
		tag, cmd, _ := strings.Cut(strings.TrimSpace(line), " ")
		if tag == "DONE" {
			c.say("%s OK done", idle)
			continue
		}
		c.f.mu.Lock()
		c.f.log = append(c.f.log, fmt.Sprintf("%d %s", c.n, cmd))
		on := c.f.on
		c.f.mu.Unlock()
		reply := ""
		if on != nil {
			reply = on(c, cmd)
		}
		if reply == "" {
			reply = c.reply(cmd)
		}
		switch reply {
		case "CLOSE":
			return
		case "SILENCE":
			continue
		case "DEAD":
			io.Copy(io.Discard, br)
			return
		}
		for line := range strings.Lines(reply) {
			line = strings.TrimSuffix(line, "\n")
			if line == "CLOSE" {
				return
			}
			c.say("%s", strings.ReplaceAll(line, "${tag}", tag))
		}
		if cmd == "IDLE" {
			idle = tag
		}
		if cmd == "LOGOUT" {
			return
		}
	}
}

// reply is what a command gets unless on says otherwise.
func (c *fakeConn) reply(cmd string) string {
	verb, rest, _ := strings.Cut(cmd, " ")
	c.f.mu.Lock()
	uids := slices.Clone(c.f.uids)
	validity := c.f.validity
	c.f.mu.Unlock()
	switch verb {
	case "SELECT", "EXAMINE":
		next := 1
		if len(uids) > 0 {
			next = slices.Max(uids) + 1
		}
		return fmt.Sprintf("* %d EXISTS\n* OK [UIDVALIDITY %d] x\n* OK [UIDNEXT %d] x\n${tag} OK done", len(uids), validity, next)
	case "LOGOUT":
		return "* BYE bye\n${tag} OK done"
	case "IDLE":
		return "+ idling"
	case "UID":
		if arg, ok := strings.CutPrefix(rest, "SEARCH "); ok {
			var first, last int
			if n, _ := fmt.Sscanf(arg, "%d:%d", &first, &last); n == 1 {
				last = first
			} else if n == 0 {
				first, last = 1, len(uids)
			}
			return fmt.Sprintf("* SEARCH %s\n${tag} OK done", strings.Trim(fmt.Sprint(uids[first-1:last]), "[]"))
		}
		if strings.HasPrefix(rest, "FETCH") {
			out := ""
			for i, uid := range uids {
				out += fmt.Sprintf("* %d FETCH (UID %d FLAGS ())\n", i+1, uid)
			}
			return out + "${tag} OK done"
		}
	}
	return "${tag} OK done"
}

// change calls do while nothing is being answered.
func (f *fake) change(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
}

// set changes the messages of each mailbox, and tells nobody.
func (f *fake) set(uids ...int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.uids = uids
}

// last returns the connection that was made last.
func (f *fake) last() *fakeConn {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.conns[len(f.conns)-1]
}

// arrive adds a message and announces it on a connection.
func (c *fakeConn) arrive(uid int) {
	c.f.mu.Lock()
	c.f.uids = append(slices.Clone(c.f.uids), uid)
	n := len(c.f.uids)
	c.f.mu.Unlock()
	c.say("* %d EXISTS", n)
}
