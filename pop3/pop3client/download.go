package pop3client

import (
	"context"
	"time"
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
	Skipped int // not fetched because of MaxSize or a refusal of the server
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
// The error is ErrNoUIDs if the server has no unique-ids.
func (c *Client) Download(ctx context.Context, seen Seen, o *DownloadOptions, deliver func(*Message) error) (Downloaded, error) {
	if o == nil {
		o = &DownloadOptions{}
	}
	var done Downloaded
	list, err := c.List(ctx)
	if err != nil {
		return done, err
	}
	present := make(map[string]bool, len(list))
	wanted := make(map[int]bool)
	var old []int
	now := time.Now()
	for _, e := range list {
		if e.UID == "" {
			return done, ErrNoUIDs
		}
		present[e.UID] = true
		t, known := seen.When(e.UID)
		switch {
		case known && o.Leave >= 0 && now.Sub(t) >= o.Leave:
			old = append(old, e.Num)
		case known:
		case o.MaxSize > 0 && e.Size > o.MaxSize:
			done.Skipped++
		case o.Max > 0 && len(wanted) >= o.Max:
		default:
			wanted[e.Num] = true
		}
	}
	if err := seen.Keep(ctx, func(uid string) bool { return present[uid] }); err != nil {
		return done, err
	}
	if len(wanted) > 0 {
		if err := c.download(ctx, seen, o, deliver, list, wanted, &done); err != nil {
			return done, err
		}
	}
	if len(old) > 0 {
		if err := c.Delete(ctx, old...); err != nil && !refused(err) {
			return done, err
		}
		done.Deleted += len(old)
	}
	return done, c.Quit(ctx)
}

func (c *Client) download(ctx context.Context, seen Seen, o *DownloadOptions, deliver func(*Message) error, list []Entry, wanted map[int]bool, done *Downloaded) error {
	end, err := c.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	f := &flight{c: c}
	for _, e := range list {
		if wanted[e.Num] {
			f.todo = append(f.todo, step{entry: e})
		}
	}
	var failed error
	f.run(func(m *Message, err error) bool {
		switch {
		case err != nil && refused(err):
			done.Skipped++
			return true
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
			failed = seen.Add(ctx, time.Now(), m.UID)
		}
		if failed != nil {
			return false
		}
		done.Fetched++
		if o.Leave == 0 {
			m.Delete()
			done.Deleted++
		}
		return true
	})
	return failed
}
