package imapstore

import (
	"bytes"
	"slices"
	"strings"

	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// previews reads the text parts of which previews are made, those with the same part
// number together: where the server has no PREVIEW, and where it tells none though
// there is text, as Cyrus does.
func (r *reading) previews(im *imapclient.Mailbox, list []record) error {
	type place struct {
		rec  *record
		part *message.Part
	}
	paths := map[string]imapclient.Section{}
	at := map[string]map[mailbox.UID]place{}
	for i := range list {
		rec := &list[i]
		if rec.err != nil || rec.msg.Structure == nil || rec.msg.Preview != "" {
			continue
		}
		path, part := textPart(rec.msg.Structure)
		if part == nil || part.BodySize == 0 {
			continue
		}
		count := int64(previewPlain)
		if part.Subtype == "html" {
			count = previewHTML
		}
		key := part.Subtype + pathKey(path)
		if at[key] == nil {
			at[key] = map[mailbox.UID]place{}
			paths[key] = imapclient.Part(path...).Range(0, count)
		}
		at[key][rec.msg.UID] = place{rec, part}
	}
	for key, section := range paths {
		var set mailbox.UIDSet
		for uid := range at[key] {
			set.Add(uid)
		}
		for msg, err := range im.Fetch(r.ctx, imapclient.UIDSet(set), section) {
			if msg == nil {
				if refused, _ := isRefusal(err); refused {
					break // a message without a preview is no damaged one
				}
				return err
			}
			p, ok := at[key][msg.UID]
			if !ok || err != nil {
				continue
			}
			if raw, err := msg.Body(section).Bytes(previewHTML); err == nil {
				p.rec.msg.Preview = previewOf(p.part, raw)
			}
		}
	}
	return nil
}

const (
	previewPlain = 1 << 10 // octets of a text/plain part that are read
	previewHTML  = 8 << 10 // of a text/html part, where style sheets come first
)

func pathKey(path []int) string {
	var b strings.Builder
	for _, n := range path {
		b.WriteByte('.')
		b.WriteRune(rune('0' + n))
	}
	return b.String()
}

// textPart returns the part that a preview is made of: the first that is plain text,
// else HTML, and not an attachment.
func textPart(root *message.Part) (path []int, part *message.Part) {
	var html *message.Part
	var htmlPath []int
	root.Walk(func(at []int, p *message.Part) bool {
		switch {
		case part != nil, p.Envelope != nil:
			return false
		case p.Type != "text" || p.Disposition == "attachment":
		case p.Subtype == "plain":
			path, part = slices.Clone(at), p
		case p.Subtype == "html" && html == nil:
			htmlPath, html = slices.Clone(at), p
		}
		return true
	})
	if part == nil {
		path, part = htmlPath, html
	}
	if part != nil && len(path) == 0 {
		path = []int{1}
	}
	return path, part
}

// previewOf makes a preview of the beginning of a part.
func previewOf(part *message.Part, raw []byte) string {
	var b bytes.Buffer
	b.WriteString("Content-Type: text/" + part.Subtype)
	if charset := part.Param("charset"); charset != "" && !strings.ContainsAny(charset, "\"\\\r\n") {
		b.WriteString("; charset=\"" + charset + "\"")
	}
	b.WriteString("\r\nContent-Transfer-Encoding: " + part.Encoding + "\r\n\r\n")
	b.Write(raw)
	sum, _, err := message.Parse(&b, nil)
	if err != nil {
		return ""
	}
	return sum.Preview
}
