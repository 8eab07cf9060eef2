package main

import (
	"context"
	"io"
	"iter"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// A side is an account that is copied from or to. It is used by one goroutine.
type side interface {
	// list returns the account's own mailboxes. Names are as in package mailbox:
	// "/" separates levels, whatever the server uses.
	list(ctx context.Context) ([]info, error)

	create(ctx context.Context, name string, use mailbox.SpecialUse) error
	subscribe(ctx context.Context, name string, on bool) error
	remove(ctx context.Context, name string) error

	// open opens a mailbox. The one opened before can no longer be used.
	open(ctx context.Context, name string, readOnly bool) (box, error)

	// failed reports whether the connection is lost.
	failed() bool
	close()
}

// A connector opens a side, as often as it is asked to.
type connector func(ctx context.Context) (side, error)

// info describes a mailbox.
type info struct {
	name       string
	use        mailbox.SpecialUse
	subscribed bool
	status     status
}

// status tells whether a mailbox has changed: two that are equal and have a ModSeq
// are of the same contents.
type status struct {
	validity uint32
	next     mailbox.UID
	modSeq   mailbox.ModSeq // zero: the server has none
	messages int
}

// A box is an open mailbox.
type box interface {
	status() status

	uids(ctx context.Context) (mailbox.UIDSet, error)

	// entries yields UIDs with flags, and with sizes too.
	entries(ctx context.Context, set mailbox.UIDSet, sizes bool) iter.Seq2[mailbox.Entry, error]

	// messages yields messages with their octets, which can be read until the
	// next step. An error beside a message is about that message only.
	messages(ctx context.Context, set mailbox.UIDSet) iter.Seq2[*original, error]

	// append stores messages in order and returns the UID of each, zero for those
	// that are in refused, and for all if the server does not tell.
	append(ctx context.Context, msgs []mailbox.Incoming) (uids []mailbox.UID, refused map[int]error, err error)

	setFlags(ctx context.Context, set mailbox.UIDSet, change mailbox.FlagChange) error
	expunge(ctx context.Context, set mailbox.UIDSet) error

	// storable returns those of the flags that the mailbox can keep.
	storable(flags mailbox.FlagSet) mailbox.FlagSet

	// settle waits until what a connection that no longer exists has sent is done.
	settle(ctx context.Context) error
}

// An original is a message at the source.
type original struct {
	mailbox.Entry
	body interface {
		io.Reader
		io.WriterTo
	}
}

// rewind makes a message readable once more, if it is in memory.
func rewind(msgs []mailbox.Incoming) {
	for i := range msgs {
		if s, ok := msgs[i].Body.(io.Seeker); ok {
			s.Seek(0, io.SeekStart)
		}
	}
}
