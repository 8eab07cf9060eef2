package outbound_test

import (
	"context"
	"crypto/tls"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/outbound"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
)

const stsText = "version: STSv1\r\nmode: enforce\r\nmx: mx1.example.org\r\nmx: *.mail.example\r\nmax_age: 86400\r\n"

func sts(text string) *outbound.MTASTS {
	return &outbound.MTASTS{Fetch: func(context.Context, string) ([]byte, error) {
		if text == "" {
			return nil, errors.New("404")
		}
		return []byte(text), nil
	}}
}

// Each policy against each kind of host: one mail host, mx1.example.org.
func TestTLSPolicy(t *testing.T) {
	enforce, trial := stsText, strings.Replace(stsText, "enforce", "testing", 1)
	none := strings.Replace(stsText, "enforce", "none", 1)
	otherMX := strings.Replace(stsText, "mx1", "mx2", 1)
	tlsa := func(usage, selector, matching uint8, data []byte) []outbound.TLSA {
		return []outbound.TLSA{{Usage: usage, Selector: selector, Matching: matching, Data: data}}
	}
	noName := "wrong.example.net"
	results := map[string]outbound.TLSResult{
		"opportunistic, valid": "success", "opportunistic, self-signed": "success", "opportunistic, no TLS": outbound.TLSNotSupported,
		"none": "", "encrypted, no TLS": outbound.TLSNotSupported, "opportunistic, handshake fails": outbound.TLSValidationFailure,
		"STS": "success", "STS, no TLS": outbound.TLSNotSupported, "STS, another name": outbound.TLSHostMismatch,
		"STS, another host": outbound.TLSValidationFailure, "STS testing, self-signed": outbound.TLSHostMismatch, "STS testing, CA": outbound.TLSNotTrusted,
		"STS testing, no TLS": outbound.TLSNotSupported, "STS malformed": outbound.TLSSTSInvalid,
		"DANE-EE, no name": "success", "DANE-EE of another certificate": outbound.TLSValidationFailure,
		"DANE, no TLS": outbound.TLSNotSupported, "DANE, records of no use": outbound.TLSARecordInvalid, "DANE, TLSA query fails": "",
	}
	type setup struct {
		d    *outbound.Deliverer
		n    *lab
		s    *secureLab
		h    *mailHost
		good *tls.Config // a certificate of the CA for mx1.example.org
	}
	cases := []struct {
		name     string
		policy   outbound.TLSPolicy
		sts      string // text of the policy
		require  bool   // REQUIRETLS
		secure   bool   // DNSSEC
		set      func(s *setup)
		security outbound.Security
		tlsErr   bool // there is a reason why it is no better
		by       outbound.PolicyType
		fails    string // enhanced code
	}{
		{name: "opportunistic, valid", set: func(s *setup) { s.h.tls = s.good }, security: outbound.VerifiedPKIX},
		{name: "opportunistic, self-signed", set: func(s *setup) { s.h.tls = s.n.selfSigned(noName) }, security: outbound.Encrypted, tlsErr: true},
		{name: "opportunistic, another name", set: func(s *setup) { s.h.tls = s.n.tls(noName) }, security: outbound.Encrypted, tlsErr: true},
		{name: "opportunistic, no TLS", security: outbound.Cleartext, tlsErr: true},
		{name: "opportunistic, handshake fails", set: func(s *setup) {
			s.h.tls = s.good.Clone()
			s.h.tls.MaxVersion = tls.VersionTLS11
			s.h.tls.MinVersion = tls.VersionTLS11
		}, security: outbound.Cleartext, tlsErr: true},
		{name: "none", policy: outbound.TLSNone, set: func(s *setup) { s.h.tls = s.good }, security: outbound.Cleartext},
		{name: "encrypted", policy: outbound.TLSEncrypted, set: func(s *setup) { s.h.tls = s.n.selfSigned(noName) }, security: outbound.Encrypted, tlsErr: true},
		{name: "encrypted, no TLS", policy: outbound.TLSEncrypted, fails: "4.7.5"},
		{name: "verified", policy: outbound.TLSVerified, set: func(s *setup) { s.h.tls = s.good }, security: outbound.VerifiedPKIX},
		{name: "verified, self-signed", policy: outbound.TLSVerified, set: func(s *setup) { s.h.tls = s.n.selfSigned("mx1.example.org") }, fails: "4.7.5"},

		{name: "STS", sts: enforce, set: func(s *setup) { s.h.tls = s.good }, security: outbound.VerifiedPKIX, by: outbound.PolicySTS},
		{name: "STS, no TLS", sts: enforce, fails: "4.7.5", by: outbound.PolicySTS},
		{name: "STS, another name", sts: enforce, set: func(s *setup) { s.h.tls = s.n.tls(noName) }, fails: "4.7.5", by: outbound.PolicySTS},
		{name: "STS, another host", sts: otherMX, set: func(s *setup) { s.h.tls = s.good }, fails: "4.7.5", by: outbound.PolicySTS},
		{name: "STS testing, no TLS", sts: trial, security: outbound.Cleartext, tlsErr: true, by: outbound.PolicySTS},
		{name: "STS testing, self-signed", sts: trial, set: func(s *setup) { s.h.tls = s.n.selfSigned(noName) }, security: outbound.Encrypted, tlsErr: true, by: outbound.PolicySTS},
		{name: "STS testing, CA", sts: trial, set: func(s *setup) { s.h.tls = s.n.selfSigned("mx1.example.org") }, security: outbound.Encrypted, tlsErr: true, by: outbound.PolicySTS},
		{name: "STS none", sts: none, security: outbound.Cleartext, tlsErr: true},
		{name: "STS malformed", sts: "version: STSv2\n", security: outbound.Cleartext, tlsErr: true},
		{name: "STS, TLS-Required: No", sts: enforce, policy: outbound.TLSAny, security: outbound.Cleartext, tlsErr: true},

		{name: "DANE-EE, no name", secure: true, set: func(s *setup) {
			s.h.tls = s.n.selfSigned(noName)
			s.s.tlsa["_25._tcp.mx1.example.org."] = tlsa(3, 0, 1, sha(leaf(s.h.tls)))
		}, security: outbound.VerifiedDANE, by: outbound.PolicyTLSA},
		{name: "DANE-EE in full", secure: true, set: func(s *setup) {
			s.h.tls = s.n.selfSigned(noName)
			s.s.tlsa["_25._tcp.mx1.example.org."] = tlsa(3, 0, 0, leaf(s.h.tls))
		}, security: outbound.VerifiedDANE, by: outbound.PolicyTLSA},
		{name: "DANE-EE of another certificate", secure: true, set: func(s *setup) {
			s.h.tls = s.good
			s.s.tlsa["_25._tcp.mx1.example.org."] = tlsa(3, 0, 1, sha([]byte("x")))
		}, fails: "4.7.5", by: outbound.PolicyTLSA},
		{name: "DANE, no TLS", secure: true, set: func(s *setup) {
			s.s.tlsa["_25._tcp.mx1.example.org."] = tlsa(3, 0, 1, sha([]byte("x")))
		}, fails: "4.7.5", by: outbound.PolicyTLSA},
		{name: "DANE-TA", secure: true, set: func(s *setup) {
			s.h.tls = s.good
			s.s.tlsa["_25._tcp.mx1.example.org."] = tlsa(2, 1, 1, sha(s.n.ca.Cert.RawSubjectPublicKeyInfo))
		}, security: outbound.VerifiedDANE, by: outbound.PolicyTLSA},
		{name: "DANE-TA, name of the domain", secure: true, set: func(s *setup) {
			s.h.tls = s.n.tls("example.org")
			s.s.tlsa["_25._tcp.mx1.example.org."] = tlsa(2, 0, 1, sha(s.n.ca.Cert.Raw))
		}, security: outbound.VerifiedDANE, by: outbound.PolicyTLSA},
		{name: "DANE-TA, another name", secure: true, set: func(s *setup) {
			s.h.tls = s.n.tls(noName)
			s.s.tlsa["_25._tcp.mx1.example.org."] = tlsa(2, 0, 1, sha(s.n.ca.Cert.Raw))
		}, fails: "4.7.5", by: outbound.PolicyTLSA},
		{name: "DANE-TA of another", secure: true, set: func(s *setup) {
			s.h.tls = s.n.selfSigned("mx1.example.org")
			s.s.tlsa["_25._tcp.mx1.example.org."] = tlsa(2, 0, 0, s.n.ca.Cert.Raw)
		}, fails: "4.7.5", by: outbound.PolicyTLSA},
		{name: "DANE, records of no use", secure: true, set: func(s *setup) {
			s.h.tls = s.n.selfSigned(noName)
			s.s.tlsa["_25._tcp.mx1.example.org."] = tlsa(1, 0, 1, sha(leaf(s.h.tls)))
		}, security: outbound.Encrypted, tlsErr: true, by: outbound.PolicyTLSA},
		{name: "DANE, records of no use, no TLS", secure: true, set: func(s *setup) {
			s.s.tlsa["_25._tcp.mx1.example.org."] = tlsa(3, 0, 1, []byte("short"))
		}, fails: "4.7.5", by: outbound.PolicyTLSA},
		{name: "DANE behind CNAME", secure: true, set: func(s *setup) {
			s.h.tls = s.n.selfSigned(noName)
			s.s.cname["mx1.example.org."] = "real.example.net."
			s.n.addrs["real.example.net."] = s.n.addrs["mx1.example.org."]
			s.s.tlsa["_25._tcp.real.example.net."] = tlsa(3, 0, 1, sha(leaf(s.h.tls)))
		}, security: outbound.VerifiedDANE, by: outbound.PolicyTLSA},
		{name: "DANE, insecure MX", secure: true, set: func(s *setup) {
			s.s.insecure["MX example.org"] = true
			s.s.tlsa["_25._tcp.mx1.example.org."] = tlsa(3, 0, 1, sha([]byte("x")))
		}, security: outbound.Cleartext, tlsErr: true},
		{name: "DANE, insecure TLSA", secure: true, set: func(s *setup) {
			s.s.insecure["TLSA _25._tcp.mx1.example.org"] = true
			s.s.tlsa["_25._tcp.mx1.example.org."] = tlsa(3, 0, 1, sha([]byte("x")))
		}, security: outbound.Cleartext, tlsErr: true},
		{name: "DANE, TLSA query fails", secure: true, set: func(s *setup) {
			s.n.fail["TLSA _25._tcp.mx1.example.org"] = true
		}, fails: "4.4.3"},
		{name: "DANE goes before STS", secure: true, sts: enforce, set: func(s *setup) {
			s.h.tls = s.good
			s.s.tlsa["_25._tcp.mx1.example.org."] = tlsa(3, 0, 1, sha([]byte("x")))
		}, fails: "4.7.5", by: outbound.PolicyTLSA},

		{name: "REQUIRETLS by DANE", require: true, secure: true, set: func(s *setup) {
			s.h.tls, s.h.exts = s.n.selfSigned(noName), smtp.ExtensionSet(0).With(smtp.ExtRequireTLS)
			s.s.tlsa["_25._tcp.mx1.example.org."] = tlsa(3, 0, 1, sha(leaf(s.h.tls)))
		}, security: outbound.VerifiedDANE, by: outbound.PolicyTLSA},
		{name: "REQUIRETLS by STS", require: true, sts: enforce, set: func(s *setup) {
			s.h.tls, s.h.exts = s.good, smtp.ExtensionSet(0).With(smtp.ExtRequireTLS)
		}, security: outbound.VerifiedPKIX, by: outbound.PolicySTS},
		{name: "REQUIRETLS, nothing confirms the host", require: true, set: func(s *setup) {
			s.h.tls, s.h.exts = s.good, smtp.ExtensionSet(0).With(smtp.ExtRequireTLS)
		}, fails: "5.7.10"},
		{name: "REQUIRETLS not offered", require: true, sts: enforce, set: func(s *setup) {
			s.h.tls = s.good
		}, fails: "5.7.30", by: outbound.PolicySTS},
		{name: "REQUIRETLS, bad certificate", require: true, secure: true, set: func(s *setup) {
			s.h.tls, s.h.exts = s.n.selfSigned(noName), smtp.ExtensionSet(0).With(smtp.ExtRequireTLS)
		}, fails: "5.7.10"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			n := newLab(t)
			n.domain("example.org", "10 mx1.example.org.")
			s := &setup{n: n, s: n.sign(), h: &mailHost{}, good: n.tls("mx1.example.org")}
			s.d = n.deliverer()
			if tc.secure {
				s.d.Resolver = s.s
			}
			if tc.sts != "" {
				n.txt["_mta-sts.example.org."] = []string{"v=STSv1; id=1;"}
				s.d.MTASTS = sts(tc.sts)
			}
			n.names("mx1.example.org", "192.0.2.1")
			if tc.set != nil {
				tc.set(s)
			}
			n.host("x.example", "192.0.2.1", s.h)
			s.d.TLS = func(domain string) outbound.TLSPolicy {
				require.Equal(t, "example.org", domain)
				return tc.policy
			}
			env := envelope(t, "bob@example.org")
			env.Mail.RequireTLS = tc.require
			out, err := s.d.Deliver(t.Context(), env, strings.NewReader(message))
			require.Len(t, out.Attempts, 1)
			a := out.Attempts[0]
			if tc.by == "" {
				tc.by = outbound.PolicyNone
			}
			require.Equal(t, tc.by, a.Policy)
			if want, ok := results[tc.name]; ok {
				require.Equal(t, want, a.TLSResult(), a.TLSErr)
			}
			if tc.fails != "" {
				require.Error(t, err)
				reply := smtpclient.Diagnose(err)
				require.Equal(t, tc.fails, reply.Enhanced.String(), err)
				if a.TLSErr != nil && !errors.Is(a.TLSErr, outbound.ErrSTSHost) {
					require.Contains(t, reply.Text, a.TLSErr.Error()) // the reason
				}
				require.Empty(t, s.h.messages())
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.security, a.Security, a.Security)
			require.Equal(t, tc.tlsErr, a.TLSErr != nil, a.TLSErr)
			require.Len(t, s.h.messages(), 1)
			require.Equal(t, tc.security > outbound.Cleartext, s.h.messages()[0].tls)
			require.Equal(t, tc.require, s.h.messages()[0].mail.RequireTLS)
		})
	}
}

// A second host is taken when the first fails the domain's policy.
func TestTLSPolicyNextHost(t *testing.T) {
	n := newLab(t)
	n.domain("example.org", "10 evil.example.org.", "20 mx1.example.org.")
	evil := n.host("evil.example.org", "192.0.2.66", &mailHost{tls: n.tls("evil.example.org")})
	good := n.host("mx1.example.org", "192.0.2.1", &mailHost{tls: n.tls("mx1.example.org")})
	n.txt["_mta-sts.example.org."] = []string{"v=STSv1; id=1;"}
	d := n.deliverer()
	d.MTASTS = sts(stsText)
	out, err := deliver(t, d, "bob@example.org")
	require.NoError(t, err)
	require.ErrorIs(t, out.Attempts[0].Err, outbound.ErrSTSHost)
	require.Zero(t, evil.seen)
	require.Len(t, good.messages(), 1)
}

// That TLS is refused for good is no reason to give the message up.
func TestStartTLSRefused(t *testing.T) {
	n := newLab(t)
	n.domain("example.org", "10 mx1.example.org.")
	n.script("mx1.example.org", "192.0.2.1", "S: 220 x\nC* EHLO\nS: 250-x\nS: 250 STARTTLS\nC: STARTTLS\nS: 554 no\nC: QUIT\nS: 221 bye")
	d := n.deliverer()
	d.TLS = func(string) outbound.TLSPolicy { return outbound.TLSEncrypted }
	_, err := deliver(t, d, "bob@example.org")
	require.ErrorIs(t, err, outbound.ErrTLSNeeded)
	require.ErrorContains(t, err, "554 no")
	reply := smtpclient.Diagnose(err)
	require.Equal(t, smtp.EnhancedCode{4, 7, 5}, reply.Enhanced)
	require.Contains(t, reply.Text, "554 no")
	require.True(t, smtpclient.Temporary(err))
}
