package imapclient

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/textproto"
)

// A Client is a connection to an IMAP server. It is safe for concurrent use: see
// the package's comment.
type Client struct {
	conn *textproto.Conn
	o    Options
	host string

	// Of the writing side, which is used by who has the turn.
	turn      chan struct{}
	waiting   atomic.Int32 // writers that wait for the turn
	unflushed atomic.Bool
	w         writer
	uploading atomic.Int64 // since when it has waited for the body of a message to be stored, in nanoseconds; zero: it does not wait

	raws     atomic.Int32                      // raw commands that may be in flight
	lastSent atomic.Int64                      // when something was sent last, in nanoseconds
	utf8     atomic.Bool                       // mailbox names are UTF-8, and strings may be
	rawNames atomic.Pointer[map[string]string] // see wire.Encoder.Names; never changed, only replaced

	closed      chan struct{} // closed when the connection is of no more use
	readerEnded chan struct{} // closed when the reader has ended

	// Of the reader.
	fr      frame
	rd      *grammar.ResponseReader
	group   *messageGroup // for the next messages
	grouped int           // how many of it are used

	patience     time.Duration // how long a read may take
	received     int64         // octets received when goOn looked last
	lastReceived time.Time     // when the last of them came

	notes sync.Mutex // guards noted
	noted []note

	mu            sync.Mutex // guards what follows; never held over I/O or the user's code
	reason        error      // why the connection is closed; nil: it is open
	tags          uint64
	inflight      []*call       // in the order in which they were sent
	changed       chan struct{} // closed when inflight or what holds the reader up has changed
	turnWaits     bool          // who has the turn waits for the answers of others
	wantCont      *call         // the command that waits for a continuation request
	resting       bool          // the reader waits, and no answer is due
	bye           *imap.Error   // the server has announced that it closes the connection
	greeting      chan *grammar.StatusLine
	preAuth       bool
	login         bool // logged in
	caps          imap.CapSet
	capsKnown     bool // caps are those of the present state
	enabled       imap.CapSet
	serverID      imap.IDFields
	appendLimits  map[string]int64 // of mailboxes, as far as they were asked for; negative: none
	noCharset     bool             // BADCHARSET was the answer to CHARSET
	selected      *Mailbox         // the one that commands may use
	selecting     *Mailbox         // of a SELECT in flight
	held          int64            // octets of bodies that loops have not consumed
	full          bool             // the reader waits for room
	blocked       int              // calls that wait for the reader
	compress      compressState
	done          tally
	events        events
	compressed    bool                // COMPRESS is on
	namespace     *imap.NamespaceData // as last told; nil: not yet
	loginReferral []string            // what the answer to the login recommends
	lives         map[string]*live    // by the tags of their searches
	unwanted      int64               // octets of messages that nobody has asked for
	excess        error               // what is dropped exceeds Limits.Drain
}

// newClient returns a Client whose reader is not yet started.
func newClient(conn *textproto.Conn, host string, o Options) *Client {
	c := &Client{
		conn: conn, o: o, host: host, patience: o.Timeouts.Command,
		turn: make(chan struct{}, 1), closed: make(chan struct{}), readerEnded: make(chan struct{}),
		changed: make(chan struct{}), greeting: make(chan *grammar.StatusLine, 1),
	}
	c.turn <- struct{}{}
	c.w.c = c
	c.events.signal = make(chan struct{}, 1)
	lim := wire.LimitsClient()
	lim.Line, lim.Literal, lim.Command, lim.Numbers = int(o.Limits.Response)+2, o.Limits.Response, o.Limits.Response*2, 1<<26
	c.rd = grammar.NewResponseReader(&c.fr, lim)
	return c
}

// read is the goroutine that reads all that the server sends, until the
// connection is closed.
func (c *Client) read() {
	defer close(c.readerEnded)
	defer func() {
		if p := recover(); p != nil {
			c.fail(fmt.Errorf("imapclient: panic while reading: %v", p))
		}
	}()
	in := input{c.conn, c.goOn}
	for {
		err := c.await()
		if err == nil {
			err = c.fr.read(in, c.o.Limits.Response, c.o.Limits.Drain, c.keep)
			c.calm()
		}
		if err == nil {
			err = c.handle()
			c.tell()
		}
		if err == nil {
			err = c.excessive()
		}
		if err != nil {
			c.fail(err)
			return
		}
	}
}

func (c *Client) excessive() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.excess
}

// await waits for input. While no answer is due it holds no buffer, and now and
// then sends NOOP, so that the connection is not closed for being idle.
func (c *Client) await() error {
	for c.conn.Buffered() == 0 {
		c.mu.Lock()
		c.resting = !c.due()
		resting := c.resting
		idling := len(c.inflight) > 0
		c.mu.Unlock()
		if !resting {
			return nil
		}
		keepAlive := c.o.Timeouts.KeepAlive
		if idling {
			keepAlive = 0 // Watch issues IDLE anew
		}
		c.conn.SetIdleTimeout(keepAlive)
		err := c.conn.Wait()
		var timeout *textproto.TimeoutError
		switch {
		case err == nil:
			return nil
		case errors.Is(err, textproto.ErrWoken):
		case errors.As(err, &timeout):
			c.keepAlive()
		default:
			return err
		}
	}
	return nil
}

// due reports whether the server owes an answer. mu is held.
func (c *Client) due() bool {
	for _, k := range c.inflight {
		if _, idle := k.cmd.(*imap.Idle); !idle || k.over {
			return true
		}
	}
	return c.greeting != nil
}

// goOn reports whether to go on after a read that has timed out: Timeouts.Command
// counts from the last octet sent or received. The next read ends when the time is up.
func (c *Client) goOn(err error) bool {
	var timeout *textproto.TimeoutError
	if !errors.As(err, &timeout) || c.Err() != nil {
		return false
	}
	now := time.Now()
	if in, _ := c.conn.Octets(); in != c.received {
		c.received, c.lastReceived = in, now.Add(-c.patience)
	}
	since := time.Unix(0, c.lastSent.Load())
	if c.lastReceived.After(since) {
		since = c.lastReceived
	}
	left := c.o.Timeouts.Command - now.Sub(since)
	if left <= 0 {
		return false
	}
	c.patience = left
	c.conn.SetReadTimeout(left)
	return true
}

// calm makes reads have all their time again, after a response.
func (c *Client) calm() {
	if c.patience != c.o.Timeouts.Command {
		c.patience = c.o.Timeouts.Command
		c.conn.SetReadTimeout(c.patience)
	}
}

// keepAlive sends NOOP if nobody is writing.
func (c *Client) keepAlive() {
	select {
	case <-c.turn:
	default:
		return
	}
	c.mu.Lock()
	quiet := len(c.inflight) == 0 && c.reason == nil
	if quiet {
		k := newCall(&imap.Noop{})
		k.tag = c.nextTag()
		k.abandoned, k.begun = true, time.Now()
		c.inflight = append(c.inflight, k)
		c.conn.WriteString(k.tag + " NOOP\r\n")
		c.unflushed.Store(true)
	}
	c.mu.Unlock()
	c.giveTurn()
}

// keep reports whether the octets of a message whose literal follows on the line
// are wanted. If many are held already it waits until loops have consumed some,
// but only as long as no call waits for anything: then the octets are dropped, and
// the body is fetched again when it is read.
func (c *Client) keep([]byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		wanted := false
		for _, k := range c.inflight {
			wanted = wanted || !k.abandoned && (k.fetch != nil || k.raw != nil && k.raw.wants("FETCH"))
		}
		if !wanted || c.reason != nil {
			return false
		}
		if c.held < 2*c.o.Limits.Window {
			return true
		}
		if c.blocked > 0 {
			return false
		}
		c.full = true
		changed := c.changed
		c.mu.Unlock()
		select {
		case <-changed:
		case <-c.closed:
		}
		c.mu.Lock()
		c.full = false
	}
}

// roomLocked tells the reader, if it waits for room, that something has changed.
// mu is held.
func (c *Client) roomLocked() {
	if c.full {
		c.broadcastLocked()
	}
}

// block notes that a call waits for the reader, until unblock.
func (c *Client) block() {
	c.mu.Lock()
	c.blocked++
	c.roomLocked()
	c.mu.Unlock()
}

func (c *Client) unblock() {
	c.mu.Lock()
	c.blocked--
	c.mu.Unlock()
}

// broadcastLocked wakes who waits for a change. mu is held.
func (c *Client) broadcastLocked() {
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *Client) wakeLocked() { c.broadcastLocked() }

// fail closes the connection and ends all calls. The first reason counts.
func (c *Client) fail(reason error) {
	c.mu.Lock()
	if c.reason != nil {
		c.mu.Unlock()
		return
	}
	if c.bye != nil && !errors.Is(reason, ErrClosed) {
		reason = c.bye // the server has said why
	}
	c.reason = reason
	err := c.errLocked()
	calls := c.inflight
	c.inflight = nil
	c.selected, c.selecting, c.wantCont = nil, nil, nil
	for _, k := range calls {
		k.err = err
		if k.fetch != nil {
			k.fetch.end(err)
		}
		close(k.done)
	}
	c.broadcastLocked()
	c.events.endLocked()
	close(c.closed)
	c.mu.Unlock()
	c.conn.Close()
}

// Err returns why the connection is closed, an error that wraps ErrClosed; nil
// while it is open.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.errLocked()
}

func (c *Client) errLocked() error {
	if c.reason == nil {
		return nil
	}
	if c.reason == ErrClosed {
		return ErrClosed
	}
	return &closedError{c.reason}
}

// Closed returns a channel that is closed when the connection is.
func (c *Client) Closed() <-chan struct{} { return c.closed }

// Close closes the connection at once. Calls in progress return an error that
// wraps ErrClosed. It may be called more than once.
func (c *Client) Close() error {
	c.fail(ErrClosed)
	<-c.readerEnded
	return nil
}

// log notes what no caller is told, for Options.Logger. It may be called with mu held.
func (c *Client) log(msg string, args ...any) {
	if c.o.Logger != nil {
		c.notes.Lock()
		c.noted = append(c.noted, note{msg, append([]any{slog.String("conn", c.o.ConnID)}, args...)})
		c.notes.Unlock()
	}
}

// A note is what is to be logged.
type note struct {
	msg  string
	args []any
}

// tell logs what was noted, without a lock: the Logger may call the Client.
func (c *Client) tell() {
	if c.o.Logger == nil {
		return
	}
	c.notes.Lock()
	noted := c.noted
	c.noted = nil
	c.notes.Unlock()
	for _, n := range noted {
		c.o.Logger.Warn(n.msg, n.args...)
	}
}
