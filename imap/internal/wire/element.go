package wire

import (
	"time"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// NumSet expects a sequence-set, or "$" (RFC 5182).
func (d *Decoder) NumSet(set *imap.NumSet) bool {
	if d.Try('$') {
		*set = imap.NumSet{Saved: true}
		return true
	}
	set.Ranges, set.Saved = nil, false
	for {
		var r imap.NumRange
		if !d.Numeral() || !d.seqNumber(&r.First) {
			return false
		}
		r.Last = r.First
		if d.Try(':') && !d.seqNumber(&r.Last) {
			return false
		}
		set.Ranges = append(set.Ranges, r)
		if !d.Try(',') {
			return true
		}
	}
}

func (d *Decoder) seqNumber(n *uint32) bool {
	if d.Try('*') {
		*n = imap.Star
		return true
	}
	return d.NZNumber(n)
}

// UIDSet expects a uid-set: no "*".
func (d *Decoder) UIDSet(set *mailbox.UIDSet) bool {
	var ranges []mailbox.UIDRange
	for {
		var first, last uint32
		if !d.Numeral() || !d.NZNumber(&first) {
			return false
		}
		last = first
		if d.Try(':') && !d.NZNumber(&last) {
			return false
		}
		if first > last {
			first, last = last, first
		}
		ranges = append(ranges, mailbox.UIDRange{First: mailbox.UID(first), Last: mailbox.UID(last)})
		if !d.Try(',') {
			*set = mailbox.UIDSetOfRanges(ranges...)
			return true
		}
	}
}

// ModSeq expects a mod-sequence value: 63 bits, zero allowed (RFC 7162 §7).
func (d *Decoder) ModSeq(m *mailbox.ModSeq) bool {
	var n int64
	if !d.Number64(&n) {
		return false
	}
	*m = mailbox.ModSeq(n)
	return true
}

// Flag expects a flag: an atom, or a backslash and an atom. A tolerant Decoder
// takes what servers send as flags: "\*" as in PERMANENTFLAGS, strings, keywords
// with brackets, parentheses and 8-bit text.
func (d *Decoder) Flag(f *mailbox.Flag) bool {
	if d.Tolerant {
		return d.looseFlag(f)
	}
	pos := d.pos
	d.Try('\\')
	if len(d.take(classAtom)) == 0 {
		d.pos = pos
		return d.Expected("flag")
	}
	*f = internFlag(d.line[pos:d.pos])
	return true
}

// internFlag avoids an allocation for the flags that most messages have.
func internFlag(b []byte) mailbox.Flag {
	for _, f := range [...]mailbox.Flag{
		mailbox.FlagSeen, mailbox.FlagDeleted, mailbox.FlagAnswered, mailbox.FlagFlagged, mailbox.FlagDraft, imap.FlagRecent,
	} {
		if string(b) == string(f) {
			return f
		}
	}
	return mailbox.Flag(b)
}

// looseFlag reads up to a blank, or the parenthesis that closes the list.
func (d *Decoder) looseFlag(f *mailbox.Flag) bool {
	if d.Peek() == '"' {
		var s string
		ok := d.quoted(&s)
		*f = mailbox.Flag(s)
		return ok
	}
	start, open := d.pos, 0
	for ; d.err == nil && d.pos < len(d.line); d.pos++ {
		c := d.line[d.pos]
		if c == '(' {
			open++
		}
		if c == ')' {
			open--
		}
		if c == ' ' || open < 0 {
			break
		}
	}
	if d.err != nil || d.pos == start {
		return d.Expected("flag")
	}
	*f = internFlag(d.line[start:d.pos])
	return true
}

// FlagList expects a parenthesised list of flags, which may be empty. A tolerant
// Decoder takes NIL for an empty one.
func (d *Decoder) FlagList(flags *[]mailbox.Flag) bool {
	*flags = nil
	if d.Tolerant && d.TryKeyword("NIL") {
		return true
	}
	return d.List(func() bool {
		var f mailbox.Flag
		if !d.Flag(&f) {
			return false
		}
		*flags = append(*flags, f)
		return true
	})
}

// Mailbox expects a mailbox name and decodes it.
func (d *Decoder) Mailbox(name *string) bool {
	if !d.AString(name) {
		return false
	}
	*name = imap.DecodeMailbox(*name, d.UTF8)
	return true
}

// ListMailbox expects a mailbox name that may have wildcards, and decodes it.
func (d *Decoder) ListMailbox(name *string) bool {
	if !d.orString(name, classList) {
		return false
	}
	*name = imap.DecodeMailbox(*name, d.UTF8)
	return true
}

// Date expects a date, with quotes or without.
func (d *Decoder) Date(t *time.Time) bool {
	pos := d.pos
	var s string
	if !d.AString(&s) {
		return false
	}
	v, err := imap.ParseDate(s)
	if err != nil {
		d.pos = min(pos, len(d.line))
		return d.Expected("date")
	}
	*t = v
	return true
}

// DateTime expects a date-time, which has quotes.
func (d *Decoder) DateTime(t *time.Time) bool {
	pos := d.pos
	var s string
	if d.Peek() != '"' {
		return d.Expected("date-time")
	}
	if !d.quoted(&s) {
		return false
	}
	v, err := imap.ParseDateTime(s)
	if err != nil {
		d.pos = pos
		return d.Expected("date-time")
	}
	*t = v
	return true
}
