package imapclient

import (
	"context"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// minBatch is the smallest batch that servers must support (RFC 10022).
const minBatch = 500

// batchesAtOnce is how many batches are asked for where the server refuses to tell
// all at once.
const batchesAtOnce = 50

// Batches returns ranges of UIDs that have at most size messages each, the highest
// UIDs first, and together cover the mailbox (RFC 10022): what commands for a part
// of the mailbox can name without knowing its UIDs. Where the server lacks
// UIDBATCHES, or for a size below 500, the ranges are computed from the UIDs. size
// is at least 1.
func (m *Mailbox) Batches(ctx context.Context, size int) ([]mailbox.UIDRange, error) {
	size = max(size, 1)
	if !m.c.has(imap.CapUIDBatches) || size < minBatch {
		return m.computeBatches(ctx, size)
	}
	batches, err := m.askBatches(ctx, imap.UIDBatches{Size: uint32(size)})
	if !hasCode(err, imap.CodeTooMany) {
		return batches, err
	}
	for first := uint32(1); ; first += batchesAtOnce {
		some, err := m.askBatches(ctx, imap.UIDBatches{Size: uint32(size), First: first, Last: first + batchesAtOnce - 1})
		if err != nil {
			return nil, err
		}
		batches = append(batches, some...)
		if len(some) < batchesAtOnce || len(batches) > m.Exists() {
			return batches, nil
		}
	}
}

func (m *Mailbox) askBatches(ctx context.Context, cmd imap.UIDBatches) ([]mailbox.UIDRange, error) {
	k := m.newCall(&cmd)
	k.reads = true
	var batches []mailbox.UIDRange
	k.take = func(resp grammar.Response) bool {
		r, ok := resp.(*imap.UIDBatchesData)
		if ok = ok && r.Tag == k.tag; ok {
			batches = append(batches, r.Batches...)
		}
		return ok
	}
	err := m.c.run(ctx, k)
	return batches, err
}

// computeBatches makes batches as the server would: the last one reaches down to
// UID 1, and each up to the next.
func (m *Mailbox) computeBatches(ctx context.Context, size int) ([]mailbox.UIDRange, error) {
	all, err := m.UIDs(ctx)
	if err != nil || all.IsEmpty() {
		return nil, err
	}
	var out []mailbox.UIDRange
	n, top := 0, all.Max()
	ranges := all.Ranges()
	for i := len(ranges) - 1; i >= 0; i-- {
		for r := ranges[i]; ; {
			if n+r.Len() < size {
				n += r.Len()
				break
			}
			first := r.Last - mailbox.UID(size-n) + 1
			out = append(out, mailbox.UIDRange{First: first, Last: top})
			n, top = 0, first-1
			if first == r.First {
				break
			}
			r.Last = first - 1
		}
	}
	if n > 0 {
		out = append(out, mailbox.UIDRange{First: 1, Last: top})
	} else {
		out[len(out)-1].First = 1
	}
	return out, nil
}

func hasCode(err error, code imap.Code) bool {
	var e *imap.Error
	return asError(err, &e) && e.Code == code
}
