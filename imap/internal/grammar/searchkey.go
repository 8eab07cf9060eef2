package grammar

import (
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// baseKeys are the search keys of RFC 3501 §6.4.4 and RFC 9051 §6.4.4. The first
// row that has a key writes it, so KEYWORD and HEADER are last.
func baseKeys() []row[search.Key] {
	unseen := search.Flag{Flag: mailbox.FlagSeen, Absent: true}
	rows := []row[search.Key]{
		fixed("ALL", search.All{}),
		{name: "NOT", has: is[search.Not], read: readNot, write: func(e *wire.Encoder, k *search.Key) { writeKey(e.SP(), (*k).(search.Not).Key) }},
		{name: "OR", has: is[search.Or], read: readOr, write: writeOr},
		{name: "UID", has: isUIDKey, read: readUIDKey, write: writeUIDKey},
		fixed("RECENT", imap.SearchRecent{}),
		fixed("OLD", imap.SearchRecent{Absent: true}),
		{name: "NEW", read: func(_ *decoder, k *search.Key) bool { *k = search.And{imap.SearchRecent{}, unseen}; return true }},
	}
	for _, f := range [...]mailbox.Flag{mailbox.FlagAnswered, mailbox.FlagDeleted, mailbox.FlagDraft, mailbox.FlagFlagged, mailbox.FlagSeen} {
		name := strings.ToUpper(string(f[1:]))
		rows = append(rows, flagKey(name, f, false), flagKey("UN"+name, f, true))
	}
	for _, f := range [...]string{"Bcc", "Cc", "From", "Subject", "To"} {
		rows = append(rows, key(strings.ToUpper(f), search.Header{Field: f},
			func(k search.Header) bool { return strings.EqualFold(k.Field, f) },
			func(d *decoder, k *search.Header) bool { return readKeyString(d, &k.Value) },
			func(e *wire.Encoder, k search.Header) { e.SP().String(k.Value) }))
	}
	return append(rows,
		dateKey("BEFORE", search.InternalDate, search.DateBefore),
		dateKey("ON", search.InternalDate, search.DateOn),
		dateKey("SINCE", search.InternalDate, search.DateSince),
		dateKey("SENTBEFORE", search.SentDate, search.DateBefore),
		dateKey("SENTON", search.SentDate, search.DateOn),
		dateKey("SENTSINCE", search.SentDate, search.DateSince),
		key("HEADER", search.Header{}, nil,
			func(d *decoder, k *search.Header) bool {
				return d.SP() && d.AString(&k.Field) && readKeyString(d, &k.Value)
			},
			func(e *wire.Encoder, k search.Header) { e.SP().AString(k.Field).SP().String(k.Value) }),
		key("BODY", search.Body{}, nil,
			func(d *decoder, k *search.Body) bool { return readKeyString(d, &k.Value) },
			func(e *wire.Encoder, k search.Body) { e.SP().String(k.Value) }),
		key("TEXT", search.Text{}, nil,
			func(d *decoder, k *search.Text) bool { return readKeyString(d, &k.Value) },
			func(e *wire.Encoder, k search.Text) { e.SP().String(k.Value) }),
		sizeKey("LARGER", true),
		sizeKey("SMALLER", false),
		keywordKey("KEYWORD", false),
		keywordKey("UNKEYWORD", true),
	)
}

func is[K search.Key](k *search.Key) bool {
	_, ok := (*k).(K)
	return ok
}

// fixed is the row of a key without arguments.
func fixed(name string, k search.Key) row[search.Key] {
	return row[search.Key]{
		name: name, has: func(x *search.Key) bool { return *x == k },
		read: func(_ *decoder, x *search.Key) bool { *x = k; return true },
	}
}

// key is the row of a key with arguments. begin is the part of the key that the
// name determines; when, unless nil, reports whether a key has this name.
func key[K search.Key](name string, begin K, when func(K) bool, read func(*decoder, *K) bool, write func(*wire.Encoder, K)) row[search.Key] {
	return row[search.Key]{
		name: name,
		has: func(x *search.Key) bool {
			k, ok := (*x).(K)
			return ok && (when == nil || when(k))
		},
		read: func(d *decoder, x *search.Key) bool {
			k := begin
			ok := read(d, &k)
			*x = k
			return ok
		},
		write: func(e *wire.Encoder, x *search.Key) { write(e, (*x).(K)) },
	}
}

func flagKey(name string, f mailbox.Flag, absent bool) row[search.Key] {
	r := fixed(name, search.Flag{Flag: f, Absent: absent})
	r.has = func(x *search.Key) bool {
		k, ok := (*x).(search.Flag)
		return ok && k.Flag.Equal(f) && k.Absent == absent
	}
	return r
}

func keywordKey(name string, absent bool) row[search.Key] {
	return key(name, search.Flag{Absent: absent},
		func(k search.Flag) bool { return k.Absent == absent },
		func(d *decoder, k *search.Flag) bool { return d.SP() && d.Atom((*string)(&k.Flag)) },
		func(e *wire.Encoder, k search.Flag) { e.SP().Atom(string(k.Flag)) })
}

func dateKey(name string, f search.DateField, op search.DateOp) row[search.Key] {
	return key(name, search.Date{Field: f, Op: op},
		func(k search.Date) bool { return k.Field == f && k.Op == op },
		func(d *decoder, k *search.Date) bool { return d.SP() && d.Date(&k.Day) },
		func(e *wire.Encoder, k search.Date) { e.SP().Date(k.Day) })
}

func sizeKey(name string, larger bool) row[search.Key] {
	return key(name, search.Size{Larger: larger},
		func(k search.Size) bool { return k.Larger == larger },
		func(d *decoder, k *search.Size) bool { return d.SP() && d.Number64(&k.N) },
		func(e *wire.Encoder, k search.Size) { e.SP().Int(k.N) })
}

// readKeyString reads a string and converts it to UTF-8.
func readKeyString(d *decoder, s *string) bool { return d.SP() && d.AString(s) && d.toUTF8(s) }

func readNot(d *decoder, k *search.Key) bool {
	var not search.Not
	ok := d.SP() && readKey(d, &not.Key)
	*k = not
	return ok
}

func readOr(d *decoder, k *search.Key) bool {
	var or search.Or
	ok := d.SP() && readKey(d, &or.A) && d.SP() && readKey(d, &or.B)
	*k = or
	return ok
}

func writeOr(e *wire.Encoder, k *search.Key) {
	or := (*k).(search.Or)
	writeKey(e.SP(), or.A)
	writeKey(e.SP(), or.B)
}

// isUIDKey reports whether k is written as UID. The reader yields
// imap.SearchUID, since a client may send "*".
func isUIDKey(k *search.Key) bool { return is[imap.SearchUID](k) || is[search.UID](k) }

func readUIDKey(d *decoder, k *search.Key) bool {
	var u imap.SearchUID
	ok := d.SP() && d.NumSet(&u.Set)
	*k = u
	return ok
}

func writeUIDKey(e *wire.Encoder, k *search.Key) {
	switch k := (*k).(type) {
	case imap.SearchUID:
		e.SP().NumSet(k.Set)
	case search.UID:
		e.SP().UIDSet(k.Set)
	}
}
