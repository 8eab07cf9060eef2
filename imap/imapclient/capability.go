package imapclient

import (
	"context"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// impliedByRev2 is what IMAP4rev2 includes (RFC 9051 §1.4, appendix E).
var impliedByRev2 = []imap.Cap{
	imap.CapEnable, imap.CapIdle, imap.CapNamespace, imap.CapUIDPlus, imap.CapESearch, imap.CapSearchRes,
	imap.CapUnselect, imap.CapSASLIR, imap.CapMove, imap.CapLiteralMinus, imap.CapListExtended, imap.CapListStatus,
	imap.CapSpecialUse, imap.CapStatusSize, imap.CapChildren,
}

// Capabilities returns what the server offers, with what IMAP4rev2 and QRESYNC
// include, without Options.Disable.
func (c *Client) Capabilities() imap.CapSet {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.caps
}

func (c *Client) has(caps ...imap.Cap) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, x := range caps {
		if c.caps.Has(x) {
			return true
		}
	}
	return false
}

// need returns an error if the server lacks a capability.
func (c *Client) need(x imap.Cap, what string) error {
	if c.has(x) {
		return nil
	}
	return &UnsupportedError{Cap: x, What: what}
}

// setCaps takes the capabilities that the server announces. mu is held.
func (c *Client) setCaps(caps imap.CapSet) {
	if caps.Has(imap.CapIMAP4rev2) {
		caps = caps.With(impliedByRev2...)
	}
	if caps.Has(imap.CapUTF8Only) { // RFC 6855 §6
		caps = caps.With(imap.CapUTF8Accept)
	}
	if caps.Has(imap.CapUTF8Accept) { // RFC 6855 §3
		caps = caps.With(imap.CapEnable)
	}
	if caps.Has(imap.CapQResync) {
		caps = caps.With(imap.CapCondStore, imap.CapEnable)
	}
	c.caps, c.capsKnown = caps.Without(c.o.Disable...), true
}

// askCaps asks for the capabilities, unless they are known.
func (c *Client) askCaps(ctx context.Context) error {
	c.mu.Lock()
	known := c.capsKnown
	c.mu.Unlock()
	if known {
		return nil
	}
	return c.run(ctx, newCall(&imap.Capability{}))
}

// literalMode returns how literals may be sent (RFC 7888).
func (c *Client) literalMode() wire.LiteralMode {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.capsKnown:
		return wire.LiteralSync
	case c.caps.Has(imap.CapLiteralPlus):
		return wire.LiteralPlus
	case c.caps.Has(imap.CapLiteralMinus):
		return wire.LiteralMinus
	}
	return wire.LiteralSync
}
