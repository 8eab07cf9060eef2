package grammar

import (
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
)

func parseGetQuota(d *wire.Decoder) imap.Command {
	var c imap.GetQuota
	return result(d.SP() && d.AString(&c.Root), &c)
}

func parseGetQuotaRoot(d *wire.Decoder) imap.Command {
	var c imap.GetQuotaRoot
	return result(d.SP() && d.Mailbox(&c.Mailbox), &c)
}

func parseSetQuota(d *wire.Decoder) imap.Command {
	var c imap.SetQuota
	if !d.SP() || !d.AString(&c.Root) || !d.SP() {
		return nil
	}
	ok := d.List(func() bool {
		var name string
		var l imap.QuotaLimit
		if !d.Atom(&name) || !d.SP() || !d.Number64(&l.Limit) {
			return false
		}
		l.Name = mailbox.QuotaName(strings.ToUpper(name))
		c.Limits = append(c.Limits, l)
		return true
	})
	return result(ok, &c)
}

// storageUnit is the unit of STORAGE on the wire (RFC 9208 §5.1).
const storageUnit = 1024

// WriteQuota writes a QUOTA response line (RFC 9208 §4.2.1). Octets are rounded
// up, so that what is full reads as full.
func WriteQuota(e *wire.Encoder, q *imap.QuotaData) {
	e.Raw("* QUOTA ").AString(q.Root).Raw(" (")
	for i, r := range q.Resources {
		if i > 0 {
			e.SP()
		}
		usage, limit := r.Usage, r.Limit
		if r.Name == mailbox.QuotaStorage {
			usage, limit = units(usage), units(limit)
		}
		e.Atom(string(r.Name)).SP().Int(usage).SP().Int(limit)
	}
	e.Raw(")").CRLF()
}

func units(octets int64) int64 {
	n := octets / storageUnit
	if octets%storageUnit > 0 {
		n++
	}
	return n
}

// WriteQuotaRoot writes a QUOTAROOT response line (RFC 9208 §4.2.2).
func WriteQuotaRoot(e *wire.Encoder, q *imap.QuotaRootData) {
	e.Raw("* QUOTAROOT ").Mailbox(q.Mailbox)
	for _, r := range q.Roots {
		e.SP().AString(r)
	}
	e.CRLF()
}
