package testutil

import (
	"net"
	"sync"
	"testing"
)

// A Writes is a connection that notes what each Write is given: a peer that gets a
// command or a reply in pieces may have to wait for each.
type Writes struct {
	net.Conn

	mu    sync.Mutex
	noted []string
}

// Write notes p before it is written.
func (w *Writes) Write(p []byte) (int, error) {
	w.mu.Lock()
	w.noted = append(w.noted, string(p))
	w.mu.Unlock()
	return w.Conn.Write(p)
}

// Take returns what was written since the last call, one string a Write.
func (w *Writes) Take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	noted := w.noted
	w.noted = nil
	return noted
}

// ServeWrites serves one connection until the test ends. It returns the client's end
// of it, and what the server writes.
func ServeWrites(t testing.TB, srv interface {
	Serve(net.Listener) error
	Close() error
}) (client net.Conn, server *Writes) {
	t.Helper()
	l := NewPipeListener()
	serve(t, l, srv.Serve, srv.Close)
	client, end := net.Pipe()
	server = &Writes{Conn: end}
	l.Connect(server)
	t.Cleanup(func() { client.Close() })
	return client, server
}
