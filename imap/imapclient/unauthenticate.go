package imapclient

import (
	"context"

	"github.com/posthorn-mail/posthorn/imap"
)

// Unauthenticate ends the login, so that another user can log in on the same connection
// (RFC 8437): see Login. No mailbox is selected any more, and nothing is enabled; ID and
// ENABLE are sent again after the next login. What is left of the events of the old user
// is dropped. A connection that is compressed can't do it: the error is then an
// UnsupportedError, and Options.Disable has to name COMPRESS=DEFLATE.
func (c *Client) Unauthenticate(ctx context.Context) error {
	if err := c.need(imap.CapUnauthenticate, "UNAUTHENTICATE"); err != nil {
		return err
	}
	c.mu.Lock()
	compressed := c.compressed
	c.compress = compressNever
	c.mu.Unlock()
	if compressed {
		// It would end in the middle of what has been read ahead (RFC 8437 §4.1).
		return &UnsupportedError{What: "UNAUTHENTICATE while the connection is compressed"}
	}
	k := newCall(&imap.Unauthenticate{})
	k.rule = ruleExclusive
	k.ended = func(k *call) {
		if k.status.Cond == imap.OK {
			_, told := k.status.Arg.(imap.CapSet) // those that hold now
			c.loggedOut()
			c.capsKnown = told
		}
	}
	if err := c.run(ctx, k); err != nil {
		return err
	}
	return c.askCaps(ctx)
}

// loggedOut forgets what belongs to a login. mu is held; the reader calls it.
func (c *Client) loggedOut() {
	c.login, c.preAuth = false, false
	c.selected, c.selecting = nil, nil
	c.enabled = imap.CapSet{}
	c.utf8.Store(false)
	c.rd.SetUTF8(false)
	c.rawNames.Store(nil)
	c.noCharset = false
	c.namespace, c.loginReferral = nil, nil
	c.events.queue, c.events.dropped = nil, 0
}
