package outbound

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
)

// A delivery is that of a message to one domain.
type delivery struct {
	d      *Deliverer
	env    *smtpclient.Envelope
	body   Body
	domain string

	all      []int     // recipients of the domain, by position
	open     []int     // those that are still to be tried
	out      []Outcome // of all recipients; only those of this domain are touched
	attempts []*Attempt

	policy TLSPolicy
	sts    *STSPolicy
}

func (j *delivery) run(ctx context.Context) {
	d := j.d
	hosts, err := d.exchangers(ctx, j.domain)
	if err != nil {
		j.settle(nil, err)
		return
	}
	j.policy = d.tlsPolicy(j.domain)
	demanding := j.policy != TLSNone && j.policy != TLSAny
	var stsErr error
	if d.MTASTS != nil && demanding && !hosts[0].addr.IsValid() {
		j.sts, stsErr = d.MTASTS.Policy(ctx, d.resolver(), j.domain)
		if errors.Is(stsErr, ErrSTSCache) && j.sts == nil {
			j.settle(nil, stsErr)
			return
		}
	}
	left := d.MaxAttempts
	if left <= 0 {
		left = 10
	}
	for _, x := range hosts {
		if left == 0 || len(j.open) == 0 || ctx.Err() != nil {
			break
		}
		left = j.host(ctx, x, left, stsErr)
	}
	if err := context.Cause(ctx); err != nil {
		j.settle(nil, fmt.Errorf("outbound: %w", err))
	}
}

// host tries a mail host at its addresses, at most left of them, and returns how
// many more may be tried.
func (j *delivery) host(ctx context.Context, x exchanger, left int, stsErr error) int {
	d := j.d
	a := j.begin(x)
	loc, err := d.locate(ctx, x)
	if err != nil {
		j.end(ctx, a, err)
		return left - 1
	}
	q, err := j.demand(ctx, x, loc, a)
	if err != nil {
		j.end(ctx, a, err)
		return left - 1
	}
	a.PolicyErr = stsErr
	first := *a
	for i, addr := range loc.addrs {
		if left == 0 || len(j.open) == 0 || ctx.Err() != nil {
			break
		}
		if i > 0 {
			again := first
			a, again.Begin = &again, time.Now()
		}
		a.Addr = netip.AddrPortFrom(addr, d.port())
		left--
		if !d.allowed(addr) {
			j.end(ctx, a, fmt.Errorf("%w: %s", ErrAddressRefused, addr))
			continue
		}
		j.address(ctx, a, q, x)
	}
	return left
}

func (j *delivery) begin(x exchanger) *Attempt {
	return &Attempt{Domain: j.domain, Host: x.name, Preference: x.preference, Begin: time.Now(), Policy: PolicyNone}
}

// demand finds out what the connection to a host must fulfil.
func (j *delivery) demand(ctx context.Context, x exchanger, loc location, a *Attempt) (*demands, error) {
	q := &demands{policy: j.policy, sni: x.name}
	if x.addr.IsValid() {
		q.sni = x.addr.String()
	}
	if j.policy == TLSNone || j.policy == TLSAny {
		if j.requireTLS() {
			return nil, ErrRequireTLS
		}
		return q, nil
	}
	q.require = j.requireTLS()
	records, base, err := j.d.lookupTLSA(ctx, x, loc)
	if err != nil {
		return nil, err
	}
	if len(records) > 0 {
		// DANE goes before MTA-STS (RFC 8461 §2).
		a.Policy, a.TLSA = PolicyTLSA, records
		q.tlsa, q.sni = records, base
		q.names = []string{base}
		for _, name := range []string{x.name, j.domain} {
			if name != base {
				q.names = append(q.names, name) // RFC 7672 §3.2.2
			}
		}
		return q, nil
	}
	confirmed := x.secure
	if j.sts != nil {
		a.Policy, a.STS, a.Testing = PolicySTS, j.sts, j.sts.Mode == STSTesting
		q.sts, q.testing = j.sts, a.Testing
		if j.sts.Matches(x.name) {
			confirmed = true
		} else if a.TLSErr = unmet(ErrSTSHost, errors.New(x.name)); !a.Testing {
			return nil, a.TLSErr
		}
	}
	if q.require && !confirmed {
		return nil, unmet(ErrRequireTLS, fmt.Errorf("nothing confirms %s as mail host", x.name))
	}
	return q, nil
}

// requireTLS reports whether the message is to go over verified TLS only. Bounces
// go as they can (RFC 8689 §4.2.1).
func (j *delivery) requireTLS() bool { return j.env.Mail.RequireTLS && !j.env.From.IsZero() }

// address tries one address of a mail host. Where opportunistic TLS fails it
// tries again without.
func (j *delivery) address(ctx context.Context, a *Attempt, q *demands, x exchanger) {
	for more := true; more; {
		c, err := j.connect(ctx, a, q, x)
		if errors.Is(err, errHandshake) && ctx.Err() == nil {
			clear := *q
			clear.policy = TLSNone
			c, err = j.connect(ctx, a, &clear, x) // TLSErr stays
		}
		if err != nil {
			j.end(ctx, a, err)
			return
		}
		more = j.over(ctx, a, c)
	}
	j.finish(ctx, a)
}

// over sends the message over a connection, to as many recipients as it takes, and
// ends it. It returns whether the host may take more of them over another.
func (j *delivery) over(ctx context.Context, a *Attempt, c *smtpclient.Client) (more bool) {
	defer c.Close()
	before := len(j.open)
	for again := true; again && len(j.open) > 0; {
		again = j.send(ctx, a, c)
	}
	for _, i := range j.open {
		more = more || errors.Is(j.out[i].Err, smtpclient.ErrLimit)
	}
	if c.Err() == nil {
		c.Quit(ctx)
	}
	return more && len(j.open) < before && ctx.Err() == nil
}

func (j *delivery) connect(ctx context.Context, a *Attempt, q *demands, x exchanger) (*smtpclient.Client, error) {
	var v verification
	o := j.d.Options
	o.Credentials, o.LMTP = nil, false
	o.TLSConfig = q.config(o.TLSConfig, &v)
	c, err := smtpclient.Dial(ctx, a.Addr.String(), &o)
	if err != nil {
		return nil, err
	}
	err = secure(ctx, c, q, &v)
	a.Security = v.security
	if v.err != nil {
		a.TLSErr = v.err
	}
	if err == nil && q.require && !c.Features().Extensions.Has(smtp.ExtRequireTLS) {
		err = &smtp.Error{Code: 550, Enhanced: smtp.EnhancedCode{5, 7, 30}, Text: "REQUIRETLS support required"}
	}
	if err != nil {
		if c.Err() == nil {
			c.Quit(ctx)
		}
		c.Close()
		if q.require && errors.Is(err, ErrTLSNeeded) {
			err = unmet(ErrRequireTLS, err)
		}
		return nil, err
	}
	a.Notify = c.Features().Extensions.Has(smtp.ExtDSN)
	return c, nil
}

// send sends the message to those recipients that are open. It returns whether
// the host takes it for more of them in another transaction (RFC 5321
// §4.5.3.1.10).
func (j *delivery) send(ctx context.Context, a *Attempt, c *smtpclient.Client) (again bool) {
	env := j.adapt(c.Features().Extensions)
	res, err := c.Send(ctx, env, io.NewSectionReader(j.body, 0, j.body.Size()))
	a.Err = err
	if res.Reply.Code != 0 {
		a.Reply = res.Reply
	}
	open := j.open
	j.open = nil
	progress, more := false, false
	for n, i := range open {
		r := &res.Recipients[n]
		status, err := r.Status, r.Err
		var refused *smtp.Error
		if errors.As(err, &refused) && status == smtpclient.NotAttempted {
			status = smtpclient.Rejected // at MAIL
		}
		final := status == smtpclient.Accepted || status == smtpclient.Unknown || status == smtpclient.Rejected && refused != nil && !refused.Temporary()
		j.record(i, a, status, err, final)
		switch {
		case status == smtpclient.Accepted:
			progress = true
		case refused != nil && refused.Code == 452:
			more = true
		}
		if !final {
			j.open = append(j.open, i)
		}
	}
	return progress && more && c.Err() == nil
}

// record notes the result for a recipient so far. A temporary failure is not
// replaced by a permanent one of another host, unless that one is final.
func (j *delivery) record(i int, a *Attempt, status smtpclient.Status, err error, final bool) {
	o := &j.out[i]
	if !final && o.Err != nil && smtpclient.Temporary(o.Err) && !smtpclient.Temporary(err) {
		return
	}
	o.Status, o.Err, o.Attempt = status, err, a
}

// settle records a failure that no mail host has told.
func (j *delivery) settle(a *Attempt, err error) {
	status := smtpclient.NotAttempted
	if !smtpclient.Temporary(err) {
		status = smtpclient.Rejected
	}
	for _, i := range j.open {
		j.record(i, a, status, err, false)
	}
}

// end ends an attempt that failed before a message could be sent.
func (j *delivery) end(ctx context.Context, a *Attempt, err error) {
	a.Err = err
	j.settle(a, err)
	j.report(ctx, a)
}

// finish ends an attempt whose outcomes are recorded.
func (j *delivery) finish(ctx context.Context, a *Attempt) {
	for _, i := range j.all {
		if o := &j.out[i]; o.Attempt == a && o.Err != nil {
			a.Err = o.Err
			break
		}
	}
	j.report(ctx, a)
}

func (j *delivery) report(ctx context.Context, a *Attempt) {
	a.End = time.Now()
	j.attempts = append(j.attempts, a)
	if j.d.OnAttempt != nil {
		j.d.OnAttempt(ctx, a)
	}
}
