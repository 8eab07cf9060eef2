package tlsrpt_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/smtp/outbound"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
	"github.com/posthorn-mail/posthorn/smtp/tlsrpt"
)

func TestCollector(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &tlsrpt.Collector{MaxDomains: 2, MaxFailures: 1}
		require.Empty(t, c.Take())
		policy := &outbound.STSPolicy{Mode: outbound.STSTesting, MX: []string{"*.example.org"}, MaxAge: 24 * time.Hour}
		sts := func(security outbound.Security, err error) *outbound.Attempt {
			return &outbound.Attempt{Domain: "example.org", Host: "mx.example.org", Addr: netip.MustParseAddrPort("192.0.2.1:25"), Begin: time.Now(),
				Policy: outbound.PolicySTS, STS: policy, Security: security, TLSErr: err}
		}
		for range 3 {
			c.Attempt(t.Context(), sts(outbound.VerifiedPKIX, nil))
		}
		for range 2 {
			c.Attempt(t.Context(), sts(outbound.Cleartext, smtpclient.ErrNoStartTLS))
		}
		c.Attempt(t.Context(), sts(outbound.Encrypted, errors.New("one more kind"))) // counted, not detailed
		c.Attempt(t.Context(), sts(outbound.Cleartext, nil))                         // never came to TLS
		time.Sleep(time.Hour)
		for i := range 3 {
			c.Attempt(t.Context(), &outbound.Attempt{Domain: fmt.Sprintf("a%d.example", i), Host: "mx", Policy: outbound.PolicyTLSA,
				TLSA: []outbound.TLSA{{Usage: 3, Selector: 1, Matching: 0, Data: []byte{0xab}}}, Security: outbound.VerifiedDANE})
		}
		reports := c.Take()
		require.Len(t, reports, 2)
		require.Empty(t, c.Take())
		require.Equal(t, "a0.example", reports[0].Domain)
		require.Equal(t, []string{"3 1 0 AB"}, reports[0].Policies[0].Policy.Text)
		r := reports[1]
		r.Organization, r.Contact, r.ID = "Example", "postmaster@example.net", "1"
		b, err := json.Marshal(r)
		require.NoError(t, err)
		require.JSONEq(t, `{
			"organization-name": "Example", "contact-info": "postmaster@example.net", "report-id": "1",
			"date-range": {"start-datetime": "2000-01-01T00:00:00Z", "end-datetime": "2000-01-01T01:00:00Z"},
			"policies": [{
				"policy": {"policy-type": "sts", "policy-domain": "example.org", "mx-host": ["*.example.org"],
					"policy-string": ["version: STSv1", "mode: testing", "mx: *.example.org", "max_age: 86400"]},
				"summary": {"total-successful-session-count": 3, "total-failure-session-count": 3},
				"failure-details": [{"result-type": "starttls-not-supported", "receiving-mx-hostname": "mx.example.org", "receiving-ip": "192.0.2.1",
					"failed-session-count": 2, "failure-reason-code": "smtpclient: server does not offer STARTTLS"}]
			}]
		}`, string(b))
	})
}
