package imapclient

import (
	"context"
	"fmt"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// Namespace returns the prefixes of names and their separators (RFC 2342). Without
// NAMESPACE, the only one is that of LIST "" "".
func (c *Client) Namespace(ctx context.Context) (*imap.NamespaceData, error) {
	if !c.has(imap.CapNamespace) {
		return c.separator(ctx)
	}
	k := newCall(&imap.Namespace{})
	k.kind = "NAMESPACE"
	var data *imap.NamespaceData
	k.take = func(resp grammar.Response) bool {
		n, ok := resp.(*imap.NamespaceData)
		if ok {
			data = n
			c.namespace = n
		}
		return ok
	}
	if err := c.answered(ctx, k, func() bool { return data != nil }); err != nil {
		return nil, err
	}
	return data, nil
}

// separator makes a namespace of the separator that LIST tells (RFC 9051 §6.3.9).
func (c *Client) separator(ctx context.Context) (*imap.NamespaceData, error) {
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
	if err := c.run(ctx, k); err != nil {
		return nil, err
	}
	data := &imap.NamespaceData{Personal: []imap.NamespaceEntry{{Separator: sep}}}
	c.mu.Lock()
	c.namespace = data
	c.mu.Unlock()
	return data, nil
}

// Join returns the name of one of the user's own mailboxes: the prefix of the first
// personal namespace and the levels, with the server's separator between them. The
// namespace is asked for once. A first level INBOX stands for the mailbox of that name,
// and needs no prefix.
//
// The error is mailbox.ErrInvalidName if a level is empty or has the separator in it, or
// if there are several and the server has no hierarchy.
func (c *Client) Join(ctx context.Context, levels ...string) (string, error) {
	c.mu.Lock()
	ns := c.namespace
	c.mu.Unlock()
	if ns == nil {
		var err error
		if ns, err = c.Namespace(ctx); err != nil {
			return "", err
		}
	}
	var own imap.NamespaceEntry
	if len(ns.Personal) > 0 {
		own = ns.Personal[0]
	}
	sep := ""
	if own.Separator != 0 {
		sep = string(rune(own.Separator))
	}
	for _, l := range levels {
		if l == "" || sep != "" && strings.Contains(l, sep) {
			return "", fmt.Errorf("imapclient: level %q of a name: %w", l, mailbox.ErrInvalidName)
		}
	}
	switch {
	case len(levels) == 0:
		return "", fmt.Errorf("imapclient: name without levels: %w", mailbox.ErrInvalidName)
	case len(levels) > 1 && sep == "":
		return "", fmt.Errorf("imapclient: server has no levels of names: %w", mailbox.ErrInvalidName)
	}
	prefix := own.Prefix
	if strings.EqualFold(levels[0], "INBOX") {
		prefix = ""
	}
	return prefix + strings.Join(levels, sep), nil
}
