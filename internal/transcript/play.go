package transcript

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// stepTimeout bounds every step of a script that does not say otherwise.
const stepTimeout = 10 * time.Second

// Dial makes a connection to the server under test.
type Dial func(t testing.TB) net.Conn

// DialTCP returns a Dial for a TCP address.
func DialTCP(addr string) Dial {
	return func(t testing.TB) net.Conn {
		t.Helper()
		c, err := net.DialTimeout("tcp", addr, stepTimeout)
		if err != nil {
			t.Fatalf("dial: %v", err)
		}
		return c
	}
}

// RunDir plays each file that matches the pattern in a subtest of its own.
// setup starts the server for one of them; it cleans up with t.Cleanup. At
// least one file must match.
func RunDir(t *testing.T, pattern string, setup func(t testing.TB, s *Script) Dial) {
	t.Helper()
	for _, path := range glob(t, pattern) {
		name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
		t.Run(name, func(t *testing.T) {
			s, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			s.Run(t, setup(t, s))
		})
	}
}

func glob(t testing.TB, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no transcripts match %q (%v)", pattern, err)
	}
	return paths
}

// Run plays the client's part of the script over connections that dial makes,
// and closes them.
func (s *Script) Run(t testing.TB, dial func(t testing.TB) net.Conn) {
	t.Helper()
	if err := s.play(func() net.Conn { return dial(t) }); err != nil {
		t.Fatal(err)
	}
}

func (s *Script) play(dial func() net.Conn) error {
	p := newPlayer(s, 'C', func() (net.Conn, error) { return dial(), nil })
	defer p.close()
	return p.play()
}

// A player plays one side of a script.
type player struct {
	script *Script
	side   byte                     // 'C' or 'S'
	open   func() (net.Conn, error) // makes or accepts the next connection
	tls    func() *tls.Config       // the server's
	vars   map[string]string
	last   []string // the last lines of the dialogue, for messages

	mu    sync.Mutex // guards conns and ended
	conns map[string]*conn
	ended bool // the test has ended

	closing sync.WaitGroup // connections that are being closed
}

func newPlayer(s *Script, side byte, open func() (net.Conn, error)) *player {
	return &player{script: s, side: side, open: open, conns: map[string]*conn{}, vars: map[string]string{}}
}

// close closes the connections.
func (p *player) close() {
	p.mu.Lock()
	for _, c := range p.conns {
		c.raw.Close()
	}
	p.mu.Unlock()
	p.closing.Wait()
}

// end makes what the player waits for fail.
func (p *player) end() {
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	p.close()
}

func (p *player) hasEnded() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended
}

// play plays the script. The connections remain open.
func (p *player) play() error {
	s := p.script
	if err := s.check(p.side); err != nil {
		return err
	}
	for i := 0; i < len(s.steps); {
		n := 1
		if s.steps[i].kind == anyOrder {
			for i+n < len(s.steps) && s.steps[i+n].kind == anyOrder && s.steps[i+n].conn == s.steps[i].conn {
				n++
			}
		}
		if line, err := p.do(s.steps[i : i+n]); err != nil {
			err = fmt.Errorf("%s:%d: %w", s.Path, line, err)
			if p.hasEnded() {
				err = fmt.Errorf("%w, when the test ended", err)
			}
			if len(p.last) > 0 {
				err = fmt.Errorf("%w\nbefore it:\n  %s", err, strings.Join(p.last, "\n  "))
			}
			return err
		}
		i += n
	}
	return nil
}

// note keeps what was sent or read for messages.
func (p *player) note(st step, side byte, text string) {
	if len(text) > 100 {
		text = text[:100] + "…"
	}
	if st.kind == octets || strings.ContainsAny(text, "\r\n") {
		text = fmt.Sprintf("%q", text)
	}
	if st.conn != "" {
		text = st.conn + " " + text
	}
	p.last = append(p.last[max(0, len(p.last)-9):], fmt.Sprintf("%c: %s", side, text))
}

// conn returns the connection of a step.
func (p *player) conn(name string) (*conn, error) {
	p.mu.Lock()
	c := p.conns[name]
	p.mu.Unlock()
	if c != nil {
		return c, nil
	}
	nc, err := p.open()
	if err != nil {
		return nil, err
	}
	c = newConn(nc)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[name] = c
	if p.ended {
		nc.Close()
	}
	return c, nil
}

// do carries out one step, or a group of & steps, and returns the line of the
// script at which it failed.
func (p *player) do(steps []step) (line int, err error) {
	st := steps[0]
	c, err := p.conn(st.conn)
	if err != nil {
		return st.line, err
	}
	c.nc.SetDeadline(time.Now().Add(p.script.timeout))
	switch st.kind {
	case lines, octets:
		return st.line, p.say(c, st)
	case many:
		for {
			got, err := c.readLine()
			if errors.Is(err, io.EOF) || err != nil && p.hasEnded() {
				return st.line, nil // the next step, if there is one, reads it again
			}
			if err != nil {
				return st.line, err
			}
			if ok, err := p.match(st, got); err != nil {
				return st.line, err
			} else if !ok {
				c.unread = &got
				return st.line, nil
			}
		}
	case anyOrder:
		return p.anyOrder(c, steps)
	case startTLS:
		var config *tls.Config
		if p.side == 'S' {
			config = p.tls()
		}
		return st.line, c.startTLS(config)
	case deflate:
		return st.line, c.deflate()
	case pause:
		time.Sleep(st.time)
		return st.line, nil
	case silent:
		return st.line, c.expectSilence(st.time)
	default:
		return st.line, p.leave(c, st.kind)
	}
}

// say sends or expects a line or octets.
func (p *player) say(c *conn, st step) error {
	if st.kind == octets {
		text, err := expandRaw(st.text, p.vars)
		if err != nil {
			return err
		}
		if st.side == p.side {
			p.note(st, st.side, text)
			return c.write(text)
		}
		if err := c.expectRaw(text); err != nil {
			return err
		}
		p.note(st, st.side, text)
		return nil
	}
	if st.side == p.side {
		text, err := expand(st.text, p.vars)
		if err != nil {
			return err
		}
		p.note(st, st.side, text)
		return c.write(text + "\r\n")
	}
	got, err := c.readLine()
	if err != nil {
		return fmt.Errorf("want %q, got %w", st.text, err)
	}
	ok, err := p.match(st, got)
	if err == nil && !ok {
		err = fmt.Errorf("\nwant %s\ngot  %s", p.shown(st.text), got)
	}
	return err
}

func (p *player) anyOrder(c *conn, steps []step) (int, error) {
	left := append([]step(nil), steps...)
	for len(left) > 0 {
		got, err := c.readLine()
		if err != nil {
			return left[0].line, fmt.Errorf("want %q, got %w", left[0].text, err)
		}
		found := -1
		for i, st := range left {
			ok, err := p.match(st, got)
			if err != nil {
				return st.line, err
			}
			if ok {
				found = i
				break
			}
		}
		if found < 0 {
			return left[0].line, fmt.Errorf("no line of the group matches %s", got)
		}
		left = append(left[:found], left[found+1:]...)
	}
	return 0, nil
}

// leave ends a connection or a direction of it, or expects the other side to.
func (p *player) leave(c *conn, k kind) error {
	who := byte('S')
	if k == clientCloses || k == clientEnds {
		who = 'C'
	}
	switch {
	case who != p.side:
		return c.expectEOF()
	case k == serverEnds || k == clientEnds:
		return c.closeWrite()
	case k == serverResets:
		c.closed = true
		return c.reset()
	case k == clientCloses:
		c.closed = true
		return c.nc.Close()
	default:
		c.closed = true
		p.closing.Go(c.finish)
		return nil
	}
}

// match compares a line with the pattern of a step and keeps what it captures.
func (p *player) match(st step, line string) (bool, error) {
	pattern, err := expand(st.text, p.vars)
	if err != nil {
		return false, err
	}
	re, err := compile(pattern)
	if err != nil {
		return false, err
	}
	m := re.FindStringSubmatch(line)
	for i, name := range re.SubexpNames() {
		if m != nil && name != "" {
			p.vars[name] = m[i]
		}
	}
	if m != nil {
		p.note(st, st.side, line)
	}
	return m != nil, nil
}

// shown returns a pattern with the values of its variables, for messages.
func (p *player) shown(pattern string) string {
	if s, err := expand(pattern, p.vars); err == nil {
		return s
	}
	return pattern
}
