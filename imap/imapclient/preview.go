package imapclient

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"slices"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// Where the server lacks PREVIEW (RFC 8970), a preview is made from the beginning
// of the text, of which no more octets are fetched than package message reads. That
// takes the structures first, and then a command for all messages whose text has
// the same part number.
const (
	previewPlain = 4 << 10  // octets of a text/plain part
	previewHTML  = 32 << 10 // octets of a text/html part, in which style sheets come first
	previewBatch = 256      // messages at a time
)

// emulatesPreview reports whether the client makes the previews that the items ask
// for, and returns the items to fetch instead. Summary, which is what the server
// has, asks for none.
func (m *Mailbox) emulatesPreview(items []Item) ([]Item, bool) {
	asked := slices.ContainsFunc(items, func(it Item) bool {
		w, ok := it.(Want)
		return ok && w&Preview != 0 && w&Summary != Summary
	})
	if !asked || !m.c.Emulates(EmulatePreview) {
		return items, false
	}
	out := make([]Item, len(items), len(items)+1)
	for i, it := range items {
		if w, ok := it.(Want); ok {
			it = w &^ Preview
		}
		out[i] = it
	}
	return append(out, Structure), true
}

// Emulates reports whether the Client does by itself any of these things, because
// the server can't and Options.NoEmulation permits it.
func (c *Client) Emulates(e Emulation) bool {
	for _, x := range []struct {
		e    Emulation
		caps []imap.Cap
	}{
		{EmulateMove, []imap.Cap{imap.CapMove}}, {EmulateExpunge, []imap.Cap{imap.CapUIDPlus}}, {EmulateReplace, []imap.Cap{imap.CapReplace}},
		{EmulateAppend, []imap.Cap{imap.CapMultiAppend}}, {EmulateSort, []imap.Cap{imap.CapSort}},
		{EmulateThread, []imap.Cap{imap.CapThreadPrefix + "REFERENCES"}}, {EmulatePreview, []imap.Cap{imap.CapPreview}},
		{EmulateBinary, []imap.Cap{imap.CapBinary}}, {EmulateListItems, []imap.Cap{imap.CapListStatus}}, {EmulateIdle, []imap.Cap{imap.CapIdle}},
	} {
		if e&x.e != 0 && c.o.NoEmulation&x.e == 0 && !c.has(x.caps...) {
			return true
		}
	}
	return false
}

// fetchPreviews is Fetch with previews made by the client. It returns false if the
// loop was left.
func (m *Mailbox) fetchPreviews(ctx context.Context, set Set, items []Item, yield func(*Message, error) bool) bool {
	if err := m.ready(ctx); err != nil {
		return yield(nil, err)
	}
	uids, err := m.resolve(ctx, set)
	if err != nil {
		return yield(nil, err)
	}
	bodies := len(newRequest(items).sections) > 0
	for _, part := range splitSet(uids, m.c.maxSet(), previewBatch) {
		// Messages without bodies can wait until their previews are there; else
		// the previews are made first.
		ask := items
		if bodies {
			ask = []Item{Structure}
		}
		type result struct {
			msg *Message
			err error
		}
		var got []result
		var all []*Message
		for msg, err := range m.Fetch(ctx, UIDSet(part), ask...) {
			if msg == nil {
				return yield(nil, err)
			}
			got, all = append(got, result{msg, err}), append(all, msg)
		}
		if err := m.makePreviews(ctx, all); err != nil {
			return yield(nil, err)
		}
		if !bodies {
			for _, r := range got {
				if !yield(r.msg, r.err) {
					return false
				}
			}
			continue
		}
		previews := make(map[mailbox.UID]*Message, len(all))
		for _, msg := range all {
			previews[msg.UID] = msg
		}
		for msg, err := range m.Fetch(ctx, UIDSet(part), items...) {
			if msg == nil {
				return yield(nil, err)
			}
			if p := previews[msg.UID]; p != nil {
				msg.Preview, msg.Has = p.Preview, msg.Has|p.Has&Preview
			}
			if !yield(msg, err) {
				return false
			}
		}
	}
	return true
}

// makePreviews sets the previews of messages, as far as they have a Structure: from
// the first text/plain part, or else from the first text/html part.
func (m *Mailbox) makePreviews(ctx context.Context, msgs []*Message) error {
	byUID := map[mailbox.UID]*Message{}
	for _, choice := range []struct {
		subtype string
		octets  int64
	}{{"plain", previewPlain}, {"html", previewHTML}} {
		sets := map[string]*textParts{}
		for _, msg := range msgs {
			if msg.Structure == nil || msg.Preview != "" {
				continue
			}
			msg.Has |= Preview
			path, part := textPart(msg.Structure, choice.subtype)
			if part == nil || part.BodySize == 0 {
				continue
			}
			byUID[msg.UID] = msg
			s := Part(path...).Range(0, choice.octets)
			key := imap.FetchItem{Section: &imap.BodySection{Path: s.wirePath()}}
			name := pathName(key.Section.Path)
			if sets[name] == nil {
				sets[name] = &textParts{section: s, parts: map[mailbox.UID]*message.Part{}}
			}
			sets[name].uids.Add(msg.UID)
			sets[name].parts[msg.UID] = part
		}
		for _, t := range sets {
			for msg, err := range m.Fetch(ctx, UIDSet(t.uids), t.section) {
				if msg == nil && err != nil {
					return err
				}
				part := t.parts[msg.UID]
				if err != nil || part == nil {
					continue
				}
				text, err := previewText(part, msg.Body(t.section))
				if err != nil {
					return err
				}
				byUID[msg.UID].Preview = text
			}
		}
	}
	return nil
}

// textParts are parts with the same number in several messages.
type textParts struct {
	section Section
	uids    mailbox.UIDSet
	parts   map[mailbox.UID]*message.Part
}

func pathName(path []uint32) string {
	var b []byte
	for _, n := range path {
		b = append(b, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return string(b)
}

// textPart returns the first text part of a subtype that is neither an attachment
// nor in a message within the message.
func textPart(root *message.Part, subtype string) (path []int, part *message.Part) {
	root.Walk(func(at []int, p *message.Part) bool {
		switch {
		case part != nil || p.Envelope != nil && p != root:
			return false
		case p.Type == "text" && p.Subtype == subtype && p.Disposition != "attachment":
			path, part = append([]int(nil), at...), p
			if len(path) == 0 {
				path = []int{1}
			}
			return false
		}
		return true
	})
	return path, part
}

// previewText makes a preview of the beginning of a part, by parsing a message that
// has nothing else.
func previewText(p *message.Part, body *Body) (string, error) {
	var h bytes.Buffer
	params := map[string]string{}
	if c := p.Charset(); c != "" {
		params["charset"] = c
	}
	if t := mime.FormatMediaType("text/"+p.Subtype, params); t != "" {
		h.WriteString("Content-Type: " + t + "\r\n")
	}
	if message.KnownEncoding(p.Encoding) {
		h.WriteString("Content-Transfer-Encoding: " + p.Encoding + "\r\n")
	}
	h.WriteString("\r\n")
	sum, _, err := message.Parse(io.MultiReader(&h, body), nil)
	if err != nil && !errors.Is(err, ErrItemMissing) {
		return "", err
	}
	return sum.Preview, nil
}
