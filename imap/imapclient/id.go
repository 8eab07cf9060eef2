package imapclient

import (
	"context"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
)

// idCall returns the ID command that follows a login (RFC 2971), nil if there is
// none to send.
func (c *Client) idCall() *call {
	fields := c.o.ID
	if fields == nil {
		fields = imap.IDFields{{Name: imap.IDName, Value: "posthorn"}}
	}
	if len(fields) == 0 || !c.has(imap.CapID) {
		return nil
	}
	return c.newIDCall(fields)
}

func (c *Client) newIDCall(fields imap.IDFields) *call {
	k := newCall(&imap.ID{Fields: fields})
	k.kind = "ID"
	k.take = func(resp grammar.Response) bool {
		id, ok := resp.(imap.IDFields)
		if ok {
			c.serverID = id
		}
		return ok
	}
	return k
}

// ID tells the server the fields and returns its own (RFC 2971).
func (c *Client) ID(ctx context.Context, fields imap.IDFields) (imap.IDFields, error) {
	if err := c.need(imap.CapID, "ID"); err != nil {
		return nil, err
	}
	if err := c.run(ctx, c.newIDCall(fields)); err != nil {
		return nil, err
	}
	return c.ServerID(), nil
}

// ServerID returns the fields of the server's last ID response, nil if it has
// sent none.
func (c *Client) ServerID() imap.IDFields {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.serverID
}
