package imapclient

import (
	"context"
	"errors"
	"iter"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
)

// GenURLAuth returns the URLs with an authorization added, in the same order (RFC 4467
// §7): whoever the access in the URL names can then read what the URL refers to. Each
// must name the user and end with ";URLAUTH=" and the access, for instance
// "imap://joe@example.com/INBOX/;uid=20;urlauth=submit+fred" (RFC 5092). An empty
// mechanism is imap.URLAuthInternal, which all servers have.
//
// The URLs returned are secrets.
func (c *Client) GenURLAuth(ctx context.Context, mechanism string, urls ...string) ([]string, error) {
	if err := c.need(imap.CapURLAuth, "authorized URLs"); err != nil || len(urls) == 0 {
		return nil, err
	}
	if mechanism == "" {
		mechanism = imap.URLAuthInternal
	}
	cmd := &imap.GenURLAuth{}
	for _, u := range urls {
		cmd.Requests = append(cmd.Requests, imap.URLAuthRequest{URL: u, Mechanism: mechanism})
	}
	k := newCall(cmd)
	k.kind = "GENURLAUTH"
	var out []string
	k.take = func(resp grammar.Response) bool {
		r, ok := resp.(*imap.GenURLAuthData)
		if ok {
			out = append(out, r.URLs...)
		}
		return ok
	}
	if err := c.answered(ctx, k, func() bool { return len(out) == len(urls) }); err != nil {
		return nil, err
	}
	return out, nil
}

// ResetKey gives a mailbox, or all mailboxes if name is empty, a new key for the
// mechanisms, or for all if there are none: URLs that were authorized before are no
// longer valid (RFC 4467 §7). It returns the mechanisms that the mailbox has, if the
// server tells.
func (c *Client) ResetKey(ctx context.Context, name string, mechanisms ...string) ([]imap.URLMech, error) {
	if err := c.need(imap.CapURLAuth, "authorized URLs"); err != nil {
		return nil, err
	}
	if name == "" {
		mechanisms = nil
	}
	k := namedCall(&imap.ResetKey{Mailbox: name, Mechanisms: mechanisms}, name)
	if err := c.run(ctx, k); err != nil {
		return nil, err
	}
	mechs, _ := k.status.Arg.(imap.URLMechs)
	return mechs, nil
}

// urlsAhead is how many URLs are asked for ahead of the loop.
const urlsAhead = 4

// URLFetch yields what URLs refer to, in the same order (RFC 4467 §7). The URLs are
// authorized ones, or those that the user may read himself. What a Request does not
// name, it yields as for imap.URLBody: the octets as they are stored. The other items,
// such as the octets without their transfer encoding, need URLAUTH=BINARY (RFC 5524).
//
// The octets are held in memory: at most Limits.Response of each URL, of four at a time.
// An error that comes with data concerns that URL alone, and the loop may go on: it is
// ErrItemMissing if the URL is not valid or may not be used, for which servers give the
// same answer. Any other error ends the loop.
func (c *Client) URLFetch(ctx context.Context, requests ...imap.URLRequest) iter.Seq2[*imap.URLData, error] {
	return func(yield func(*imap.URLData, error) bool) {
		if err := c.canFetch(requests); err != nil {
			yield(nil, err)
			return
		}
		var flying []*urlCall
		defer func() {
			for _, f := range flying {
				c.abandon(f.k)
			}
		}()
		for next := 0; next < len(requests) || len(flying) > 0; {
			for len(flying) < urlsAhead && next < len(requests) {
				f := c.urlCall(requests[next])
				if err := c.start(ctx, f.k); err != nil {
					yield(nil, err)
					return
				}
				flying = append(flying, f)
				next++
			}
			f := flying[0]
			err := c.wait(ctx, f.k)
			if !f.k.isDone() {
				yield(nil, err)
				return
			}
			flying = flying[1:]
			if err == nil && f.empty() {
				err = &CommandError{Command: f.k.name, Err: ErrItemMissing}
			}
			data := &f.data
			if errors.Is(err, ErrClosed) {
				data = nil
			}
			if !yield(data, err) || data == nil {
				return
			}
		}
	}
}

// canFetch reports whether the server can answer all requests.
func (c *Client) canFetch(requests []imap.URLRequest) error {
	if err := c.need(imap.CapURLAuth, "fetching by URL"); err != nil {
		return err
	}
	for _, r := range requests {
		if r.Items&^imap.URLBody != 0 {
			return c.need(imap.CapURLAuthBinary, "decoded data by URL")
		}
	}
	return nil
}

// A urlCall is a URLFETCH of one URL.
type urlCall struct {
	k    *call
	data imap.URLData
}

func (c *Client) urlCall(r imap.URLRequest) *urlCall {
	if r.Items == imap.URLBody && !c.has(imap.CapURLAuthBinary) {
		r.Items = 0
	}
	f := &urlCall{data: imap.URLData{URL: r.URL}}
	f.k = newCall(&imap.URLFetch{Requests: []imap.URLRequest{r}})
	f.k.kind = "URLFETCH " + r.URL
	f.k.take = func(resp grammar.Response) bool {
		d, ok := resp.(*imap.URLFetchData)
		if !ok || len(d.URLs) != 1 || d.URLs[0].URL != r.URL {
			return false
		}
		f.data = d.URLs[0]
		return true
	}
	return f
}

// empty reports whether the server has returned nothing.
func (f *urlCall) empty() bool {
	return f.data.Body == nil && f.data.Binary == nil && f.data.Structure == nil
}
