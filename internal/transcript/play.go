package transcript

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// stepTimeout bounds every step.
const stepTimeout = 10 * time.Second

// maxLine bounds what is read as one line.
const maxLine = 1 << 20

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
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no transcripts match %q (%v)", pattern, err)
	}
	for _, path := range paths {
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

// Run plays the script over connections that dial makes, and closes them.
func (s *Script) Run(t testing.TB, dial func(t testing.TB) net.Conn) {
	t.Helper()
	if err := s.play(func() net.Conn { return dial(t) }); err != nil {
		t.Fatal(err)
	}
}

type player struct {
	dial  func() net.Conn
	conns map[string]*conn
	vars  map[string]string
}

func (s *Script) play(dial func() net.Conn) error {
	p := &player{dial: dial, conns: map[string]*conn{}, vars: map[string]string{}}
	defer func() {
		for _, c := range p.conns {
			c.nc.Close()
		}
	}()
	for i := 0; i < len(s.steps); {
		n := 1
		if s.steps[i].kind == expectAny {
			for i+n < len(s.steps) && s.steps[i+n].kind == expectAny && s.steps[i+n].conn == s.steps[i].conn {
				n++
			}
		}
		if line, err := p.do(s.steps[i : i+n]); err != nil {
			return fmt.Errorf("%s:%d: %w", s.Path, line, err)
		}
		i += n
	}
	return nil
}

// do carries out one step, or a group of S& steps, and returns the line of the
// script at which it failed.
func (p *player) do(steps []step) (line int, err error) {
	st := steps[0]
	c := p.conns[st.conn]
	if c == nil {
		c = newConn(p.dial())
		p.conns[st.conn] = c
	}
	c.nc.SetDeadline(time.Now().Add(stepTimeout))
	switch st.kind {
	case send:
		text, err := expand(st.text, p.vars)
		if err != nil {
			return st.line, err
		}
		return st.line, c.write(text + "\r\n")
	case sendRaw, expectRaw:
		text, err := expandRaw(st.text, p.vars)
		if err != nil {
			return st.line, err
		}
		if st.kind == sendRaw {
			return st.line, c.write(text)
		}
		return st.line, c.expectRaw(text)
	case expect:
		got, err := c.readLine()
		if err != nil {
			return st.line, fmt.Errorf("want %q, got %w", st.text, err)
		}
		ok, err := p.match(st.text, got)
		if err == nil && !ok {
			err = fmt.Errorf("\nwant %s\ngot  %s", st.text, got)
		}
		return st.line, err
	case expectMany:
		for {
			got, err := c.readLine()
			if err != nil {
				return st.line, err
			}
			if ok, err := p.match(st.text, got); err != nil {
				return st.line, err
			} else if !ok {
				c.unread = &got
				return st.line, nil
			}
		}
	case expectAny:
		return p.anyOrder(c, steps)
	case startTLS:
		return st.line, c.startTLS()
	case expectClosed:
		return st.line, c.expectEOF()
	case halfClose:
		hc, ok := c.nc.(interface{ CloseWrite() error })
		if !ok {
			return st.line, fmt.Errorf("%T can't be half closed", c.nc)
		}
		return st.line, hc.CloseWrite()
	default: // drop
		return st.line, c.nc.Close()
	}
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
			ok, err := p.match(st.text, got)
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

// match compares a line with a pattern and keeps what it captures.
func (p *player) match(pattern, line string) (bool, error) {
	pattern, err := expand(pattern, p.vars)
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
	return m != nil, nil
}

// conn is one connection of the client.
type conn struct {
	nc     net.Conn
	r      *bufio.Reader
	unread *string // a line that S* has read too far
}

func newConn(nc net.Conn) *conn { return &conn{nc: nc, r: bufio.NewReader(nc)} }

func (c *conn) write(s string) error {
	_, err := io.WriteString(c.nc, s)
	return err
}

func (c *conn) readLine() (string, error) {
	if c.unread != nil {
		line := *c.unread
		c.unread = nil
		return line, nil
	}
	var line []byte
	for {
		frag, err := c.r.ReadSlice('\n')
		line = append(line, frag...)
		if err == nil {
			break
		}
		if err != bufio.ErrBufferFull {
			return "", fmt.Errorf("%q and %w", line, err)
		}
		if len(line) > maxLine {
			return "", errors.New("an endless line")
		}
	}
	text, ok := strings.CutSuffix(string(line), "\r\n")
	if !ok {
		return "", fmt.Errorf("a line that ends in a bare LF: %q", line)
	}
	return text, nil
}

func (c *conn) expectRaw(want string) error {
	if c.unread != nil {
		return fmt.Errorf("want %q, got the line %q", want, *c.unread)
	}
	got := make([]byte, len(want))
	n, err := io.ReadFull(c.r, got)
	if string(got[:n]) != want {
		return fmt.Errorf("\nwant %q\ngot  %q (%v)", want, got[:n], err)
	}
	return nil
}

func (c *conn) startTLS() error {
	if c.unread != nil || c.r.Buffered() > 0 {
		return errors.New("the server sent more after its answer to STARTTLS")
	}
	tc := tls.Client(c.nc, &tls.Config{InsecureSkipVerify: true})
	if err := tc.Handshake(); err != nil {
		return err
	}
	c.nc, c.r = tc, bufio.NewReader(tc)
	return nil
}

// expectEOF expects the connection to be closed. A reset counts, since the
// server need not have read all that was sent.
func (c *conn) expectEOF() error {
	if c.unread != nil {
		return fmt.Errorf("want the end, got %q", *c.unread)
	}
	b, err := c.r.ReadByte()
	if err == nil {
		c.r.UnreadByte()
		line, _ := c.readLine()
		return fmt.Errorf("want the end, got %q (%q)", line, b)
	}
	var ne net.Error
	if errors.As(err, &ne) && ne.Timeout() {
		return errors.New("the server does not close the connection")
	}
	return nil
}
