package smtpclient_test

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
)

// srvRecords answers LookupSRV by service and name.
type srvRecords map[string][]*net.SRV

func (r srvRecords) LookupSRV(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
	if records, ok := r[service+" "+proto+" "+name]; ok {
		if records == nil {
			return "", nil, &net.DNSError{Err: "server misbehaving", Name: name, IsTemporary: true}
		}
		return name, records, nil
	}
	return "", nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func TestLookupSubmission(t *testing.T) {
	r := srvRecords{
		// RFC 6186 §3.1, and with the service of RFC 8314 §5.1.
		"submission tcp example.com.":            {{Target: "mail.example.com.", Port: 587}},
		"submission tcp both.test.":              {{Target: "a.both.test.", Port: 587}, {Target: "provider.example.", Port: 587}},
		"submissions tcp both.test.":             {{Target: "A.both.test.", Port: 465}},
		"submission tcp none.test.":              {{Target: "."}},
		"submissions tcp ask.test.":              {{Target: "notask.test.", Port: 465}},
		"submissions tcp broken.test.":           nil,
		"submissions tcp xn--bcher-kva.example.": {{Target: "xn--bcher-kva.example.", Port: 465}},
	}
	for _, tt := range []struct {
		domain string
		want   []smtpclient.SubmissionServer
	}{
		{"example.com", []smtpclient.SubmissionServer{{Addr: "mail.example.com:587"}}},
		{"EXAMPLE.com.", []smtpclient.SubmissionServer{{Addr: "mail.example.com:587"}}},
		{"both.test", []smtpclient.SubmissionServer{{Addr: "a.both.test:465", TLS: true}, {Addr: "a.both.test:587"}, {Addr: "provider.example:587", Foreign: true}}},
		{"ask.test", []smtpclient.SubmissionServer{{Addr: "notask.test:465", TLS: true, Foreign: true}}},
		{"bücher.example", []smtpclient.SubmissionServer{{Addr: "xn--bcher-kva.example:465", TLS: true}}},
	} {
		got, err := smtpclient.LookupSubmission(t.Context(), r, tt.domain)
		require.NoError(t, err, tt.domain)
		require.Equal(t, tt.want, got, tt.domain)
	}
	_, err := smtpclient.LookupSubmission(t.Context(), r, "none.test")
	require.ErrorIs(t, err, smtpclient.ErrNoSubmission)
	var dns *net.DNSError
	_, err = smtpclient.LookupSubmission(t.Context(), r, "silent.test")
	require.True(t, errors.As(err, &dns) && dns.IsNotFound, err)
	_, err = smtpclient.LookupSubmission(t.Context(), r, "broken.test")
	require.True(t, errors.As(err, &dns) && dns.IsTemporary, err)
	_, err = smtpclient.LookupSubmission(t.Context(), r, "bad domain\r\n")
	require.Error(t, err)
}
