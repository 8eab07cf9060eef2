package storekit

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// An Intake reads a message that is appended to a store. It is an io.Reader of
// the octets that counts and parses them, and that returns io.EOF only if the
// message has the announced size and is within the limit. It allocates nothing in proportion to an announced
// size. It is for one goroutine.
type Intake struct {
	ctx    context.Context
	body   io.Reader
	parser *message.Parser
	want   int64 // announced; negative: unknown
	limit  int64 // zero: none
	size   int64
	err    error // what every further Read returns
	probe  [1]byte
}

// idleReads is the number of consecutive empty reads of a Body that is an error.
const idleReads = 100

// Check returns the error for a message that can be refused before it is read:
// mailbox.ErrTooLarge if its announced size is above the limit, mailbox.ErrLimit if a
// keyword is too long.
func Check(msg *mailbox.Incoming, lim mailbox.Limits) error {
	if lim.MaxMessageSize > 0 && msg.Size > lim.MaxMessageSize {
		return fmt.Errorf("%w: %d octets of at most %d", mailbox.ErrTooLarge, msg.Size, lim.MaxMessageSize)
	}
	return mailbox.ValidKeywords(msg.Flags, lim)
}

// NewIntake begins to read a message. A nil Body is an empty one. The error is
// that of Check; then nothing has been read.
func NewIntake(ctx context.Context, msg *mailbox.Incoming, lim mailbox.Limits, parser *message.Options) (*Intake, error) {
	if err := Check(msg, lim); err != nil {
		return nil, err
	}
	return &Intake{
		ctx:    ctx,
		body:   msg.Body,
		parser: message.NewParser(parser),
		want:   msg.Size,
		limit:  lim.MaxMessageSize,
	}, nil
}

// Read implements [io.Reader]. Besides io.EOF, its errors wrap those of the
// context and of the Body, mailbox.ErrSize, mailbox.ErrTooLarge and
// io.ErrNoProgress. It returns no octets together with an error, and none
// beyond the announced size. If Left is zero, p may be empty.
func (in *Intake) Read(p []byte) (n int, err error) {
	if in.err != nil {
		return 0, in.err
	}
	switch left := in.Left(); {
	case left == 0:
		p = in.probe[:] // nothing may follow
	case len(p) == 0:
		return 0, nil
	case left > 0:
		p = p[:min(int64(len(p)), left)]
	}
	if n, err = in.read(p); n > 0 {
		switch in.size += int64(n); {
		case in.want >= 0 && in.size > in.want:
			n, err = 0, fmt.Errorf("%w: more than %d octets", mailbox.ErrSize, in.want)
		case in.limit > 0 && in.size > in.limit:
			n, err = 0, fmt.Errorf("%w: more than %d octets", mailbox.ErrTooLarge, in.limit)
		default:
			in.parser.Write(p[:n])
		}
	}
	if err == io.EOF && in.size < in.want {
		n, err = 0, fmt.Errorf("%w: %d octets of %d", mailbox.ErrSize, in.size, in.want)
	}
	in.err = err
	if n > 0 {
		err = nil // the next call returns in.err
	}
	return n, err
}

// read reads from the Body until it gets octets or an error.
func (in *Intake) read(p []byte) (n int, err error) {
	if in.body == nil {
		return 0, io.EOF
	}
	for range idleReads {
		if err := in.ctx.Err(); err != nil {
			return 0, fmt.Errorf("reading the message: %w", err)
		}
		n, err = in.body.Read(p)
		switch {
		case n < 0 || n > len(p):
			return 0, errors.New("reading the message: Read returned an impossible count")
		case err != nil && err != io.EOF:
			return n, fmt.Errorf("reading the message: %w", err)
		case err != nil || n > 0:
			return n, err
		}
	}
	return 0, fmt.Errorf("reading the message: %w", io.ErrNoProgress)
}

// Size returns the number of octets read.
func (in *Intake) Size() int64 { return in.size }

// Left returns the number of announced octets not read yet, or -1 if no size was
// announced.
func (in *Intake) Left() int64 {
	if in.want < 0 {
		return -1
	}
	return in.want - in.size
}

// Summary returns the summary of the message. It may be called once, after Read
// has returned io.EOF.
func (in *Intake) Summary() *message.Summary {
	sum, _ := in.parser.Finish()
	return sum
}
