package imapclient_test

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapclient"
)

// srvRecords answers LookupSRV by service and name. It must stand concurrent use.
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

func TestLookup(t *testing.T) {
	r := srvRecords{
		"imaps tcp example.com.":       {{Target: "imap.example.com.", Port: 993}},
		"imap tcp example.com.":        {{Target: "imap.example.com.", Port: 143}},
		"submissions tcp example.com.": {{Target: "mail.example.net.", Port: 465}},
		"imaps tcp one.test.":          {{Target: "one.test.", Port: 993}},
		"imap tcp none.test.":          {{Target: "."}},
		"submission tcp none.test.":    {{Target: "."}},
		"imaps tcp half.test.":         nil,
		"submission tcp half.test.":    {{Target: "half.test.", Port: 587}},
		"imaps tcp broken.test.":       nil,
	}
	got, err := imapclient.Lookup(t.Context(), r, "example.com")
	require.NoError(t, err)
	require.Equal(t, &imapclient.Servers{
		IMAP:       []imapclient.Server{{Addr: "imap.example.com:993", TLS: true}, {Addr: "imap.example.com:143"}},
		Submission: []imapclient.Server{{Addr: "mail.example.net:465", TLS: true, Foreign: true}},
	}, got)
	got, err = imapclient.Lookup(t.Context(), r, "one.test")
	require.NoError(t, err)
	require.Equal(t, &imapclient.Servers{IMAP: []imapclient.Server{{Addr: "one.test:993", TLS: true}}}, got)
	got, err = imapclient.Lookup(t.Context(), r, "none.test")
	require.NoError(t, err)
	require.Equal(t, &imapclient.Servers{NoIMAP: true, NoSubmission: true}, got)
	var dns *net.DNSError
	got, err = imapclient.Lookup(t.Context(), r, "half.test")
	require.ErrorAs(t, err, &dns)
	require.True(t, dns.IsTemporary)
	require.Equal(t, []imapclient.Server{{Addr: "half.test:587"}}, got.Submission)
	_, err = imapclient.Lookup(t.Context(), r, "broken.test")
	require.ErrorAs(t, err, &dns)
	require.True(t, dns.IsTemporary)
	_, err = imapclient.Lookup(t.Context(), r, "silent.test")
	require.ErrorAs(t, err, &dns)
	require.True(t, dns.IsNotFound)
	_, err = imapclient.Lookup(t.Context(), r, "no domain")
	require.Error(t, err)
}
