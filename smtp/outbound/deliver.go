package outbound

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
)

// A Deliverer sends messages to the mail hosts of their recipients' domains, as
// mail servers do. The zero value works: it asks the system's resolver and uses
// TLS where hosts offer it. The fields must not be changed once it is in use; it
// may be used by several goroutines.
//
// It sends once. What failed temporarily is for the caller to try again later
// (RFC 5321 §4.5.4.1), the rest for a notification; see [smtpclient.Temporary]
// and [smtpclient.Diagnose].
type Deliverer struct {
	// Options are for the connections. LocalName should be set: hosts refuse
	// clients whose name is not that of their address. Credentials and LMTP
	// have no meaning here.
	Options smtpclient.Options

	// Resolver is net.DefaultResolver by default. A [SecureResolver] turns
	// DANE on.
	Resolver Resolver

	// MTASTS turns MTA-STS on.
	MTASTS *MTASTS

	// TLS returns what to ask of connections for a domain; by default
	// TLSOpportunistic.
	TLS func(domain string) TLSPolicy

	// Port is 25 by default. Network is "tcp" by default, "tcp4" and "tcp6"
	// restrict it.
	Port    uint16
	Network string

	// Self reports whether a mail host is this one, to which mail would come
	// back; by default that with the LocalName.
	Self func(host string) bool

	// Allow reports whether mail may go to an address. By default loopback,
	// unspecified, multicast and link-local addresses are left out, since
	// anybody can have MX records that lead there.
	Allow func(netip.Addr) bool

	// MaxAttempts is how many addresses are tried for a domain (default 10),
	// Parallel for how many domains at once (default 8).
	MaxAttempts, Parallel int

	// OnAttempt is called after each attempt, from several goroutines, such
	// as for logs or TLS reports (RFC 8460).
	OnAttempt func(ctx context.Context, a *Attempt)
}

// A Body is a message that can be read several times, from any place:
// a *bytes.Reader, *strings.Reader or *io.SectionReader.
type Body interface {
	io.ReaderAt
	Size() int64
}

// An Attempt is what became of trying one mail host at one address.
type Attempt struct {
	Domain     string // that of the recipients, in ASCII
	Host       string // the mail host
	Preference uint16 // of its MX record
	Addr       netip.AddrPort
	Begin, End time.Time

	// Policy is what was asked of TLS: PolicyTLSA, PolicySTS or PolicyNone;
	// Testing says that its failure did not count. Security is what came of
	// it, and TLSErr why it was no better, nil if there is no reason.
	Policy   PolicyType
	Testing  bool
	Security Security
	TLSErr   error

	// STS and TLSA are the policy and the records that applied.
	STS  *STSPolicy
	TLSA []TLSA

	// PolicyErr is why a newer policy of the domain could not be fetched.
	PolicyErr error

	// Notify tells that the host takes requests for notifications (DSN), so
	// that it is up to it to send those of success (RFC 3461 §5.2.2).
	Notify bool

	// Reply is the host's last answer to a message, zero if there was none.
	Reply smtp.Reply

	// Err is why the attempt failed, wholly or for some recipients; nil if all
	// were accepted.
	Err error
}

// A PolicyType is where demands on TLS came from; the values are those of RFC
// 8460 §4.4.
type PolicyType string

// The types of policy.
const (
	PolicyNone PolicyType = "no-policy-found"
	PolicySTS  PolicyType = "sts"
	PolicyTLSA PolicyType = "tlsa"
)

// A Delivery is what became of a message.
type Delivery struct {
	// Recipients are those of the Envelope, in their order.
	Recipients []Outcome

	// Attempts are all that were made, those for a domain in their order.
	Attempts []*Attempt
}

// An Outcome is the result for one recipient. It is final if the Status is
// Accepted, or if Err is not [smtpclient.Temporary].
type Outcome struct {
	smtpclient.Recipient

	// Attempt is the one that decided it, nil if there was none.
	Attempt *Attempt
}

func (d *Deliverer) resolver() Resolver {
	if d.Resolver != nil {
		return d.Resolver
	}
	return net.DefaultResolver
}

func (d *Deliverer) port() uint16 {
	if d.Port != 0 {
		return d.Port
	}
	return 25
}

// Deliver sends a message to all recipients, grouped by domain, and returns when
// the result for each is known. Parameters of the envelope that a mail host
// doesn't know are left out if a relay may do so; AllOrNothing has no meaning. The
// error is nil if all recipients were accepted, and wraps smtpclient.ErrPartial if
// some were. The Delivery is never nil.
//
// A host that turns the connection away, with whatever code, is passed over for
// the next; a refusal of the sender, a recipient or the message with 5yz is final,
// one with 4yz is not.
//
// Where a message was sent but the answer lost, it is not sent to the next host:
// the Status is Unknown. A later attempt may duplicate it then, which RFC 5321
// §4.5.4.1 prefers to losing it.
func (d *Deliverer) Deliver(ctx context.Context, env *smtpclient.Envelope, body Body) (*Delivery, error) {
	out := &Delivery{Recipients: make([]Outcome, len(env.To))}
	var jobs []*delivery
	byDomain := map[string]*delivery{}
	for i, to := range env.To {
		out.Recipients[i].Address = to
		domain := to.ASCIIDomain()
		j := byDomain[domain]
		if j == nil {
			j = &delivery{d: d, env: env, body: body, domain: domain, out: out.Recipients}
			byDomain[domain] = j
			jobs = append(jobs, j)
		}
		j.all = append(j.all, i)
	}
	if len(jobs) == 0 {
		return out, errors.New("outbound: no recipients")
	}
	parallel := d.Parallel
	if parallel <= 0 {
		parallel = 8
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, parallel)
	for _, j := range jobs {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			j.open = append(j.open, j.all...)
			j.run(ctx)
		})
	}
	wg.Wait()
	for _, j := range jobs {
		out.Attempts = append(out.Attempts, j.attempts...)
	}
	var res smtpclient.Result
	for i := range out.Recipients {
		res.Recipients = append(res.Recipients, out.Recipients[i].Recipient)
	}
	return out, res.Err()
}

// tlsPolicy returns what is asked of connections for a domain.
func (d *Deliverer) tlsPolicy(domain string) TLSPolicy {
	if d.TLS != nil {
		return d.TLS(domain)
	}
	return TLSOpportunistic
}
