package textproto_test

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/textproto"
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

func TestLookupSRV(t *testing.T) {
	r := srvRecords{
		"imaps tcp example.com.":           {{Target: "IMAP.example.com.", Port: 993}, {Target: "backup.example.net.", Port: 1993}},
		"imap tcp example.com.":            {{Target: "imap.example.com.", Port: 143}},
		"imap tcp none.test.":              {{Target: "."}},
		"imaps tcp broken.test.":           nil,
		"imaps tcp xn--bcher-kva.example.": {{Target: "xn--bcher-kva.example.", Port: 993}},
	}
	got, err := textproto.LookupSRV(t.Context(), r, "example.com", "imaps", "imap")
	require.NoError(t, err)
	require.Equal(t, []textproto.SRVServer{
		{Service: "imaps", Addr: "imap.example.com:993"},
		{Service: "imaps", Addr: "backup.example.net:1993", Foreign: true},
		{Service: "imap", Addr: "imap.example.com:143"},
	}, got)
	got, err = textproto.LookupSRV(t.Context(), r, "Bücher.example.", "imaps")
	require.NoError(t, err)
	require.Equal(t, []textproto.SRVServer{{Service: "imaps", Addr: "xn--bcher-kva.example:993"}}, got)
	_, err = textproto.LookupSRV(t.Context(), r, "none.test", "imaps", "imap")
	require.ErrorIs(t, err, textproto.ErrNoService)
	var dns *net.DNSError
	_, err = textproto.LookupSRV(t.Context(), r, "silent.test", "imaps", "imap")
	require.ErrorAs(t, err, &dns)
	require.True(t, dns.IsNotFound)
	_, err = textproto.LookupSRV(t.Context(), r, "broken.test", "imaps", "imap")
	require.ErrorAs(t, err, &dns)
	require.True(t, dns.IsTemporary)
	_, err = textproto.LookupSRV(t.Context(), r, "bad domain\r\n", "imap")
	require.Error(t, err)
}
