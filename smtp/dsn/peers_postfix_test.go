package dsn_test

import (
	"context"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/peers"
	"github.com/posthorn-mail/posthorn/mailbox/message"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/dsn"
	"github.com/posthorn-mail/posthorn/smtp/outbound"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
)

// loopbackDNS leads every domain to this host.
type loopbackDNS struct{}

func (loopbackDNS) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	return []*net.MX{{Host: "localhost.", Pref: 10}}, nil
}
func (loopbackDNS) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
}
func (loopbackDNS) LookupTXT(_ context.Context, name string) ([]string, error) {
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// Postfix takes what is delivered to it, and its notifications are understood;
// what we write of them it takes again.
func TestPeerPostfix(t *testing.T) {
	cert := peers.NewCertificate(t)
	d := peers.Postfix(t, cert, "virtual_alias_maps = inline:{broken@example.net=x@broken.example}\ntransport_maps = inline:{ {broken.example = error:5.2.1 mailbox disabled} }", "")
	port, err := strconv.ParseUint(strings.TrimPrefix(d.Addr("smtp"), "127.0.0.1:"), 10, 16)
	require.NoError(t, err)
	deliverer := &outbound.Deliverer{
		Resolver: loopbackDNS{}, Port: uint16(port), Allow: func(a netip.Addr) bool { return a.IsLoopback() },
		TLS:     func(string) outbound.TLSPolicy { return outbound.TLSVerified },
		Options: smtpclient.Options{LocalName: "client.example.org", TLSConfig: cert.Client},
	}
	carol, err := smtp.ParseAddress("carol@example.net")
	require.NoError(t, err)
	send := func(env *smtpclient.Envelope, text string) *outbound.Delivery {
		t.Helper()
		out, err := deliverer.Deliver(t.Context(), env, strings.NewReader(text))
		require.NoError(t, err)
		require.Equal(t, outbound.VerifiedPKIX, out.Attempts[0].Security)
		return out
	}
	seen := map[string]bool{}
	next := func() string { // the message to carol that came
		t.Helper()
		for _, m := range d.Maildir(t, filepath.Join(d.Dir, "mail/carol"), len(seen)+1) {
			if !seen[m] {
				seen[m] = true
				return m
			}
		}
		t.Fatal("no new message")
		return ""
	}

	for _, to := range []string{"bob@example.net", "broken@example.net"} {
		a, err := smtp.ParseAddress(to)
		require.NoError(t, err)
		env := &smtpclient.Envelope{From: carol, To: []smtp.Address{a}}
		env.Mail.EnvelopeID, env.Mail.Return = "q 17", smtp.ReturnFull
		notify := smtp.NotifySuccess
		if to == "broken@example.net" {
			notify = smtp.NotifyFailure
		}
		env.Rcpt = []smtp.RcptOptions{{Notify: notify, Original: smtp.OriginalOf(a)}}
		out := send(env, peers.Messages(false)[0].Text)
		require.True(t, out.Attempts[0].Notify)
		text := next()
		sum, _, err := message.Parse(strings.NewReader(text), nil)
		require.NoError(t, err)
		report, err := dsn.Parse(strings.NewReader(text), sum)
		require.NoError(t, err)
		require.Equal(t, "q 17", report.EnvelopeID)
		require.Equal(t, dsn.MTA{Type: "dns", Name: "postfix.example.com"}, report.ReportingMTA)
		require.False(t, report.Arrival.IsZero())
		require.Len(t, report.Recipients, 1)
		r := report.Recipients[0]
		require.Equal(t, dsn.AddressOf(a), r.Original)
		require.NotNil(t, dsn.Original(sum.Root))
		if to == "bob@example.net" {
			require.Equal(t, dsn.Delivered, r.Action)
			require.Equal(t, uint16(2), r.Status[0])
			continue
		}
		require.Equal(t, dsn.Failed, r.Action)
		require.Equal(t, smtp.EnhancedCode{5, 2, 1}, r.Status)
		require.Equal(t, "x-postfix", r.Diagnostic.Type)
		require.Contains(t, r.Diagnostic.Text, "mailbox disabled")

		// One of ours goes the same way.
		var ours strings.Builder
		_, err = (&dsn.Message{To: carol, Report: *report, Original: strings.NewReader(peers.Messages(false)[0].Text), Return: smtp.ReturnFull}).WriteTo(&ours)
		require.NoError(t, err)
		send(&smtpclient.Envelope{To: []smtp.Address{carol}}, ours.String())
		again, err := dsn.Parse(strings.NewReader(next()), nil)
		require.NoError(t, err)
		requireReport(t, report, again)
	}
}
