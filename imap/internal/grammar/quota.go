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
