package imapclient

import (
	"context"
	"fmt"
	"slices"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
)

// MetadataOptions refine Metadata. Nil means the zero value.
type MetadataOptions struct {
	// MaxSize, unless zero, is the length in octets above which a value is left
	// out: the error is then a LongEntriesError beside the others.
	MaxSize int64

	Depth imap.MetadataDepth // entries below those named, too
}

// A LongEntriesError says that Metadata has left out values, since they are longer
// than MetadataOptions.MaxSize (RFC 5464 §4.2.1).
type LongEntriesError struct {
	Longest int64 // octets of the longest of them; zero: not told
}

func (e *LongEntriesError) Error() string {
	return fmt.Sprintf("imapclient: values of up to %d octets were left out", e.Longest)
}

// Metadata returns annotations of a mailbox, or of the server where name is empty
// (RFC 5464 §4.2). Names of entries begin with "/private/", which only this user sees,
// or "/shared/". An entry that does not exist is missing in the result, or has the
// value nil. o may be nil.
func (c *Client) Metadata(ctx context.Context, name string, o *MetadataOptions, entries ...string) ([]imap.MetadataEntry, error) {
	if err := c.needMetadata(name); err != nil || len(entries) == 0 {
		return nil, err
	}
	cmd := &imap.GetMetadata{Mailbox: name, Entries: entries}
	if o != nil {
		cmd.Depth = o.Depth
		if o.MaxSize > 0 {
			cmd.MaxSize = &o.MaxSize
		}
	}
	k, data := c.metadataCall(cmd)
	if err := c.run(ctx, k); err != nil {
		return nil, err
	}
	if code, ok := k.status.Arg.(imap.MetadataCode); ok && code.Reason == imap.MetadataLongEntries {
		return *data, &CommandError{Command: k.name, Mailbox: name, Err: &LongEntriesError{code.N}}
	}
	return *data, nil
}

// SetMetadata changes annotations of a mailbox, or of the server where name is empty
// (RFC 5464 §4.3): all of them or none. An entry whose value is nil is removed.
//
// If the server refuses because of what it can hold, CodeArg of the error is an
// imap.MetadataCode.
func (c *Client) SetMetadata(ctx context.Context, name string, entries ...imap.MetadataEntry) error {
	if err := c.needMetadata(name); err != nil || len(entries) == 0 {
		return err
	}
	return c.run(ctx, namedCall(&imap.SetMetadata{Mailbox: name, Entries: entries}, name))
}

// needMetadata returns an error if the server has no annotations of mailboxes, or of
// itself where name is empty.
func (c *Client) needMetadata(name string) error {
	if name == "" && c.has(imap.CapMetadataServer) {
		return nil
	}
	return c.need(imap.CapMetadata, "annotations")
}

// metadataCall returns a call whose answer, which may come in several responses, is
// stored in the second result.
func (c *Client) metadataCall(cmd *imap.GetMetadata) (*call, *[]imap.MetadataEntry) {
	k := namedCall(cmd, cmd.Mailbox)
	k.kind = "METADATA " + cmd.Mailbox
	data := new([]imap.MetadataEntry)
	k.take = func(resp grammar.Response) bool {
		r, ok := resp.(*imap.MetadataData)
		// A response that nobody has asked for has names only (RFC 5464 §4.4.2).
		if !ok || len(r.Changed) > 0 || !sameName(r.Mailbox, cmd.Mailbox) {
			return false
		}
		*data = append(*data, r.Entries...)
		return true
	}
	return k, data
}

// metadataChanged returns the event of a METADATA response that nobody has asked for.
func metadataChanged(r *imap.MetadataData) *MetadataChanged {
	ev := &MetadataChanged{Mailbox: r.Mailbox, Entries: slices.Clone(r.Changed)}
	for _, x := range r.Entries {
		ev.Entries = append(ev.Entries, x.Name)
	}
	return ev
}
