package imapclient

import (
	"context"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
)

// Language makes the server use the first of these languages that it has for texts (RFC
// 5255 §3.2), and returns the one it uses; "default" is the server's own. Without ranges
// it returns the languages that the server has, and changes nothing. The error is one of
// the server, NO, if it has none of them, or can't enumerate them.
func (c *Client) Language(ctx context.Context, ranges ...string) ([]string, error) {
	if err := c.need(imap.CapLanguage, "languages"); err != nil {
		return nil, err
	}
	k := newCall(&imap.Language{Ranges: ranges})
	k.kind = "LANGUAGE"
	var tags []string
	k.take = func(resp grammar.Response) bool {
		switch r := resp.(type) {
		case *imap.LanguageData:
			tags = r.Tags
			return true
		case *imap.NamespaceData:
			c.namespace = r // translated (RFC 5255 §3.3)
			return true
		}
		return false
	}
	// An example of RFC 5255 lacks the response, so that its absence is no error.
	if err := c.run(ctx, k); err != nil {
		return nil, err
	}
	return tags, nil
}

// Comparator makes the server use the first of these collations that it has for SEARCH,
// SORT and THREAD (RFC 5255 §4.7); "default" is the server's own, and a name may have
// wildcards. It returns the one that is active, and, if several match, those. Without
// arguments it changes nothing.
func (c *Client) Comparator(ctx context.Context, order ...string) (*imap.ComparatorData, error) {
	if err := c.need(imap.CapI18NLevel2, "collations"); err != nil {
		return nil, err
	}
	k := newCall(&imap.Comparator{Order: order})
	k.kind = "COMPARATOR"
	var data *imap.ComparatorData
	k.take = func(resp grammar.Response) bool {
		r, ok := resp.(*imap.ComparatorData)
		if ok {
			data = r
		}
		return ok
	}
	if err := c.answered(ctx, k, func() bool { return data != nil }); err != nil {
		return nil, err
	}
	return data, nil
}
