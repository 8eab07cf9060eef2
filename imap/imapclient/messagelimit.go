package imapclient

import (
	"slices"
	"strconv"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// messageLimit returns how many messages the server handles in one command, zero
// if it names no limit (RFC 9738 §3).
func (c *Client) messageLimit() int { return c.capNumber(imap.CapMessageLimit) }

// capNumber returns the number behind a capability's name, zero if it has none.
func (c *Client) capNumber(x imap.Cap) int {
	v, ok := c.Capabilities().Value(string(x))
	if !ok {
		return 0
	}
	n, err := strconv.ParseUint(v, 10, 31)
	if err != nil {
		return 0
	}
	return int(n)
}

// batch returns how many messages one command may name.
func (c *Client) batch() int {
	n := c.o.Limits.Batch
	if limit := c.messageLimit(); limit > 0 && (n == 0 || limit < n) {
		n = limit
	}
	if n <= 0 {
		n = anyNumber
	}
	return n
}

// saveBatch is batch for commands that add messages to a mailbox, which SAVELIMIT
// bounds (RFC 9738).
func (c *Client) saveBatch() int {
	n := c.batch()
	if limit := c.capNumber(imap.CapSaveLimit); limit > 0 {
		n = min(n, limit)
	}
	return n
}

// most returns how many messages a command may name whose answer is short: only
// the server bounds it.
func (c *Client) most() int {
	if n := c.messageLimit(); n > 0 {
		return n
	}
	return anyNumber
}

// leftOut returns the UID below which a command that has ended has left out
// messages; see statusLeftOut.
func leftOut(k *call) mailbox.UID {
	select {
	case <-k.done:
		return statusLeftOut(k.status)
	default:
		return 0
	}
}

// statusLeftOut returns the UID below which a command has left out messages,
// because it named more than the server handles at once; zero: it has left out
// none. Servers handle the highest UIDs first (RFC 9738 §3).
func statusLeftOut(r *grammar.StatusLine) mailbox.UID {
	if r == nil || r.Cond != imap.OK || r.Code != imap.CodeMessageLimit {
		return 0
	}
	limit, _ := r.Arg.(imap.MessageLimit)
	return limit.UID
}

const anyNumber = 1<<31 - 1

// goOn makes a plan ask once more for what the server has left out.
func (p *plan) goOn(k *call) {
	below := leftOut(k)
	if below <= 1 {
		return
	}
	left := mailbox.UIDRangeSet(1, below-1)
	if !k.fetch.all {
		left = left.Intersect(k.fetch.set)
	}
	if !left.IsEmpty() {
		p.rest = append(slices.Clone(left.Ranges()), p.rest...)
	}
}
