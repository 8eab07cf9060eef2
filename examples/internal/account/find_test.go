package account

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapclient"
)

// records answers LookupSRV by service and name.
type records map[string][]*net.SRV

func (r records) LookupSRV(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
	if r == nil {
		return "", nil, errors.New("no network")
	}
	if found, ok := r["_"+service+"._"+proto+"."+name]; ok {
		return "", found, nil
	}
	return "", nil, &net.DNSError{Name: name, IsNotFound: true}
}

func TestFind(t *testing.T) {
	dns := records{
		"_imaps._tcp.both.example.":          {{Target: "In.Both.example.", Port: 9993}},
		"_imap._tcp.both.example.":           {{Target: "other.both.example.", Port: 143}},
		"_imaps._tcp.starttls.example.":      {{Target: "."}},
		"_imaps._tcp.no.example.":            {{Target: "."}},
		"_imap._tcp.no.example.":             {{Target: "."}},
		"_imap._tcp.starttls.example.":       {{Target: "starttls.example.", Port: 143}},
		"_imaps._tcp.foreign.example.":       {{Target: "imap.big.test.", Port: 993}},
		"_imaps._tcp.xn--bcher-kva.example.": {{Target: "m.xn--bcher-kva.example.", Port: 993}},
	}
	for address, want := range map[string]imapclient.Server{
		"tim@both.example":     {Addr: "in.both.example:9993", TLS: true},
		"tim@starttls.example": {Addr: "starttls.example:143", TLS: false},
		"tim@none.example":     {Addr: "imap.none.example:993", TLS: true},
		"tim@bücher.example":   {Addr: "m.xn--bcher-kva.example:993", TLS: true},
	} {
		got, err := find(t.Context(), dns, address)
		require.NoError(t, err)
		require.Equal(t, want, got, address)
	}
	for address, want := range map[string]string{
		"tim":                 "is no address",
		"tim@":                "is no address",
		"tim@foreign.example": "imap.big.test",
		"tim@no.example":      "has no IMAP server",
	} {
		_, err := find(t.Context(), dns, address)
		require.ErrorContains(t, err, want)
	}
	_, err := find(t.Context(), records(nil), "tim@both.example")
	require.ErrorContains(t, err, "no network")
}
