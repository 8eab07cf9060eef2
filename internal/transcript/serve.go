package transcript

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/posthorn-mail/posthorn/internal/testutil"
)

// ServeOptions adjusts a Server. Nil and the zero value mean the defaults.
type ServeOptions struct {
	// TLS is the server's side of STARTTLS. By default it has a self-signed
	// certificate for localhost and 127.0.0.1, which Server.TLS trusts.
	TLS *tls.Config
	// Pipe makes connections by net.Pipe instead of TCP, for tests with the fake
	// time of testing/synctest.
	Pipe bool
}

// A Server plays the server's part of a script to a client under test.
type Server struct {
	Script *Script
	Addr   string      // empty with ServeOptions.Pipe
	TLS    *tls.Config // of a client that trusts the server, for localhost

	t      testing.TB
	config *tls.Config // of the server
	l      net.Listener
	pipe   *testutil.PipeListener // l, or nil

	mu      sync.Mutex // guards players
	players []*player

	playing  sync.WaitGroup // players before the end of the script, and who accepts
	draining sync.WaitGroup // connections after it
}

// Serve is Script.Serve with a script in the source of the test.
func Serve(t testing.TB, script string, o *ServeOptions) *Server {
	t.Helper()
	_, file, line, _ := runtime.Caller(1)
	s, err := Parse(fmt.Sprintf("%s:%d: script", filepath.Base(file), line), script)
	if err != nil {
		t.Fatal(err)
	}
	return s.Serve(t, o)
}

// ServeDir plays each file that matches the pattern in a subtest of its own, to
// the client of that name. Each file must have a client and each client a file.
// A file with the line "@synctest" is played in the fake time of
// testing/synctest, over net.Pipe.
func ServeDir(t *testing.T, pattern string, o *ServeOptions, clients map[string]func(t *testing.T, srv *Server)) {
	t.Helper()
	files := map[string]bool{}
	for _, path := range glob(t, pattern) {
		s, err := Load(path)
		if err != nil {
			t.Error(err)
			continue
		}
		files[s.Name()] = true
		client := clients[s.Name()]
		if client == nil {
			t.Errorf("there is no client for %s", path)
			continue
		}
		t.Run(s.Name(), func(t *testing.T) {
			if !s.HasOption("synctest") {
				client(t, s.Serve(t, o))
				return
			}
			synctest.Test(t, func(t *testing.T) {
				var pipes ServeOptions
				if o != nil {
					pipes = *o
				}
				pipes.Pipe = true
				client(t, s.Serve(t, &pipes))
			})
		})
	}
	for name := range clients {
		if !files[name] {
			t.Errorf("no file of %s is for the client %s", pattern, name)
		}
	}
}

// Serve starts a server that plays the script until the test ends. The test
// fails if the client deviates from it, has not come to its end, or sends more
// after it.
func (s *Script) Serve(t testing.TB, o *ServeOptions) *Server {
	t.Helper()
	if err := s.check('S'); err != nil {
		t.Fatal(err)
	}
	if o == nil {
		o = &ServeOptions{}
	}
	srv := &Server{Script: s, t: t, config: o.TLS, TLS: &tls.Config{InsecureSkipVerify: true}}
	for _, st := range s.steps {
		if st.kind == startTLS && srv.config == nil {
			srv.config, srv.TLS = testutil.TLS(t)
		}
	}
	if o.Pipe {
		srv.pipe = testutil.NewPipeListener()
		srv.l = srv.pipe
	} else {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		srv.l, srv.Addr = l, l.Addr().String()
	}
	srv.playing.Go(srv.run)
	t.Cleanup(srv.stop)
	return srv
}

// Dial makes a connection to the server.
func (srv *Server) Dial() net.Conn {
	srv.t.Helper()
	nc, err := srv.DialContext(context.Background(), "tcp", srv.Addr)
	if err != nil {
		srv.t.Fatal(err)
	}
	return nc
}

// DialContext makes a connection to the server, whatever the address. So the
// server can be the dialer of a client.
func (srv *Server) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	if srv.pipe != nil {
		return srv.pipe.Dial(), nil
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", srv.Addr)
}

// Wait waits until the script has come to its end. It ends the test if that has
// failed. With "@every" it waits for nothing.
func (srv *Server) Wait() {
	srv.t.Helper()
	if !srv.Script.HasOption("every") {
		srv.playing.Wait()
	}
	if srv.t.Failed() {
		srv.t.FailNow()
	}
}

// run plays the script, with "@every" to each connection.
func (srv *Server) run() {
	if !srv.Script.HasOption("every") {
		defer srv.l.Close()
		srv.play(srv.accept)
		return
	}
	for n := 0; ; n++ {
		nc, err := srv.l.Accept()
		if err != nil {
			if n == 0 {
				srv.t.Errorf("%s: no connection was made", srv.Script.Path)
			}
			return
		}
		srv.playing.Go(func() {
			srv.play(func() (net.Conn, error) {
				if nc == nil {
					return nil, errors.New("with @every, a script has one connection")
				}
				c := nc
				nc = nil
				return c, nil
			})
		})
	}
}

// accept waits for a connection as long as for any step.
func (srv *Server) accept() (net.Conn, error) {
	if l, ok := srv.l.(*net.TCPListener); ok {
		l.SetDeadline(time.Now().Add(srv.Script.timeout))
	}
	nc, err := srv.l.Accept()
	if err != nil {
		return nil, fmt.Errorf("no connection was made: %w", err)
	}
	return nc, nil
}

func (srv *Server) play(open func() (net.Conn, error)) {
	p := newPlayer(srv.Script, 'S', open)
	p.tls = func() *tls.Config { return srv.config }
	srv.mu.Lock()
	srv.players = append(srv.players, p)
	srv.mu.Unlock()
	if err := p.play(); err != nil {
		srv.t.Error(err)
		p.close()
		return
	}
	for name, c := range p.conns {
		if !c.closed {
			c.raw.SetDeadline(time.Time{})
			srv.draining.Go(func() { srv.drain(name, c) })
		}
	}
}

// drain expects a connection to be closed, but not before the test ends.
func (srv *Server) drain(name string, c *conn) {
	var got []byte
	if c.unread != nil {
		got = []byte(*c.unread)
	}
	rest, _ := io.ReadAll(io.LimitReader(c.r, maxLine))
	if got = append(got, rest...); len(got) > 0 {
		srv.t.Errorf("%s: after the end the client sent %s on connection %s", srv.Script.Path, quote(string(got)), cmp.Or(name, "1"))
	}
}

// grace is how long the client may take for the rest of the script after the
// test has ended.
const grace = time.Second

// stop ends the server with the test.
func (srv *Server) stop() {
	if srv.Script.HasOption("every") {
		srv.l.Close()
	}
	played := make(chan struct{})
	go func() {
		defer close(played)
		srv.playing.Wait()
	}()
	patience := time.NewTimer(grace)
	defer patience.Stop()
	select {
	case <-played:
	case <-patience.C:
		srv.each((*player).end)
		srv.l.Close()
		<-played
	}
	srv.each(func(p *player) {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, c := range p.conns {
			c.raw.SetReadDeadline(time.Now().Add(20 * time.Millisecond)) // for what is on its way
		}
	})
	srv.draining.Wait()
	srv.each((*player).close)
}

func (srv *Server) each(f func(*player)) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	for _, p := range srv.players {
		f(p)
	}
}
