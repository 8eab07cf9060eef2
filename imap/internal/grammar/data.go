package grammar

import (
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// responses is the table of untagged responses by name: what each reads begins
// at the blank after the name. It is read only.
var responses = map[string]func(d *wire.Decoder) Response{
	"CAPABILITY": func(d *wire.Decoder) Response { return imap.NewCapSet(caps(d)...) },
	"ENABLED":    func(d *wire.Decoder) Response { return Enabled(caps(d)) },
	"FLAGS": func(d *wire.Decoder) Response {
		var flags []mailbox.Flag
		if !d.SP() || !d.FlagList(&flags) {
			return nil
		}
		out := make(Flags, len(flags))
		for i, f := range flags {
			out[i] = string(f)
		}
		return out
	},
	"LIST":  func(d *wire.Decoder) Response { return data(d, new(imap.ListData), listData) },
	"XLIST": func(d *wire.Decoder) Response { return data(d, new(imap.ListData), listData) },
	"LSUB": func(d *wire.Decoder) Response {
		return data(d, new(LSub), func(d *wire.Decoder, l *LSub) bool { return listData(d, &l.ListData) })
	},
	"STATUS":    func(d *wire.Decoder) Response { return data(d, new(imap.StatusData), statusData) },
	"SEARCH":    func(d *wire.Decoder) Response { return data(d, new(imap.SearchData), searchData) },
	"ESEARCH":   func(d *wire.Decoder) Response { return data(d, new(imap.ESearchData), esearchData) },
	"NAMESPACE": func(d *wire.Decoder) Response { return data(d, new(imap.NamespaceData), namespaceData) },
	"QUOTA":     func(d *wire.Decoder) Response { return data(d, new(imap.QuotaData), quotaData) },
	"QUOTAROOT": func(d *wire.Decoder) Response { return data(d, new(imap.QuotaRootData), quotaRootData) },
	"VANISHED":  func(d *wire.Decoder) Response { return data(d, new(imap.VanishedData), vanishedData) },
	"ID": func(d *wire.Decoder) Response {
		var f imap.IDFields
		if !d.SP() || !idFields(d, &f) {
			return nil
		}
		return f
	},
}

// data reads v, or yields nil.
func data[T any](d *wire.Decoder, v *T, read func(*wire.Decoder, *T) bool) Response {
	if !read(d, v) {
		return nil
	}
	return v
}

func caps(d *wire.Decoder) []imap.Cap {
	var out []imap.Cap
	for d.TrySP() {
		var s string
		if !d.Element() || !d.AString(&s) {
			return nil
		}
		out = append(out, imap.Cap(s))
	}
	return out
}

func listData(d *wire.Decoder, l *imap.ListData) bool {
	if !d.SP() {
		return false
	}
	var attrs []mailbox.Flag
	if !d.FlagList(&attrs) || !d.SP() {
		return false
	}
	for _, a := range attrs {
		l.Attrs = append(l.Attrs, imap.MailboxAttr(a))
	}
	var sep string
	if !text(d, &sep) || !d.SP() || !d.AString(&l.Raw) {
		return false
	}
	if sep != "" {
		l.Separator = sep[0]
	}
	l.Mailbox = imap.DecodeMailbox(l.Raw, d.UTF8)
	if !d.TrySP() {
		return true
	}
	return d.List(func() bool { // mbox-list-extended, RFC 5258 §6
		var name string
		var v imap.Value
		if !d.AString(&name) || !d.SP() || !d.Value(&v) {
			return false
		}
		switch strings.ToUpper(name) {
		case "OLDNAME":
			if len(v.List) > 0 {
				l.OldName = imap.DecodeMailbox(v.List[0].Text, d.UTF8)
			}
		case "CHILDINFO":
			for _, x := range v.List {
				l.ChildInfo = append(l.ChildInfo, x.Text)
			}
		}
		return true
	})
}

func statusData(d *wire.Decoder, s *imap.StatusData) bool {
	if !d.SP() || !d.Mailbox(&s.Mailbox) || !d.SP() {
		return false
	}
	return d.List(func() bool {
		name := imap.StatusItem(wire.Upper(d.Word()))
		if !d.SP() {
			return false
		}
		count := func(p **uint32) bool {
			*p = new(uint32)
			return d.Number(*p)
		}
		switch name {
		case imap.StatusMessages:
			return count(&s.Messages)
		case imap.StatusRecent:
			return count(&s.Recent)
		case imap.StatusUnseen:
			return count(&s.Unseen)
		case imap.StatusDeleted:
			return count(&s.Deleted)
		case imap.StatusUIDNext:
			return d.Number((*uint32)(&s.UIDNext))
		case imap.StatusUIDValidity:
			return d.Number(&s.UIDValidity)
		case imap.StatusSize:
			s.Size = new(int64)
			return d.Size(s.Size)
		case imap.StatusDeletedStorage:
			s.DeletedStorage = new(int64)
			return d.Size(s.DeletedStorage)
		case imap.StatusHighestModSeq:
			s.HighestModSeq = new(mailbox.ModSeq)
			return d.ModSeq(s.HighestModSeq)
		case imap.StatusAppendLimit:
			s.AppendLimit = new(int64)
			if d.TryKeyword("NIL") {
				*s.AppendLimit = -1
				return true
			}
			return d.Number64(s.AppendLimit)
		case imap.StatusMailboxID:
			return d.Special('(') && d.Atom(&s.MailboxID) && d.Special(')')
		}
		var v imap.Value
		return d.Value(&v)
	})
}

func searchData(d *wire.Decoder, s *imap.SearchData) bool {
	for d.TrySP() {
		if d.Peek() == '(' { // RFC 7162 §3.1.5
			return d.Special('(') && d.Keyword("MODSEQ") && d.SP() && d.ModSeq(&s.ModSeq) && d.Special(')')
		}
		var n uint32
		if !d.Element() || !d.Number(&n) {
			return false
		}
		s.Nums = append(s.Nums, n)
	}
	return d.Err() == nil
}

func esearchData(d *wire.Decoder, s *imap.ESearchData) bool {
	if !d.TrySP() {
		return d.Err() == nil
	}
	if d.Peek() == '(' {
		if !d.Special('(') || !d.Keyword("TAG") || !d.SP() || !d.AString(&s.Tag) || !d.Special(')') {
			return false
		}
		if !d.TrySP() {
			return d.Err() == nil
		}
	}
	for {
		name := string(wire.Upper(d.Word()))
		if name == "UID" {
			s.UID = true
		} else if !d.SP() || !esearchItem(d, s, name) {
			return false
		}
		if !d.TrySP() {
			return d.Err() == nil
		}
	}
}

func esearchItem(d *wire.Decoder, s *imap.ESearchData, name string) bool {
	count := func(p **uint32) bool {
		*p = new(uint32)
		return d.Number(*p)
	}
	switch name {
	case "MIN":
		return count(&s.Min)
	case "MAX":
		return count(&s.Max)
	case "COUNT":
		return count(&s.Count)
	case "ALL":
		return d.NumSet(&s.All)
	case "MODSEQ":
		return d.ModSeq(&s.ModSeq)
	}
	var v imap.Value
	return d.Value(&v)
}

func namespaceData(d *wire.Decoder, n *imap.NamespaceData) bool {
	return d.SP() && namespaces(d, &n.Personal) && d.SP() && namespaces(d, &n.OtherUsers) && d.SP() && namespaces(d, &n.Shared)
}

func namespaces(d *wire.Decoder, list *[]imap.NamespaceEntry) bool {
	if d.TryKeyword("NIL") {
		return true
	}
	if !d.Special('(') {
		return false
	}
	for !d.Try(')') {
		var n imap.NamespaceEntry
		var sep string
		for d.Try(' ') {
		}
		if !d.Element() || !d.Special('(') || !d.Mailbox(&n.Prefix) || !d.SP() || !text(d, &sep) || !d.SkipTo() {
			return false
		}
		if sep != "" {
			n.Separator = sep[0]
		}
		*list = append(*list, n)
	}
	return true
}

func quotaData(d *wire.Decoder, q *imap.QuotaData) bool {
	if !d.SP() || !d.AString(&q.Root) || !d.SP() {
		return false
	}
	return d.List(func() bool {
		var name string
		var r mailbox.QuotaResource
		if !d.Atom(&name) || !d.SP() || !d.Size(&r.Usage) || !d.SP() || !d.Size(&r.Limit) {
			return false
		}
		r.Name = mailbox.QuotaName(strings.ToUpper(name))
		if r.Name == mailbox.QuotaStorage {
			r.Usage, r.Limit = octets(r.Usage), octets(r.Limit)
		}
		q.Resources = append(q.Resources, r)
		return true
	})
}

func octets(units int64) int64 { return min(units, 1<<62/storageUnit) * storageUnit }

func quotaRootData(d *wire.Decoder, q *imap.QuotaRootData) bool {
	if !d.SP() || !d.Mailbox(&q.Mailbox) {
		return false
	}
	for d.TrySP() {
		var root string
		if !d.Element() || !d.AString(&root) {
			return false
		}
		q.Roots = append(q.Roots, root)
	}
	return d.Err() == nil
}

func vanishedData(d *wire.Decoder, v *imap.VanishedData) bool {
	if !d.SP() {
		return false
	}
	if d.Try('(') {
		v.Earlier = true
		if !d.Keyword("EARLIER") || !d.Special(')') || !d.SP() {
			return false
		}
	}
	return d.UIDSet(&v.UIDs)
}
