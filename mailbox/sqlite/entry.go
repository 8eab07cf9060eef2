package sqlite

import (
	"strconv"
	"strings"
	"time"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// entryColumns are what an Entry is made of, in the order of entryReader.
const (
	entryColumns = "m.uid, m.modseq, m.flags, m.keywords, m.date, m.zone, m.saved, m.size, m.content"
	entryCount   = 9
)

// The partial index of unseen messages knows \Seen by this bit. What bits mean
// is part of the schema.
const _ = uint(mailbox.SystemSeen-8) + uint(8-mailbox.SystemSeen)

// entryReader makes entries of rows. It keeps what rows are likely to have in
// common.
type entryReader struct {
	keywords string
	flags    []mailbox.Flag // keywords, split
	offset   int64
	zone     *time.Location
}

// entry reads entryColumns, which come first in the row, and returns the number
// of the content, too.
func (e *entryReader) entry(r *rows) (mailbox.Entry, int64) {
	content := r.int(8)
	return mailbox.Entry{
		UID:          mailbox.UID(r.int(0)),
		ModSeq:       mailbox.ModSeq(r.int(1)),
		Flags:        e.flagSet(r.int(2), r.text(3)),
		InternalDate: e.date(r.int(4), r.int(5)),
		SaveDate:     time.Unix(r.int(6), 0).UTC(),
		Size:         r.int(7),
		EmailID:      contentID(content),
	}, content
}

func (e *entryReader) flagSet(bits int64, keywords string) mailbox.FlagSet {
	if keywords != e.keywords {
		e.keywords = keywords
		e.flags = nil
		for word := range strings.FieldsSeq(keywords) {
			e.flags = append(e.flags, mailbox.Flag(word))
		}
	}
	return mailbox.FlagSetOf(mailbox.SystemFlags(bits), e.flags)
}

func (e *entryReader) date(seconds, offset int64) time.Time {
	if offset != e.offset || e.zone == nil {
		e.offset, e.zone = offset, time.UTC
		if offset != 0 {
			e.zone = time.FixedZone("", int(offset))
		}
	}
	return time.Unix(seconds, 0).In(e.zone)
}

// joinKeywords is the form in which the keywords of a set are stored.
func joinKeywords(s mailbox.FlagSet) string {
	words := s.Keywords()
	switch len(words) {
	case 0:
		return ""
	case 1:
		return string(words[0])
	}
	var b strings.Builder
	for i, w := range words {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(w))
	}
	return b.String()
}

// splitDate is the form in which an internal date is stored.
func splitDate(t time.Time) (seconds, offset int64) {
	_, off := t.Zone()
	return t.Unix(), int64(off)
}

// IDs of mailboxes and contents as RFC 8474 wants them: letters and digits, and
// no number of the one is ever the ID of the other.
func boxID(id int64) string     { return "F" + strconv.FormatInt(id, 36) }
func contentID(id int64) string { return "M" + strconv.FormatInt(id, 36) }

// spans yields stretches of UIDs that together hold the set, each worth one
// query: ranges with no more than gap UIDs between them are read in one go.
// What is between them is for the caller to leave out.
func spans(set mailbox.UIDSet, gap mailbox.UID) func(yield func(first, last mailbox.UID) bool) {
	return func(yield func(first, last mailbox.UID) bool) {
		ranges := set.Ranges()
		for i := 0; i < len(ranges); {
			first, last := ranges[i].First, ranges[i].Last
			for i++; i < len(ranges) && ranges[i].First-last <= gap; i++ {
				last = ranges[i].Last
			}
			if !yield(first, last) {
				return
			}
		}
	}
}

// cursor tells of ascending UIDs whether they are in a set.
type cursor struct {
	ranges []mailbox.UIDRange
}

func (c *cursor) contains(uid mailbox.UID) bool {
	for len(c.ranges) > 0 && c.ranges[0].Last < uid {
		c.ranges = c.ranges[1:]
	}
	return len(c.ranges) > 0 && c.ranges[0].First <= uid
}
