package grammar

import (
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// quotaExt is QUOTA (RFC 9208, and RFC 2087 before it). SETQUOTA is accepted
// without QUOTASET, so that the server can say who may use it.
func quotaExt() extension {
	storage := statusNumber(imap.StatusDeletedStorage, func(s *imap.StatusData) **int64 { return &s.DeletedStorage })
	storage.caps = []imap.Cap{imap.CapQuotaResPrefix + imap.Cap(mailbox.QuotaStorage)} // RFC 9208 §4.1.4
	return extension{
		caps: []imap.Cap{imap.CapQuota},
		commands: []row[imap.Command]{
			command("GETQUOTA",
				func(d *decoder, c *imap.GetQuota) bool { return d.SP() && d.AString(&c.Root) },
				func(e *wire.Encoder, c *imap.GetQuota) { e.SP().AString(c.Root) }),
			named("GETQUOTAROOT", func(c *imap.GetQuotaRoot) *string { return &c.Mailbox }),
			command("SETQUOTA", readSetQuota, writeSetQuota),
		},
		statusItems: []row[imap.StatusData]{storage},
		responses: []row[Response]{
			data("QUOTA", readQuotaData, writeQuotaData),
			data("QUOTAROOT", readQuotaRootData, writeQuotaRootData),
		},
	}
}

// readResource reads the name of a resource.
func readResource(d *decoder, name *mailbox.QuotaName) bool {
	var s string
	ok := d.Atom(&s)
	*name = mailbox.QuotaName(strings.ToUpper(s))
	return ok
}

func readSetQuota(d *decoder, c *imap.SetQuota) bool {
	return d.SP() && d.AString(&c.Root) && d.SP() && d.List(func() bool {
		var l imap.QuotaLimit
		if !readResource(d, &l.Name) || !d.SP() || !d.Number64(&l.Limit) {
			return false
		}
		c.Limits = append(c.Limits, l)
		return true
	})
}

func writeSetQuota(e *wire.Encoder, c *imap.SetQuota) {
	e.SP().AString(c.Root).SP()
	writeAll(e, c.Limits, func(l imap.QuotaLimit) { e.Atom(string(l.Name)).SP().Int(l.Limit) })
}

// QuotaUnit is the unit of a resource on the wire: storage is counted in units of
// 1024 octets (RFC 9208 §5.1), which holds for Cyrus' own name as well.
func QuotaUnit(name mailbox.QuotaName) int64 {
	switch name {
	case mailbox.QuotaStorage, mailbox.QuotaAnnotationStorage, "X-ANNOTATION-STORAGE":
		return 1024
	}
	return 1
}

func readQuotaData(d *decoder, q *imap.QuotaData) bool {
	return d.SP() && d.AString(&q.Root) && d.SP() && d.List(func() bool {
		var r mailbox.QuotaResource
		if !readResource(d, &r.Name) || !d.SP() || !d.Size(&r.Usage) || !d.SP() || !d.Size(&r.Limit) {
			return false
		}
		unit := QuotaUnit(r.Name)
		r.Usage, r.Limit = min(r.Usage, 1<<62/unit)*unit, min(r.Limit, 1<<62/unit)*unit
		q.Resources = append(q.Resources, r)
		return true
	})
}

// writeQuotaData rounds usage up, so that usage above the limit does not read as
// usage within it.
func writeQuotaData(e *wire.Encoder, q *imap.QuotaData) {
	e.SP().String(q.Root).SP()
	writeAll(e, q.Resources, func(r mailbox.QuotaResource) {
		unit := QuotaUnit(r.Name)
		e.Atom(string(r.Name)).SP().Int((r.Usage + unit - 1) / unit).SP().Int(r.Limit / unit)
	})
}

func readQuotaRootData(d *decoder, q *imap.QuotaRootData) bool {
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

func writeQuotaRootData(e *wire.Encoder, q *imap.QuotaRootData) {
	e.SP().Mailbox(q.Mailbox)
	for _, root := range q.Roots {
		e.SP().String(root)
	}
}
