package sqlite

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// columns says what to read of each message besides the UID, and of which.
type columns uint8

const (
	colFlags    columns = 1 << iota // modseq, flags, keywords
	colDates                        // date, zone, saved
	colContent                      // size, content
	colSummary                      // of the content, like those below; all these need colContent
	colHeader                       // the length of the header, and without colBody its octets where the content is one row
	colBody                         // the octets of a content that is one row
	onlyDeleted                     // of messages with \Deleted only

	colEntry   = colFlags | colDates | colContent
	allColumns = 1<<7 - 1
)

// pageQueries are the queries by columns.
var pageQueries = func() (queries [allColumns + 1]string) {
	for cols := range queries {
		queries[cols] = pageQuery(columns(cols))
	}
	return queries
}()

func pageQuery(cols columns) string {
	q, joins, where := "SELECT m.uid", "", ""
	if cols&colFlags != 0 {
		q += ", m.modseq, m.flags, m.keywords"
	}
	if cols&colDates != 0 {
		q += ", m.date, m.zone, m.saved"
	}
	if cols&colContent != 0 {
		q += ", m.size, m.content"
	}
	if cols&(colSummary|colHeader) != 0 {
		joins += " LEFT JOIN content c ON c.id = m.content"
	}
	if cols&colSummary != 0 {
		q += ", c.summary"
	}
	if cols&colHeader != 0 {
		q += ", c.header"
	}
	if cols&(colHeader|colBody) != 0 {
		if cols&colBody != 0 {
			q += ", b.data"
		} else {
			q += ", substr(b.data, 1, c.header)"
		}
		q += `, CASE WHEN b.id IS NULL THEN EXISTS
			(SELECT 1 FROM chunk k WHERE k.account = m.account AND k.content = m.content AND k.offset = 0) END`
		joins += " LEFT JOIN body b ON b.id = m.content"
	}
	from := " FROM message m"
	if cols&onlyDeleted != 0 {
		from += " INDEXED BY message_deleted"
		where = " AND m.flags & 4 <> 0"
	}
	return q + from + joins + " WHERE m.account = ? AND m.mailbox = ? AND m.uid BETWEEN ? AND ?" + where + " ORDER BY m.uid LIMIT ?"
}

// The partial indexes know \Seen and \Deleted by these bits. What bits mean is
// part of the schema.
const (
	_ = uint(mailbox.SystemSeen-8) + uint(8-mailbox.SystemSeen)
	_ = uint(mailbox.SystemDeleted-4) + uint(4-mailbox.SystemDeleted)
)

// entry is a row of message with what it refers to.
type entry struct {
	mailbox.Entry
	content int64
	summary []byte
	header  int64  // octets
	body    []byte // or the header without what follows it
	chunks  bool   // the content is not one row but many
	damage  error  // why it cannot be read
}

// entryReader makes entries of rows. It keeps what rows are likely to have in
// common.
type entryReader struct {
	keywords string
	flags    []mailbox.Flag // keywords, split
	offset   int64
	zone     *time.Location
}

// scan reads a row of a pageQuery.
func (e *entryReader) scan(r *rows, cols columns) (m entry) {
	m.UID = mailbox.UID(r.int(0))
	i := 1
	if cols&colFlags != 0 {
		m.ModSeq = mailbox.ModSeq(r.int(i))
		m.Flags = e.flagSet(r.int(i+1), r.text(i+2))
		i += 3
	}
	if cols&colDates != 0 {
		m.InternalDate = e.date(r.int(i), r.int(i+1))
		m.SaveDate = time.Unix(r.int(i+2), 0).UTC()
		i += 3
	}
	if cols&colContent != 0 {
		m.Size, m.content = r.int(i), r.int(i+1)
		i += 2
	}
	if cols&colSummary != 0 {
		if r.null(i) {
			m.damage = fmt.Errorf("%w: the message has no content", ErrDamaged)
		}
		m.summary = r.blob(i)
		i++
	}
	if cols&colHeader != 0 {
		if r.null(i) {
			m.damage = fmt.Errorf("%w: the message has no content", ErrDamaged)
		}
		m.header = r.int(i)
		i++
	}
	if cols&(colHeader|colBody) != 0 {
		m.body, m.chunks = r.blob(i), r.int(i+1) == 1
		whole := m.Size
		if cols&colBody == 0 {
			whole = m.header
		}
		switch {
		case m.damage != nil || m.chunks:
		case !r.null(i + 1):
			m.damage = fmt.Errorf("%w: the content has no octets", ErrDamaged)
		case int64(len(m.body)) != whole || m.header > m.Size:
			m.damage = fmt.Errorf("%w: the content has %d octets, not %d", ErrDamaged, len(m.body), whole)
		}
	}
	return m
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

// boxOf returns the number of which boxID has made an ID.
func boxOf(id string) (int64, error) { return strconv.ParseInt(strings.TrimPrefix(id, "F"), 36, 64) }
