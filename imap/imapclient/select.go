package imapclient

import (
	"context"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// SelectOptions refine Select. Nil means the zero value.
type SelectOptions struct {
	ReadOnly bool // EXAMINE: nothing can be changed

	// Annotate makes the server report changes of annotations of messages, as
	// AnnotationsChanged events, if it has them (RFC 5257 §4.2).
	Annotate bool

	// NoWait returns the Mailbox before the server has answered: the first
	// command that reads it is sent behind SELECT at once, and reports its
	// failure. Mailbox.Info waits.
	NoWait bool
}

// Select selects a mailbox (RFC 9051 §6.3.2). The Mailbox selected before can no
// longer be used, even if this fails. o may be nil.
func (c *Client) Select(ctx context.Context, name string, o *SelectOptions) (*Mailbox, error) {
	if o == nil {
		o = &SelectOptions{}
	}
	m := &Mailbox{c: c, name: name}
	k := m.newCall(&imap.Select{Mailbox: name, ReadOnly: o.ReadOnly, CondStore: c.needsCondStore(), Annotate: o.Annotate && c.has(imap.CapAnnotate)})
	m.sel = k
	k.rule = ruleSelect
	m.info = Info{Name: name, ReadOnly: o.ReadOnly}
	c.mu.Lock()
	m.fresh = c.selected == nil && c.selecting == nil
	c.mu.Unlock()
	k.take = func(resp grammar.Response) bool {
		line, ok := resp.(*grammar.StatusLine)
		return ok && m.selectCode(line)
	}
	k.ended = func(k *call) {
		if c.selecting != m {
			return
		}
		c.selecting = nil
		if k.status.Cond == imap.OK {
			m.selectCode(k.status)
			m.info.Exists = m.exists
			m.info.ReadOnly = m.info.ReadOnly || k.status.Code == imap.CodeReadOnly
			m.told = 0
			if m.info.UIDNext > 0 {
				m.told = m.info.UIDNext - 1
			}
			m.pending, m.flags, m.octets, m.left = Update{}, nil, 0, uidHeap{}
			m.modSeq, m.since, m.top = m.info.HighestModSeq, 0, knownTop{next: m.info.UIDNext}
			c.selected = m
		}
	}
	if err := c.start(ctx, k); err != nil {
		return nil, err
	}
	if o.NoWait {
		return m, nil
	}
	if err := c.wait(ctx, k); err != nil {
		return nil, err
	}
	return m, nil
}

// Examine selects a mailbox for reading only.
func (c *Client) Examine(ctx context.Context, name string) (*Mailbox, error) {
	return c.Select(ctx, name, &SelectOptions{ReadOnly: true})
}

// needsCondStore reports whether mod-sequences are to be requested by SELECT,
// because CONDSTORE could not be enabled (RFC 7162 §3.1.8).
func (c *Client) needsCondStore() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.caps.Has(imap.CapCondStore) && !c.caps.Has(imap.CapEnable)
}

// selectCode takes the response codes of SELECT. Those before CLOSED are about the
// mailbox selected before (RFC 7162 §3.2.11).
func (m *Mailbox) selectCode(r *grammar.StatusLine) bool {
	info := &m.info
	switch arg := r.Arg.(type) {
	case uint32:
		if r.Code == imap.CodeUIDValidity {
			info.UIDValidity = arg
			return true
		}
	case mailbox.UID:
		info.UIDNext = arg
		return true
	case mailbox.ModSeq:
		info.HighestModSeq = arg
		return true
	case []mailbox.Flag:
		if r.Code == imap.CodePermanentFlags {
			var flags []mailbox.Flag
			info.NewKeywords = false
			for _, f := range arg {
				if f == imap.FlagAny {
					info.NewKeywords = true
				} else {
					flags = append(flags, f)
				}
			}
			info.PermanentFlags = mailbox.NewFlagSet(flags...)
			return true
		}
	case imap.AnnotationsCode:
		info.Annotations = &arg
		return true
	case string:
		if r.Code == imap.CodeMailboxID {
			info.MailboxID = arg
			return true
		}
	}
	switch r.Code {
	case imap.CodeClosed:
		m.exists, m.view = 0, nil
		m.info = Info{Name: m.name, ReadOnly: info.ReadOnly}
		return true
	case imap.CodeNoModSeq:
		info.HighestModSeq = 0
		return true
	case imap.CodeUnseen:
		return true
	}
	return false
}
