// Package tlsrpt collects the results of TLS with other domains' mail hosts,
// and makes the reports that these domains may ask for (RFC 8460).
//
//	c := &tlsrpt.Collector{}
//	d := &outbound.Deliverer{OnAttempt: c.Attempt}
//	…
//	for _, r := range c.Take() { … json.Marshal(r) … } // once a day
//
// The TXT record at _smtp._tls of the domain says where to send them. This
// package does not send them.
package tlsrpt

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/posthorn-mail/posthorn/smtp/outbound"
)

// A Report is the report to a domain, in the JSON format of RFC 8460 §4.4.
// Organization, Contact and ID are for the sender to fill in.
type Report struct {
	Organization string    `json:"organization-name"`
	Range        DateRange `json:"date-range"`
	Contact      string    `json:"contact-info"`
	ID           string    `json:"report-id"`
	Policies     []Policy  `json:"policies"`

	// Domain is that of the policies.
	Domain string `json:"-"`
}

// A DateRange is the period of a report.
type DateRange struct {
	Start time.Time `json:"start-datetime"`
	End   time.Time `json:"end-datetime"`
}

// A Policy is a TLS policy and the number of sessions that met it or failed.
type Policy struct {
	Policy struct {
		Type   outbound.PolicyType `json:"policy-type"`
		Text   []string            `json:"policy-string,omitempty"`
		Domain string              `json:"policy-domain"`
		MXHost []string            `json:"mx-host,omitempty"`
	} `json:"policy"`
	Summary struct {
		Successes int `json:"total-successful-session-count"`
		Failures  int `json:"total-failure-session-count"`
	} `json:"summary"`
	Details []Failure `json:"failure-details,omitempty"`
}

// A Failure is a kind of failure with one host.
type Failure struct {
	Result   outbound.TLSResult `json:"result-type"`
	Host     string             `json:"receiving-mx-hostname,omitempty"`
	IP       string             `json:"receiving-ip,omitempty"`
	Sessions int                `json:"failed-session-count"`
	Reason   string             `json:"failure-reason-code,omitempty"`
}

// A Collector counts attempts. The zero value works. It may be used by several
// goroutines.
type Collector struct {
	// MaxDomains and MaxFailures (of a policy) bound the memory; what exceeds
	// them is omitted. The defaults are 10,000 and 100.
	MaxDomains, MaxFailures int

	mu      sync.Mutex
	since   time.Time
	domains map[string]*Report
}

// Attempt counts an attempt; it is for Deliverer.OnAttempt.
func (c *Collector) Attempt(_ context.Context, a *outbound.Attempt) {
	result := a.TLSResult()
	if result == outbound.TLSUnknown {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.domains == nil {
		c.domains, c.since = map[string]*Report{}, a.Begin
	}
	r := c.domains[a.Domain]
	if r == nil {
		if len(c.domains) >= orElse(c.MaxDomains, 10000) {
			return
		}
		r = &Report{Domain: a.Domain}
		c.domains[a.Domain] = r
	}
	p := r.policy(a)
	if result == outbound.TLSSuccess {
		p.Summary.Successes++
		return
	}
	p.Summary.Failures++
	f := Failure{Result: result, Host: a.Host}
	if a.Addr.Addr() != (netip.Addr{}) {
		f.IP = a.Addr.Addr().String()
	}
	i := slices.IndexFunc(p.Details, func(g Failure) bool { return g.Result == f.Result && g.Host == f.Host && g.IP == f.IP })
	if i < 0 {
		if len(p.Details) >= orElse(c.MaxFailures, 100) {
			return
		}
		if a.TLSErr != nil {
			f.Reason = a.TLSErr.Error()
		}
		p.Details = append(p.Details, f)
		i = len(p.Details) - 1
	}
	p.Details[i].Sessions++
}

// policy finds the policy of an attempt in the report, or adds it.
func (r *Report) policy(a *outbound.Attempt) *Policy {
	var p Policy
	p.Policy.Type, p.Policy.Domain = a.Policy, a.Domain
	switch a.Policy {
	case outbound.PolicySTS:
		if a.STS == nil {
			break
		}
		p.Policy.Text = append(p.Policy.Text, "version: STSv1", "mode: "+string(a.STS.Mode))
		for _, mx := range a.STS.MX {
			p.Policy.Text = append(p.Policy.Text, "mx: "+mx)
		}
		p.Policy.Text = append(p.Policy.Text, fmt.Sprintf("max_age: %d", int64(a.STS.MaxAge.Seconds())))
		p.Policy.MXHost = a.STS.MX
	case outbound.PolicyTLSA:
		// Each host has records of its own.
		p.Policy.Domain = a.Host
		for _, t := range a.TLSA {
			p.Policy.Text = append(p.Policy.Text, fmt.Sprintf("%d %d %d %X", t.Usage, t.Selector, t.Matching, t.Data))
		}
	}
	key := strings.Join(p.Policy.Text, "\n")
	for i := range r.Policies {
		if q := &r.Policies[i]; q.Policy.Type == p.Policy.Type && q.Policy.Domain == p.Policy.Domain && strings.Join(q.Policy.Text, "\n") == key {
			return q
		}
	}
	r.Policies = append(r.Policies, p)
	return &r.Policies[len(r.Policies)-1]
}

// Take returns what was collected since the last call, one report for each
// domain in the order of their names, and resets the Collector.
func (c *Collector) Take() []*Report {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now().UTC().Truncate(time.Second)
	reports := make([]*Report, 0, len(c.domains))
	for _, r := range c.domains {
		r.Range = DateRange{c.since.UTC().Truncate(time.Second), now}
		reports = append(reports, r)
	}
	slices.SortFunc(reports, func(a, b *Report) int { return strings.Compare(a.Domain, b.Domain) })
	c.domains = nil
	return reports
}

func orElse(v, def int) int {
	if v <= 0 {
		return def
	}
	return v
}
