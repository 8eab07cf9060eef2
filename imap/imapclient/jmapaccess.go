package imapclient

import (
	"context"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
)

// JMAPURL returns the URL of the JMAP session resource through which the same messages
// can be had, under the same identifiers (RFC 9698).
func (c *Client) JMAPURL(ctx context.Context) (string, error) {
	if err := c.need(imap.CapJMAPAccess, "the URL of a JMAP server"); err != nil {
		return "", err
	}
	k := newCall(&imap.GetJMAPAccess{})
	k.kind = "JMAPACCESS"
	url := ""
	k.take = func(resp grammar.Response) bool {
		r, ok := resp.(*imap.JMAPAccessData)
		if ok {
			url = r.URL
		}
		return ok
	}
	if err := c.answered(ctx, k, func() bool { return url != "" }); err != nil {
		return "", err
	}
	return url, nil
}
