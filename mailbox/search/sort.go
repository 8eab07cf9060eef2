package search

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// Sort returns the messages of the set in the order of SORT (RFC 5256 §3): by the
// first key, those that are equal by the next one, and by UID in the end. UIDs of
// the set that do not exist are ignored. Its memory grows with the number of
// messages; see [Sorter].
//
// A damaged message is sorted as one without header, date and size. Another error
// of the mailbox, or that of a context that is done, ends the call.
func Sort(ctx context.Context, m mailbox.Mailbox, set mailbox.UIDSet, keys []SortKey) ([]mailbox.UID, error) {
	s := NewSorter(keys)
	if err := addAll(ctx, m, set, SortWants(keys), s.Add); err != nil {
		return nil, err
	}
	return s.UIDs(), nil
}

// addAll calls add for each message of the set, with no more than the UID for one
// that is damaged.
func addAll(ctx context.Context, m mailbox.Mailbox, set mailbox.UIDSet, want mailbox.Want, add func(*mailbox.Message)) error {
	for msg, err := range m.Messages(ctx, set, want) {
		if err == nil {
			err = ctx.Err()
		}
		if damaged := asMessageError(err); damaged != nil {
			msg, err = &mailbox.Message{Entry: mailbox.Entry{UID: damaged.UID}}, nil
		}
		if err != nil {
			return err
		}
		add(msg)
	}
	return nil
}

// SortWants returns the parts of messages that sorting by the keys needs.
func SortWants(keys []SortKey) mailbox.Want {
	var w mailbox.Want
	for _, k := range keys {
		switch k.By {
		case SortArrival, SortSize:
			w |= mailbox.WantEntry
		case SortDate: // the internal date replaces a missing one
			w |= mailbox.WantEntry | mailbox.WantEnvelope
		default:
			w |= mailbox.WantEnvelope
		}
	}
	return w
}

// A Sorter sorts messages that it is given one by one, as [Sort] does: those of a
// store, or those whose envelopes an IMAP client has fetched. It keeps no message,
// but for each key four or eight octets of every message, and the texts that
// differ. It is for one goroutine.
type Sorter struct {
	columns  []column
	uids     []mailbox.UID
	collator collator
}

// A column holds the values of all messages for one key.
type column struct {
	SortKey
	numbers []int64    // of SortArrival, SortDate, SortSize
	texts   []uint32   // of the other fields, by their number in the dictionary
	words   dictionary // of keys of the collator
}

// NewSorter returns a Sorter for these keys. A key that follows another one for
// the same field has no effect.
func NewSorter(keys []SortKey) *Sorter {
	s := &Sorter{}
	for _, k := range keys {
		if !slices.ContainsFunc(s.columns, func(c column) bool { return c.By == k.By }) {
			s.columns = append(s.columns, column{SortKey: k})
		}
	}
	return s
}

// Add adds a message, which has at least the parts of [SortWants]. Messages may
// come in any order, each once.
func (s *Sorter) Add(m *mailbox.Message) {
	s.uids = append(s.uids, m.UID)
	for i := range s.columns {
		c := &s.columns[i]
		switch c.By {
		case SortArrival:
			c.numbers = append(c.numbers, m.InternalDate.Unix())
		case SortDate:
			c.numbers = append(c.numbers, sentDate(m))
		case SortSize:
			c.numbers = append(c.numbers, m.Size)
		default:
			c.texts = append(c.texts, c.words.number(s.collator.keyOf(sortText(c.By, m.Envelope))))
		}
	}
}

// UIDs returns the messages in order.
func (s *Sorter) UIDs() []mailbox.UID {
	type place struct {
		uid mailbox.UID
		at  uint32 // in the columns
	}
	places := make([]place, len(s.uids))
	for i, uid := range s.uids {
		places[i] = place{uid, uint32(i)}
	}
	ranks := make([][]uint32, len(s.columns))
	for i := range s.columns {
		ranks[i] = s.columns[i].words.ranks()
	}
	slices.SortFunc(places, func(a, b place) int {
		for i := range s.columns {
			c := &s.columns[i]
			var order int
			if c.numbers != nil {
				order = cmp.Compare(c.numbers[a.at], c.numbers[b.at])
			} else {
				order = cmp.Compare(ranks[i][c.texts[a.at]], ranks[i][c.texts[b.at]])
			}
			switch {
			case order == 0:
				continue
			case c.Reverse:
				return -order
			}
			return order
		}
		// RFC 5256 §3: the implicit criterion is not affected by REVERSE.
		return cmp.Compare(a.uid, b.uid)
	})
	uids := make([]mailbox.UID, len(places))
	for i, p := range places {
		uids[i] = p.uid
	}
	return uids
}

// ranks returns the place of each text among all of them, by number. The empty text
// is the first (RFC 5256 §3).
func (d *dictionary) ranks() []uint32 {
	order := make([]uint32, len(d.texts))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int { return strings.Compare(d.texts[a], d.texts[b]) })
	ranks := make([]uint32, len(order))
	for rank, n := range order {
		ranks[n] = uint32(rank)
	}
	return ranks
}

// sentDate returns the sent date in seconds (RFC 5256 §2.2): that of the Date
// field, or the internal date if the message has no valid one.
func sentDate(m *mailbox.Message) int64 {
	if m.Envelope != nil && !m.Envelope.Time.IsZero() {
		return m.Envelope.Time.Unix()
	}
	return m.InternalDate.Unix()
}

// sortText returns the text that a field is sorted by, empty if the message has
// none.
func sortText(f SortField, env *message.Envelope) string {
	if env == nil {
		return ""
	}
	switch f {
	case SortSubject:
		base, _ := message.BaseSubject(env.Subject)
		return base
	case SortFrom:
		return addrMailbox(env.From)
	case SortTo:
		return addrMailbox(env.To)
	case SortCc:
		return addrMailbox(env.Cc)
	case SortDisplayFrom:
		return displayName(env.From)
	case SortDisplayTo:
		return displayName(env.To)
	}
	return ""
}

// addrMailbox returns the addr-mailbox of the first address: its local part, or the
// name of the group that begins with it (RFC 3501 §7.4.2).
func addrMailbox(list []message.Address) string {
	switch {
	case len(list) == 0:
		return ""
	case list[0].Kind == message.Mailbox:
		return list[0].Local
	}
	return message.DecodeText(list[0].Name)
}

// displayName returns the DISPLAY sort value of the first address (RFC 5957 §3).
func displayName(list []message.Address) string {
	if len(list) == 0 {
		return ""
	}
	a := &list[0]
	name := message.DecodeText(a.Name)
	switch {
	case name != "" || a.Kind != message.Mailbox:
		return name
	case a.Domain == "":
		return a.Local
	}
	return a.Local + "@" + a.Domain
}
