package imapclient

import (
	"context"
	"errors"
	"iter"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// FoundIn is what a search has found in one mailbox.
type FoundIn struct {
	Mailbox     string // empty: the selected one
	UIDValidity uint32
	Found
}

// SearchIn searches several mailboxes, without selecting them (RFC 7377), and
// yields the result of each that has matching messages. No scope at all means the
// selected mailbox. It needs MULTISEARCH, and is not emulated. The results are
// yielded when all have come.
func (c *Client) SearchIn(ctx context.Context, where []imap.Scope, key search.Key) iter.Seq2[*FoundIn, error] {
	return func(yield func(*FoundIn, error) bool) {
		found, err := c.searchIn(ctx, where, key)
		for _, f := range found {
			if !yield(f, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

func (c *Client) searchIn(ctx context.Context, where []imap.Scope, key search.Key) ([]*FoundIn, error) {
	if err := c.need(imap.CapMultiSearch, "searching several mailboxes"); err != nil {
		return nil, err
	}
	if key == nil {
		key = search.All{}
	}
	if err := c.checkKey(key); err != nil {
		return nil, err
	}
	k := newCall(&imap.ESearch{Search: imap.Search{UID: true, Key: key, Extended: true, Return: imap.ReturnAll}, In: where})
	var found []*FoundIn
	k.take = func(resp grammar.Response) bool {
		r, ok := resp.(*imap.ESearchData)
		if !ok || r.Tag != k.tag { // RFC 7377 §2.1: the tag is always there
			return false
		}
		var result searchResult
		k.err = errors.Join(k.err, result.read(r))
		if result.uids.IsEmpty() {
			return true
		}
		f := &FoundIn{Mailbox: r.Mailbox, UIDValidity: r.UIDValidity}
		f.UIDs, f.ModSeq = result.uids, result.modSeq
		f.min, f.max = f.UIDs.Min(), f.UIDs.Max()
		found = append(found, f)
		return true
	}
	err := c.run(ctx, k)
	return found, err
}
