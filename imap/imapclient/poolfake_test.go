package imapclient_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/posthorn-mail/posthorn/imap/imapclient"
)

// A fake is a server in memory, for tests with the time of testing/synctest: it
// answers each command as on says, or else with success.
type fake struct {
	caps string // besides IMAP4rev1
	on   func(c *fakeConn, cmd string) string
	opts *imapclient.Options

	mu     sync.Mutex
	conns  []*fakeConn
	log    []string // commands, each with the number of its connection before it
	refuse error    // of the next Dials
	work   sync.WaitGroup
}

// A fakeConn is one connection to a fake.
type fakeConn struct {
	f  *fake
	n  int // from 1
	nc net.Conn

	mu       sync.Mutex
	selected string
	over     bool
}

func newFake(t *testing.T) *fake {
	f := &fake{}
	t.Cleanup(f.work.Wait)
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
	c.say("* PREAUTH [CAPABILITY IMAP4rev1%s] ready", caps)
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

// reply is what a command gets unless on says otherwise: each mailbox has three
// messages.
func (c *fakeConn) reply(cmd string) string {
	verb, rest, _ := strings.Cut(cmd, " ")
	switch verb {
	case "SELECT", "EXAMINE":
		c.mu.Lock()
		c.selected = rest
		c.mu.Unlock()
		return "* 3 EXISTS\n* OK [UIDVALIDITY 7] x\n* OK [UIDNEXT 4] x\n${tag} OK done"
	case "LOGOUT":
		return "* BYE bye\n${tag} OK done"
	case "IDLE":
		return "+ idling"
	case "UID":
		if strings.HasPrefix(rest, "SEARCH") {
			return "* SEARCH 1 2 3\n${tag} OK done"
		}
		if strings.HasPrefix(rest, "FETCH") {
			return "* 1 FETCH (UID 1 FLAGS ())\n* 2 FETCH (UID 2 FLAGS ())\n* 3 FETCH (UID 3 FLAGS ())\n${tag} OK done"
		}
	}
	return "${tag} OK done"
}
