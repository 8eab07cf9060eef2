package grammar

import (
	"fmt"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
)

var searchReturns = []option[imap.SearchReturn]{
	{imap.ReturnMin, "MIN"}, {imap.ReturnMax, "MAX"}, {imap.ReturnAll, "ALL"},
	{imap.ReturnCount, "COUNT"}, {imap.ReturnSave, "SAVE"},
}

// writeSearchArgs writes what follows SEARCH. CHARSET is written where the key
// has strings that are not US-ASCII and the session is not one of UTF-8: servers
// refuse it where it is not needed, and RFC 6855 §3 forbids it there.
func writeSearchArgs(e *wire.Encoder, c *imap.Search) {
	if c.Extended {
		e.Raw(" RETURN ")
		writeOptions(e, c.Return, searchReturns)
	}
	if !e.UTF8 && !asciiKey(c.Key) {
		e.Raw(" CHARSET UTF-8")
	}
	e.SP()
	and, ok := c.Key.(imap.SearchAnd)
	if !ok {
		writeKey(e, c.Key)
		return
	}
	writeKeys(e, and)
}

func writeKeys(e *wire.Encoder, keys imap.SearchAnd) {
	if len(keys) == 0 {
		e.Raw("ALL")
	}
	for i, k := range keys {
		if i > 0 {
			e.SP()
		}
		writeKey(e, k)
	}
}

// flagKeys are the keys of the system flags, by flag.
var flagKeys = [...]struct {
	flag mailbox.Flag
	key  string
}{
	{mailbox.FlagAnswered, "ANSWERED"}, {mailbox.FlagDeleted, "DELETED"}, {mailbox.FlagDraft, "DRAFT"},
	{mailbox.FlagFlagged, "FLAGGED"}, {mailbox.FlagSeen, "SEEN"},
}

// headerKeys are the fields that have keys of their own.
var headerKeys = [...]string{"Bcc", "Cc", "From", "Subject", "To"}

func writeKey(e *wire.Encoder, key imap.SearchKey) {
	switch k := key.(type) {
	case imap.SearchAll:
		e.Raw("ALL")
	case imap.SearchAnd:
		if len(k) == 1 {
			writeKey(e, k[0])
			return
		}
		e.Raw("(")
		writeKeys(e, k)
		e.Raw(")")
	case imap.SearchOr:
		e.Raw("OR ")
		writeKey(e, k.A)
		e.SP()
		writeKey(e, k.B)
	case imap.SearchNot:
		e.Raw("NOT ")
		writeKey(e, k.Key)
	case imap.SearchSeq:
		e.NumSet(k.Set)
	case imap.SearchUID:
		e.Raw("UID ").NumSet(k.Set)
	case imap.SearchFlag:
		writeFlagKey(e, k)
	case imap.SearchRecent:
		e.Raw(choose(k.Absent, "OLD", "RECENT"))
	case imap.SearchDate:
		writeDateKey(e, k)
	case imap.SearchHeader:
		writeHeaderKey(e, k)
	case imap.SearchBody:
		e.Raw("BODY ").String(k.Value)
	case imap.SearchText:
		e.Raw("TEXT ").String(k.Value)
	case imap.SearchSize:
		e.Raw(choose(k.Larger, "LARGER ", "SMALLER ")).Int(k.N)
	case imap.SearchModSeq:
		e.Raw("MODSEQ ")
		if k.Entry != "" {
			e.String(k.Entry).SP().Atom(k.Type).SP()
		}
		e.Uint(uint64(k.N))
	case imap.SearchWithin:
		e.Raw(choose(k.Younger, "YOUNGER ", "OLDER ")).Uint(uint64(k.Seconds))
	case imap.SearchEmailID:
		e.Raw("EMAILID ").Atom(k.ID)
	case imap.SearchThreadID:
		e.Raw("THREADID ").Atom(k.ID)
	case imap.SearchSaveDateSupported:
		e.Raw("SAVEDATESUPPORTED")
	default:
		e.Fail(fmt.Errorf("imap: search key %T can't be written", key))
	}
}

func choose(b bool, yes, no string) string {
	if b {
		return yes
	}
	return no
}

func writeFlagKey(e *wire.Encoder, k imap.SearchFlag) {
	for _, f := range flagKeys {
		if f.flag.Equal(k.Flag) {
			e.Raw(choose(k.Absent, "UN", "")).Raw(f.key)
			return
		}
	}
	e.Raw(choose(k.Absent, "UNKEYWORD ", "KEYWORD ")).Atom(string(k.Flag))
}

func writeDateKey(e *wire.Encoder, k imap.SearchDate) {
	e.Raw([...]string{imap.InternalDate: "", imap.SentDate: "SENT", imap.SaveDate: "SAVED"}[min(k.Field, imap.SaveDate)])
	e.Raw([...]string{imap.Before: "BEFORE", imap.On: "ON", imap.Since: "SINCE"}[min(k.Op, imap.Since)])
	e.SP().Date(k.Date)
}

func writeHeaderKey(e *wire.Encoder, k imap.SearchHeader) {
	for _, f := range headerKeys {
		if strings.EqualFold(f, k.Field) {
			e.Raw(strings.ToUpper(f)).SP().String(k.Value)
			return
		}
	}
	e.Raw("HEADER ").AString(k.Field).SP().String(k.Value)
}

// asciiKey reports whether all strings of the key are US-ASCII.
func asciiKey(key imap.SearchKey) bool {
	ascii := func(s string) bool {
		return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0
	}
	switch k := key.(type) {
	case imap.SearchAnd:
		for _, x := range k {
			if !asciiKey(x) {
				return false
			}
		}
	case imap.SearchOr:
		return asciiKey(k.A) && asciiKey(k.B)
	case imap.SearchNot:
		return asciiKey(k.Key)
	case imap.SearchHeader:
		return ascii(k.Value)
	case imap.SearchBody:
		return ascii(k.Value)
	case imap.SearchText:
		return ascii(k.Value)
	}
	return true
}
