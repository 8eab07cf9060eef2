package imapclient

import (
	"context"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
)

// Namespace returns the prefixes of names and their separators (RFC 2342). Without
// NAMESPACE, the only one is that of LIST "" "".
func (c *Client) Namespace(ctx context.Context) (*imap.NamespaceData, error) {
	if !c.has(imap.CapNamespace) {
		k := newCall(&imap.List{Patterns: []string{""}})
		k.kind = "LIST"
		var sep byte
		k.take = func(resp grammar.Response) bool {
			l, ok := resp.(*imap.ListData)
			if ok {
				sep = l.Separator
			}
			return ok
		}
		err := c.run(ctx, k)
		return &imap.NamespaceData{Personal: []imap.NamespaceEntry{{Separator: sep}}}, err
	}
	k := newCall(&imap.Namespace{})
	k.kind = "NAMESPACE"
	data := &imap.NamespaceData{}
	k.take = func(resp grammar.Response) bool {
		n, ok := resp.(*imap.NamespaceData)
		if ok {
			data = n
		}
		return ok
	}
	if err := c.run(ctx, k); err != nil {
		return nil, err
	}
	return data, nil
}
