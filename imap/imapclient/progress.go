package imapclient

import (
	"context"
	"strconv"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
)

// Progress says how far a call has come: how many octets of a body were sent or read,
// or what the server says of a command that takes long.
type Progress struct {
	Command string // that is under way: "APPEND", "UID FETCH", "UID SEARCH"

	// Octets says that Done and Total are octets: of all messages of an Append,
	// or of one message or body where a loop has several. Otherwise the unit is
	// the server's, mostly messages, or percents.
	Octets      bool
	Done, Total int64 // zero: not known

	Text string // what the server says (RFC 9585, or in its own words)
}

type progressKey struct{}

// WithProgress returns a context for calls that report their progress to f, on the
// goroutine of the caller, while they are in progress: the octets of what Append and
// its like send, and of the bodies that Download writes and that are read from
// messages; and what the server tells of searches and other commands that take long,
// by INPROGRESS (RFC 9585) or by texts such as "* OK Searched 97% of the mailbox". If
// f is slow, it misses what the server tells, but not the last word. It may make other
// calls.
func WithProgress(ctx context.Context, f func(Progress)) context.Context {
	return context.WithValue(ctx, progressKey{}, f)
}

func listener(ctx context.Context) func(Progress) {
	f, _ := ctx.Value(progressKey{}).(func(Progress))
	return f
}

// progressOf returns a function that counts octets, nil if nobody listens.
func progressOf(ctx context.Context, command string, total int64) func(int64) {
	f := listener(ctx)
	if f == nil {
		return nil
	}
	p := Progress{Command: command, Octets: true, Total: max(total, 0)}
	return func(n int64) {
		p.Done += n
		f(p)
	}
}

// listen makes the reader keep what the server tells of the call, if somebody listens.
func (k *call) listen(ctx context.Context) {
	if k.report = listener(ctx); k.report != nil {
		k.progress = make(chan Progress, 1)
	}
}

// tell reports what the server has told of the call and was not reported yet.
func (k *call) tell() {
	select {
	case p := <-k.progress:
		k.report(p)
	default:
	}
}

// inProgress takes an untagged OK that says how far a command has come, and reports
// whether it did. mu is held.
func (c *Client) inProgress(r *grammar.StatusLine) bool {
	if r.Cond != imap.OK || r.Code != "" && r.Code != imap.CodeInProgress {
		return false
	}
	p := Progress{Text: r.Text}
	arg, _ := r.Arg.(imap.InProgress)
	if arg.Done != nil {
		p.Done = *arg.Done
	}
	if arg.Goal != nil {
		p.Total = *arg.Goal
	}
	if n, ok := percent(r.Text); ok && r.Code == "" {
		p.Done, p.Total = n, 100
	}
	for _, k := range c.inflight {
		// Without a tag it is about the first command in flight.
		if arg.Tag != "" && k.tag != arg.Tag {
			continue
		}
		if _, idle := k.cmd.(*imap.Idle); idle {
			continue // "* OK Still here"
		}
		if k.progress != nil {
			p.Command = k.name
			select { // the last word counts
			case <-k.progress:
			default:
			}
			k.progress <- p
		}
		return true
	}
	return false
}

// percent finds the number before the first "%".
func percent(text string) (int64, bool) {
	before, _, ok := strings.Cut(text, "%")
	if !ok {
		return 0, false
	}
	digits := before[strings.LastIndexFunc(before, func(r rune) bool { return r < '0' || r > '9' })+1:]
	n, err := strconv.ParseInt(digits, 10, 64)
	return n, err == nil && n <= 100
}
