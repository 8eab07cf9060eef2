package outbound

import (
	"time"

	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
)

// adapt makes the envelope for those recipients that are open, without the
// parameters that the host doesn't know as far as a relay may leave them out.
func (j *delivery) adapt(exts smtp.ExtensionSet) *smtpclient.Envelope {
	env := &smtpclient.Envelope{From: j.env.From, Mail: j.env.Mail}
	o := &env.Mail
	o.Size = 0 // Send measures it
	if !exts.Has(smtp.ExtDSN) {
		o.Return, o.EnvelopeID = "", ""
	}
	if !exts.Has(smtp.ExtAuth) {
		o.Auth = nil
	}
	if !exts.Has(smtp.ExtMTPriority) {
		o.Priority = nil // RFC 6710 §4.2
	}
	if !exts.Has(smtp.ExtRequireTLS) && j.env.From.IsZero() {
		o.RequireTLS = false
	}
	if !exts.Has(smtp.ExtDeliverBy) && o.DeliverBy != nil && !o.DeliverBy.Return {
		o.DeliverBy = nil // RFC 2852 §4.2.1: only mode R must come back
	}
	if !exts.Has(smtp.ExtNoSoliciting) {
		o.Solicit = nil
	}
	if !exts.Has(smtp.ExtMTRK) {
		o.Track = nil
	}
	if !exts.Has(smtp.ExtConPerm) {
		o.ConversionPermitted = false
	}
	for _, i := range j.open {
		env.To = append(env.To, j.env.To[i])
		if i >= len(j.env.Rcpt) {
			continue
		}
		r := j.env.Rcpt[i]
		if !exts.Has(smtp.ExtDSN) {
			r.Notify, r.Original = 0, smtp.OriginalRecipient{}
		}
		if !exts.Has(smtp.ExtRRVS) && r.ValidSinceAction == 'C' {
			r.ValidSince, r.ValidSinceAction = time.Time{}, 0 // RFC 7293 §5.2
		}
		if !exts.Has(smtp.ExtConNeg) {
			r.ConversionNegotiated = false
		}
		for len(env.Rcpt) < len(env.To)-1 {
			env.Rcpt = append(env.Rcpt, smtp.RcptOptions{})
		}
		env.Rcpt = append(env.Rcpt, r)
	}
	return env
}
