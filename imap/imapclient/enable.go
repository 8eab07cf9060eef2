package imapclient

import (
	"context"

	"github.com/posthorn-mail/posthorn/imap"
)

// Enable turns on extensions (RFC 5161). A Client enables by itself what it makes
// use of; see Options.Enable. No mailbox may be selected.
func (c *Client) Enable(ctx context.Context, caps ...imap.Cap) error {
	if err := c.need(imap.CapEnable, "ENABLE"); err != nil {
		return err
	}
	return c.run(ctx, enableCall(caps))
}

// Enabled returns the extensions that have been enabled.
func (c *Client) Enabled() imap.CapSet {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.enabled
}

func enableCall(caps []imap.Cap) *call {
	k := newCall(&imap.Enable{Caps: caps})
	k.rule = ruleEnable
	return k
}

// setEnabled takes an ENABLED response. mu is held.
func (c *Client) setEnabled(caps []imap.Cap) {
	c.enabled = c.enabled.With(caps...)
	utf8 := c.enabled.Has(imap.CapUTF8Accept) || c.enabled.Has(imap.CapIMAP4rev2)
	if utf8 && !c.utf8.Load() {
		c.rawNames.Store(nil) // names have another encoding now
	}
	c.utf8.Store(utf8)
	c.rd.SetUTF8(utf8)
}

// toEnable is what a Client enables after the login: all that it understands. It
// can't do so later, since ENABLE is not allowed once a mailbox is selected (RFC
// 5161 §3.1).
func (c *Client) toEnable() []imap.Cap {
	caps := c.Capabilities()
	if !caps.Has(imap.CapEnable) {
		return nil
	}
	var out []imap.Cap
	for _, x := range []imap.Cap{imap.CapIMAP4rev2, imap.CapUTF8Accept} {
		if caps.Has(x) {
			out = append(out, x)
		}
	}
	switch {
	case caps.Has(imap.CapQResync):
		out = append(out, imap.CapQResync)
	case caps.Has(imap.CapCondStore):
		out = append(out, imap.CapCondStore)
	}
	for _, x := range c.o.Enable {
		if caps.Has(x) {
			out = append(out, x)
		}
	}
	return out
}
