package pop3client

import (
	"context"
	"iter"
	"strconv"
)

// MessagesOptions say what Messages fetches. Nil and the zero value: all of all
// messages.
type MessagesOptions struct {
	// Select chooses messages, unless nil.
	Select func(Entry) bool

	// Top fetches the header and Lines lines of the body only.
	Top   bool
	Lines int
}

// A Message is what Messages yields.
type Message struct {
	Entry
	Body *Body // valid until the next step of the iteration

	f *flight
}

// Delete marks the message as deleted. The server's answer is reported later in
// the iteration; the message is deleted by Quit.
func (m *Message) Delete() {
	if m.f != nil {
		m.f.delete(m.Entry)
	}
}

// Messages lists the maildrop and yields its messages in the order of their
// numbers. Where the server allows pipelining, the next messages are requested
// before the present one has been read: at most two megabytes of them, unless
// one is larger.
//
// An error that is a *pop3.Error or a *ListingError concerns the message that it
// comes with (whose Body is nil), and the iteration continues. Any other error
// ends it, and comes without a message. Those of the listing come first; a message
// that lacks its unique-id only, or its size, is yielded too. What the caller does
// not read is skipped. When the loop ends early, what was already requested is
// read and discarded.
//
// Within the loop the Client is busy; use Message.Delete to delete.
func (c *Client) Messages(ctx context.Context, o *MessagesOptions) iter.Seq2[*Message, error] {
	if o == nil {
		o = &MessagesOptions{}
	}
	return func(yield func(*Message, error) bool) {
		end, err := c.begin(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		defer end()
		list, err := c.list()
		if err != nil {
			yield(nil, err)
			return
		}
		for _, bad := range list.bad {
			if !yield(&Message{Entry: Entry{Num: bad.Num, Size: -1}}, bad) {
				return
			}
		}
		f := &flight{c: c, top: o.Top, lines: o.Lines}
		for _, e := range list.entries {
			if o.Select == nil || o.Select(e) {
				f.todo = append(f.todo, step{entry: e})
			}
		}
		f.run(yield)
	}
}

// A step is a RETR, TOP or DELE.
type step struct {
	dele  bool
	entry Entry
}

// The bounds of what is requested ahead. The commands fit into any socket
// buffer, so that neither side waits for the other (RFC 2449 §6.6).
const (
	maxFlight       = 512
	maxFlightOctets = 2 << 20
)

// A flight is a number of commands whose replies come in the same order.
type flight struct {
	c     *Client
	top   bool
	lines int

	todo   []step // not sent yet
	deles  []step // not sent yet; they come first
	sent   []step // and not answered
	octets int64  // that the sent ones are expected to bring
}

func (f *flight) delete(list ...Entry) {
	for _, e := range list {
		f.deles = append(f.deles, step{dele: true, entry: e})
	}
}

func (f *flight) more() bool { return len(f.sent)+len(f.deles)+len(f.todo) > 0 }

// fill sends what may be sent. While many are still unanswered, it waits until
// it can send many at once.
func (f *flight) fill() error {
	limit := 1
	if f.c.pipelining() {
		limit = maxFlight
	}
	if len(f.sent) > limit/2 || len(f.sent) > 0 && f.octets > maxFlightOctets/2 {
		return nil
	}
	if len(f.sent) > 0 && len(f.todo) == 0 && len(f.deles) < limit/2 {
		return nil // deletions are in no hurry
	}
	wrote := false
	for len(f.sent) < limit {
		queue := &f.deles
		if len(f.deles) == 0 {
			queue = &f.todo
		}
		if len(*queue) == 0 {
			break
		}
		s := (*queue)[0]
		if len(f.sent) > 0 && f.octets+f.cost(s) > maxFlightOctets {
			break
		}
		*queue = (*queue)[1:]
		if _, err := f.c.conn.Write(f.line(f.c.conn.AvailableBuffer(), s)); err != nil {
			return f.c.fail(err)
		}
		f.sent = append(f.sent, s)
		f.octets += f.cost(s)
		wrote = true
	}
	if wrote {
		if err := f.c.conn.Flush(); err != nil {
			return f.c.fail(err)
		}
	}
	return nil
}

// line appends the command of a step.
func (f *flight) line(b []byte, s step) []byte {
	switch {
	case s.dele:
		b = append(b, "DELE "...)
	case f.top:
		b = append(b, "TOP "...)
	default:
		b = append(b, "RETR "...)
	}
	b = strconv.AppendInt(b, int64(s.entry.Num), 10)
	if f.top && !s.dele {
		b = strconv.AppendInt(append(b, ' '), int64(f.lines), 10)
	}
	return append(b, '\r', '\n')
}

// cost is how many octets a step is expected to bring.
func (f *flight) cost(s step) int64 {
	if s.dele {
		return 0
	}
	return max(s.entry.Size, 0)
}

// next reads the status of the next step. A message's body is then to be read.
func (f *flight) next() (step, error) {
	if err := f.fill(); err != nil {
		return step{}, err
	}
	s := f.sent[0]
	f.sent = f.sent[1:]
	f.octets -= f.cost(s)
	verb := "RETR"
	if s.dele {
		verb = "DELE"
	}
	return s, f.c.accepted(verb)
}

// run yields the messages. When the caller stops, the rest of what was
// requested is skipped, and deletions are carried out.
func (f *flight) run(yield func(*Message, error) bool) {
	wanted := true
	for f.more() {
		s, err := f.next()
		d := &struct { // together, as there are many
			Message
			body Body
		}{Message: Message{Entry: s.entry, f: f}}
		m := &d.Message
		switch {
		case err != nil && refused(err):
			if wanted && !yield(m, err) {
				wanted = f.stop()
			}
			continue
		case err != nil:
			if wanted {
				yield(nil, err)
			}
			return
		case s.dele:
			continue
		}
		d.body = f.c.body(len(f.sent) == 0)
		m.Body = &d.body
		if wanted && !yield(m, nil) {
			wanted = f.stop()
		}
		m.f = nil
		err = m.Body.Close()
		if f.c.broken != nil {
			if wanted {
				if err == nil {
					err = f.c.broken
				}
				yield(nil, err)
			}
			return
		}
	}
}

// stop drops what has not been requested, except deletions. It returns false.
func (f *flight) stop() bool {
	f.todo = nil
	return false
}
