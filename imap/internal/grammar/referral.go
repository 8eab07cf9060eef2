package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// referralExt is LOGIN-REFERRALS (RFC 2221) and MAILBOX-REFERRALS (RFC 2193). RLIST and
// RLSUB are answered by LIST and LSUB responses.
func referralExt() extension {
	return extension{
		caps: []imap.Cap{imap.CapMailboxReferrals},
		commands: []row[imap.Command]{
			command("RLIST",
				func(d *decoder, c *imap.RList) bool { return readReference(d, &c.Reference, &c.Pattern) },
				func(e *wire.Encoder, c *imap.RList) { e.SP().Mailbox(c.Reference).SP().ListMailbox(c.Pattern) }),
			command("RLSUB",
				func(d *decoder, c *imap.RLSub) bool { return readReference(d, &c.Reference, &c.Pattern) },
				func(e *wire.Encoder, c *imap.RLSub) { e.SP().Mailbox(c.Reference).SP().ListMailbox(c.Pattern) }),
		},
		codes: []row[any]{value("REFERRAL", readReferral, writeReferral)},
	}
}

func readReference(d *decoder, reference, pattern *string) bool {
	return d.SP() && d.Mailbox(reference) && d.SP() && d.ListMailbox(pattern)
}

func readReferral(d *decoder, urls *imap.Referral) bool {
	for d.TrySP() {
		var s string
		if !d.Element() || !readURL(d, &s) {
			return false
		}
		*urls = append(*urls, s)
	}
	return len(*urls) > 0 || d.Expected("URL")
}

func writeReferral(e *wire.Encoder, urls *imap.Referral) {
	for _, s := range *urls {
		writeURL(e.SP(), s)
	}
}
