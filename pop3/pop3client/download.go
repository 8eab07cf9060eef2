package pop3client

import (
	"context"
	"errors"
	"time"

	"github.com/posthorn-mail/posthorn/pop3"
)

// Seen remembers, from one session to the next, which messages have been
// downloaded, by their unique-ids. SeenFile is one in a file.
type Seen interface {
	// When returns when the message was downloaded; ok is false if it wasn't.
	When(uid string) (t time.Time, ok bool)

	// Add remembers messages durably: after it has returned, they survive a
	// crash.
	Add(ctx context.Context, t time.Time, uid string) error

	// Keep forgets all messages but these: the rest are no longer on the
	// server.
	Keep(ctx context.Context, uid func(string) bool) error
}

// DownloadOptions adjust Download. Nil and the zero value: every new message is
// fetched, and deleted from the server.
type DownloadOptions struct {
	// Leave is how long a message stays on the server after it has been
	// downloaded. Zero deletes it at once, a negative value never.
	Leave time.Duration

	// Max, if above zero, is how many messages are fetched at most.
	Max int

	// MaxSize, if above zero, leaves messages with more octets on the server.
	MaxSize int64
}

// Downloaded says what Download did.
type Downloaded struct {
	Fetched int // handed to deliver without an error
	Deleted int // marked as deleted
	Skipped int // not fetched because of MaxSize, a refusal of the server, or a missing unique-id

	// Bad are the lines of LIST and UIDL that could not be used, and the messages
	// that have no unique-id of their own.
	Bad []*ListingError
}

// Download passes each message that has not been downloaded yet to deliver,
// deletes what DownloadOptions.Leave allows, and ends the session with Quit. It
// stops at the first error of deliver.
//
// An interruption at any point loses nothing: a message is marked as deleted
// only after deliver has returned nil, which must mean that it is stored
// durably, and after seen has remembered it. Nothing is repeated either: if the
// connection breaks before the server has carried out the deletions, the next
// Download knows the messages and only deletes them. The exception is a crash
// of this process between the success of deliver and that of Add: callers that
// must not store a message twice store Message.UID with it, and implement Seen
// on top of that.
//
// A message without a unique-id of its own cannot be remembered: one for which
// UIDL has no usable line, or the same unique-id as for a message of another
// size. If Leave is zero it is fetched and deleted, and may be fetched again after
// an interruption; otherwise it stays on the server, unfetched. Messages of the
// same size with the same unique-id are taken for copies (RFC 1939 §7): they
// are fetched together, which may exceed Max, and remembered when all of them
// are delivered. While there are lines that cannot be used, nothing is forgotten.
//
// The error is ErrNoUIDs if the server has no UIDL.
func (c *Client) Download(ctx context.Context, seen Seen, o *DownloadOptions, deliver func(*Message) error) (Downloaded, error) {
	if o == nil {
		o = &DownloadOptions{}
	}
	done, err := c.download(ctx, seen, o, deliver)
	if err != nil {
		return done, err
	}
	return done, c.Quit(ctx)
}

// copies are the messages that have the same unique-id.
type copies struct {
	size   int64
	wanted int     // and not fetched yet
	failed bool    // the server has refused one
	got    []Entry // delivered
}

func (c *Client) download(ctx context.Context, seen Seen, o *DownloadOptions, deliver func(*Message) error) (done Downloaded, err error) {
	end, err := c.begin(ctx)
	if err != nil {
		return done, err
	}
	defer end()
	list, err := c.list()
	if err != nil {
		return done, err
	}
	if !list.uids && len(list.entries) > 0 {
		return done, ErrNoUIDs
	}
	complete := len(list.bad) == 0
	byUID := list.group()
	done.Bad = list.bad
	if complete {
		present := func(uid string) bool { _, ok := byUID[uid]; return ok }
		if err := seen.Keep(ctx, present); err != nil {
			return done, err
		}
	}
	f := &flight{c: c}
	now := time.Now()
	for _, e := range list.entries {
		g := byUID[e.UID]
		var t time.Time
		known := false
		if g != nil {
			t, known = seen.When(e.UID)
		}
		switch {
		case known && o.Leave >= 0 && now.Sub(t) >= o.Leave:
			f.delete(e)
			done.Deleted++
		case known:
		case g == nil && o.Leave != 0,
			o.MaxSize > 0 && (e.Size > o.MaxSize || e.Size < 0):
			done.Skipped++
		case o.Max > 0 && len(f.todo) >= o.Max && (g == nil || g.wanted == 0):
		default:
			if f.todo = append(f.todo, step{entry: e}); g != nil {
				g.wanted++
			}
		}
	}
	// fetched is called for each message that was requested.
	fetched := func(e Entry, delivered bool) error {
		gone := []Entry{e}
		if g := byUID[e.UID]; g != nil {
			g.wanted--
			if g.failed = g.failed || !delivered; delivered {
				g.got = append(g.got, e)
			}
			if g.wanted > 0 {
				return nil
			}
			if gone = g.got; !g.failed {
				if err := seen.Add(ctx, time.Now(), e.UID); err != nil {
					return err
				}
			}
		} else if !delivered {
			return nil
		}
		if o.Leave == 0 {
			f.delete(gone...)
			done.Deleted += len(gone)
		}
		return nil
	}
	var failed error
	f.run(func(m *Message, err error) bool {
		var no *pop3.Error
		switch {
		case errors.As(err, &no) && no.Command == "DELE":
			done.Deleted--
			return true
		case no != nil:
			done.Skipped++
			failed = fetched(m.Entry, false)
			return failed == nil
		case err != nil:
			failed = err
			return false
		}
		// A message that deliver has not read, or that was incomplete, must not
		// count as delivered.
		if failed = deliver(m); failed == nil {
			failed = m.Body.rest()
		}
		if failed == nil {
			failed = fetched(m.Entry, true)
		}
		if failed == nil {
			done.Fetched++
		}
		return failed == nil
	})
	return done, failed
}

// group returns the messages by unique-id, nil for a unique-id of messages that
// are no copies of each other, which it reports.
func (l *listing) group() map[string]*copies {
	byUID := make(map[string]*copies, len(l.entries))
	differ := map[string]bool{}
	for _, e := range l.entries {
		g, ok := byUID[e.UID]
		switch {
		case e.UID == "":
		case !ok:
			byUID[e.UID] = &copies{size: e.Size}
		case g == nil || g.size != e.Size:
			byUID[e.UID] = nil
			differ[e.UID] = true
		}
	}
	for _, e := range l.entries {
		if differ[e.UID] {
			l.report("UIDL", e.Num, []byte(e.UID), "unique-id of different messages")
		}
	}
	return byUID
}
