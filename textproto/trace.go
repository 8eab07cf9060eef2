package textproto

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
)

// Direction says which way a line went, seen from this end.
type Direction int

const (
	Receive Direction = iota
	Send
)

func (d Direction) String() string {
	if d == Send {
		return "send"
	}
	return "receive"
}

// EventKind says what an Event is about.
type EventKind int

const (
	LineEvent EventKind = iota // Line is a line without its end
	BodyEvent                  // the end of a body, of len(Line)+Elided octets
	NoteEvent                  // Line is a remark, such as that TLS began
)

// An Event is one entry of a wire trace.
type Event struct {
	ConnID string
	Kind   EventKind
	Dir    Direction
	Line   []byte // valid until the Tracer returns
	Elided int64  // octets omitted: of a body, or of a secret line
}

// A Tracer is called for what is read and written on a connection, on the
// goroutine that reads or writes: concurrent reads and writes make concurrent
// calls. It must not use the connection. Credentials and bodies are omitted:
// see Conn.SetSecret, Options.Redact, Options.TraceBody.
type Tracer func(Event)

// SlogTracer returns a Tracer that logs each event at the given level.
func SlogTracer(l *slog.Logger, level slog.Level) Tracer {
	return func(e Event) {
		ctx := context.Background()
		if !l.Enabled(ctx, level) {
			return
		}
		a := make([]slog.Attr, 0, 3)
		a = append(a, slog.String("conn", e.ConnID))
		msg := e.Dir.String()
		if e.Kind == NoteEvent {
			msg = "note"
		}
		if e.Kind != BodyEvent || len(e.Line) > 0 {
			a = append(a, slog.String("line", string(e.Line)))
		}
		if e.Elided > 0 {
			a = append(a, slog.Int64("elided", e.Elided))
		}
		l.LogAttrs(ctx, level, msg, a...)
	}
}

// tracer assembles lines from writes and hides secrets.
type tracer struct {
	fn     Tracer
	id     string
	redact func(Direction, []byte) []byte
	keep   int

	mu     sync.Mutex
	secret bool // guarded by mu

	// Of the writing side.
	part []byte // of a line that is being written
	hide bool   // that line is secret
}

// maxTraceLine bounds what is kept of a line that is written in pieces.
const maxTraceLine = 8 << 10

// SetSecret omits the content of lines read and written from the trace until it
// is turned off.
func (c *Conn) SetSecret(on bool) {
	if t := c.trace; t != nil {
		t.mu.Lock()
		t.secret = on
		t.mu.Unlock()
	}
}

func (t *tracer) isSecret() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.secret
}

func (t *tracer) line(dir Direction, line []byte) { t.show(dir, line, t.isSecret()) }

func (t *tracer) show(dir Direction, line []byte, secret bool) {
	e := Event{ConnID: t.id, Dir: dir, Line: line}
	switch {
	case secret:
		e.Line, e.Elided = []byte("***"), int64(len(line))
	case t.redact != nil:
		e.Line = t.redact(dir, line)
	}
	t.fn(e)
}

// write records a piece of output, which may consist of lines and parts of
// them. A line is secret if any part of it is.
func (t *tracer) write(p []byte) {
	secret := t.isSecret()
	t.hide = secret || t.hide && len(t.part) > 0
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			t.part = append(t.part, p[:min(len(p), max(0, maxTraceLine-len(t.part)))]...)
			return
		}
		line := p[:i]
		if len(t.part) > 0 {
			t.part = append(t.part, line[:min(len(line), max(0, maxTraceLine-len(t.part)))]...)
			line = t.part
		}
		t.show(Send, bytes.TrimSuffix(line, crByte), t.hide)
		t.part = t.part[:0]
		p = p[i+1:]
		t.hide = secret
	}
}

func (t *tracer) note(s string) {
	t.fn(Event{ConnID: t.id, Kind: NoteEvent, Line: []byte(s)})
}

// bodyTrace counts a body for the trace. A nil one does nothing.
type bodyTrace struct {
	t    *tracer
	dir  Direction
	head []byte
	n    int64
}

// traceBody begins the trace of a body; it returns nil when there is no trace.
func (c *Conn) traceBody(dir Direction) *bodyTrace {
	if c.trace == nil {
		return nil
	}
	return &bodyTrace{t: c.trace, dir: dir}
}

func (b *bodyTrace) add(p []byte) {
	if b == nil || b.t == nil {
		return
	}
	b.n += int64(len(p))
	if room := b.t.keep - len(b.head); room > 0 && !b.t.isSecret() {
		b.head = append(b.head, p[:min(len(p), room)]...)
	}
}

// end reports the body, once.
func (b *bodyTrace) end() {
	if b == nil || b.t == nil {
		return
	}
	t := b.t
	b.t = nil
	t.fn(Event{ConnID: t.id, Kind: BodyEvent, Dir: b.dir, Line: b.head, Elided: b.n - int64(len(b.head))})
}
