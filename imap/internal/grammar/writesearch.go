package grammar

import (
	"fmt"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
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
	and, ok := c.Key.(search.And)
	if !ok {
		writeKey(e, c.Key)
		return
	}
	writeKeys(e, and)
}

func writeKeys(e *wire.Encoder, keys search.And) {
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

func writeKey(e *wire.Encoder, key search.Key) {
	switch k := key.(type) {
	case search.All:
		e.Raw("ALL")
	case search.And:
		if len(k) == 1 {
			writeKey(e, k[0])
			return
		}
		e.Raw("(")
		writeKeys(e, k)
		e.Raw(")")
	case search.Or:
		e.Raw("OR ")
		writeKey(e, k.A)
		e.SP()
		writeKey(e, k.B)
	case search.Not:
		e.Raw("NOT ")
		writeKey(e, k.Key)
	case imap.SearchSeq:
		e.NumSet(k.Set)
	case imap.SearchUID:
		e.Raw("UID ").NumSet(k.Set)
	case search.UID:
		e.Raw("UID ").NumSet(imap.UIDNumSet(k.Set))
	case search.Flag:
		writeFlagKey(e, k)
	case imap.SearchRecent:
		e.Raw(choose(k.Absent, "OLD", "RECENT"))
	case search.Date:
		writeDateKey(e, k)
	case search.Header:
		writeHeaderKey(e, k)
	case search.Body:
		e.Raw("BODY ").String(k.Value)
	case search.Text:
		e.Raw("TEXT ").String(k.Value)
	case search.Size:
		e.Raw(choose(k.Larger, "LARGER ", "SMALLER ")).Int(k.N)
	case search.ModSeq:
		e.Raw("MODSEQ ").Uint(uint64(k.N))
	case imap.SearchModSeq:
		e.Raw("MODSEQ ")
		if k.Entry != "" {
			e.String(k.Entry).SP().Atom(k.Type).SP()
		}
		e.Uint(uint64(k.N))
	case search.Within:
		e.Raw(choose(k.Younger, "YOUNGER ", "OLDER ")).Uint(uint64(k.Seconds))
	case search.EmailID:
		e.Raw("EMAILID ").Atom(k.ID)
	case search.ThreadID:
		e.Raw("THREADID ").Atom(k.ID)
	case search.SaveDateSupported:
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

func writeFlagKey(e *wire.Encoder, k search.Flag) {
	for _, f := range flagKeys {
		if f.flag.Equal(k.Flag) {
			e.Raw(choose(k.Absent, "UN", "")).Raw(f.key)
			return
		}
	}
	e.Raw(choose(k.Absent, "UNKEYWORD ", "KEYWORD ")).Atom(string(k.Flag))
}

func writeDateKey(e *wire.Encoder, k search.Date) {
	e.Raw([...]string{search.InternalDate: "", search.SentDate: "SENT", search.SaveDate: "SAVED"}[min(k.Field, search.SaveDate)])
	e.Raw([...]string{search.Before: "BEFORE", search.On: "ON", search.Since: "SINCE"}[min(k.Op, search.Since)])
	e.SP().Date(k.Day)
}

func writeHeaderKey(e *wire.Encoder, k search.Header) {
	for _, f := range headerKeys {
		if strings.EqualFold(f, k.Field) {
			e.Raw(strings.ToUpper(f)).SP().String(k.Value)
			return
		}
	}
	e.Raw("HEADER ").AString(k.Field).SP().String(k.Value)
}

// asciiKey reports whether all strings of the key are US-ASCII.
func asciiKey(key search.Key) bool {
	for leaf := range search.Leaves(key) {
		var s string
		switch k := leaf.(type) {
		case search.Header:
			s = k.Value
		case search.Body:
			s = k.Value
		case search.Text:
			s = k.Value
		}
		if strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) >= 0 {
			return false
		}
	}
	return true
}
