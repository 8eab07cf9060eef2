package grammar

import (
	"strconv"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// gmailExt is X-GM-EXT-1 (https://developers.google.com/gmail/imap/imap-extensions).
func gmailExt() extension {
	id := func(att imap.FetchAtt) row[Item] {
		return datum(att,
			func(d *decoder, it *Item) bool { return readUint64(d, &it.ID) },
			func(e *wire.Encoder, it *Item) { e.Uint(it.ID) })
	}
	return extension{
		caps:       []imap.Cap{imap.CapGmail},
		fetchItems: []row[imap.FetchItem]{item(imap.FetchGmailMessageID), item(imap.FetchGmailThreadID), item(imap.FetchGmailLabels)},
		fetchData: []row[Item]{
			id(imap.FetchGmailMessageID),
			id(imap.FetchGmailThreadID),
			datum(imap.FetchGmailLabels,
				func(d *decoder, it *Item) bool { return readLabels(d, &it.Labels) },
				func(e *wire.Encoder, it *Item) { writeLabels(e, it.Labels) }),
		},
		storeItems: storeItem("X-GM-LABELS", imap.StoreGmailLabels,
			func(d *decoder, c *imap.Store) bool {
				if d.Peek() == '(' {
					return readLabels(d, &c.Labels)
				}
				c.Labels = make([]string, 1)
				return readLabel(d, &c.Labels[0])
			},
			func(e *wire.Encoder, c *imap.Store) { writeLabels(e, c.Labels) }),
		searchKeys: []row[search.Key]{
			key("X-GM-RAW", imap.SearchGmail{}, nil,
				func(d *decoder, k *imap.SearchGmail) bool { return readKeyString(d, &k.Query) },
				func(e *wire.Encoder, k imap.SearchGmail) { e.SP().String(k.Query) }),
			key("X-GM-MSGID", imap.SearchGmailMessageID{}, nil,
				func(d *decoder, k *imap.SearchGmailMessageID) bool { return d.SP() && readUint64(d, &k.ID) },
				func(e *wire.Encoder, k imap.SearchGmailMessageID) { e.SP().Uint(k.ID) }),
			key("X-GM-THRID", imap.SearchGmailThreadID{}, nil,
				func(d *decoder, k *imap.SearchGmailThreadID) bool { return d.SP() && readUint64(d, &k.ID) },
				func(e *wire.Encoder, k imap.SearchGmailThreadID) { e.SP().Uint(k.ID) }),
			key("X-GM-LABELS", imap.SearchGmailLabel{}, nil,
				func(d *decoder, k *imap.SearchGmailLabel) bool { return d.SP() && readLabel(d, &k.Label) },
				func(e *wire.Encoder, k imap.SearchGmailLabel) { writeLabel(e.SP(), k.Label) }),
		},
	}
}

// readUint64 reads a number of 64 bits, which Gmail's identifiers are.
func readUint64(d *decoder, n *uint64) bool {
	v, err := strconv.ParseUint(string(d.Word()), 10, 64)
	if err != nil {
		return d.Expected("number below 2^64")
	}
	*n = v
	return true
}

// readLabel reads a label: a flag, or an astring in the encoding of mailbox names.
// Gmail itself writes the flag as a quoted string.
func readLabel(d *decoder, s *string) bool {
	if d.Peek() == '\\' {
		var f mailbox.Flag
		ok := d.Flag(&f)
		*s = string(f)
		return ok
	}
	if !d.AString(s) {
		return false
	}
	if !d.UTF8 && strings.Contains(*s, "&") {
		if label, err := imap.DecodeUTF7(*s); err == nil {
			*s = label
		}
	}
	return true
}

func writeLabel(e *wire.Encoder, s string) {
	if strings.HasPrefix(s, `\`) && imap.ValidFlag(mailbox.Flag(s)) {
		e.Raw(`\`).Atom(s[1:])
		return
	}
	if !e.UTF8 {
		s = imap.EncodeUTF7(s)
	}
	e.AString(s)
}

func readLabels(d *decoder, list *[]string) bool {
	*list = nil
	return d.List(func() bool {
		var s string
		if !readLabel(d, &s) {
			return false
		}
		*list = append(*list, s)
		return true
	})
}

func writeLabels(e *wire.Encoder, list []string) {
	writeAll(e, list, func(s string) { writeLabel(e, s) })
}
