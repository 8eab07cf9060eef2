package smtpclient_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
)

func TestDiagnose(t *testing.T) {
	require.Nil(t, smtpclient.Diagnose(nil))
	require.False(t, smtpclient.Temporary(nil))
	refused := &smtp.Error{Code: 550, Enhanced: smtp.EnhancedCode{5, 1, 1}, Text: "no"}
	cases := []struct {
		err  error
		want string
	}{
		{refused, "550 5.1.1"},
		{&smtp.Error{Code: 354}, "451"},
		{&smtp.UnsupportedError{Extension: smtp.ExtSMTPUTF8}, "553 5.6.7"},
		{&smtp.UnsupportedError{Extension: smtp.Ext8BitMIME}, "554 5.6.3"},
		{&smtp.UnsupportedError{Extension: smtp.ExtRequireTLS}, "550 5.7.30"},
		{&smtp.UnsupportedError{Extension: smtp.ExtDeliverBy}, "550 5.3.3"},
		{smtpclient.ErrTooLarge, "552 5.3.4"},
		{smtp.ErrNeedsUTF8, "553 5.6.7"},
		{smtp.ErrBadDomain, "553 5.1.3"},
		{&net.DNSError{IsTimeout: true}, "451 4.4.3"},
		{&net.OpError{Op: "dial", Err: errors.New("refused")}, "451 4.4.1"},
		{&net.OpError{Op: "read", Err: errors.New("reset")}, "451 4.4.2"},
		{io.ErrUnexpectedEOF, "451 4.4.2"},
		{smtpclient.ErrClosed, "451 4.4.2"},
		{smtp.ErrBadReply, "451 4.5.0"},
		{smtpclient.ErrNullMX, "556 5.1.10"},
		{smtpclient.ErrRequireTLS, "550 5.7.10"},
		{fmt.Errorf("%w: %w", smtpclient.ErrTLSNeeded, refused), "451 4.7.5"},
		{x509.HostnameError{Certificate: &x509.Certificate{}}, "451 4.7.5"},
		{smtpclient.ErrSTSCache, "451 4.4.0"},
		{errors.New("whatever"), "451 4.4.0"},
	}
	for _, tc := range cases {
		err := fmt.Errorf("trying: %w", tc.err)
		e := smtpclient.Diagnose(err)
		require.True(t, strings.HasPrefix(e.Error(), tc.want), "%v: %v", tc.err, e)
		require.Equal(t, tc.want[0] == '4', smtpclient.Temporary(err))
	}
}

// Servers on loopback addresses and a port of their own, without a dialer.
func TestDeliverPort(t *testing.T) {
	n := newLab(t)
	n.domain("example.org", "10 mx1.example.org.")
	h := n.host("x.example", "192.0.2.1", nil)
	real := netip.MustParseAddrPort(n.hosts[netip.MustParseAddr("192.0.2.1")])
	n.names("mx1.example.org", real.Addr().String())
	d := n.deliverer()
	d.Options.Dialer = nil
	d.Port, d.Network, d.Allow = real.Port(), "tcp4", func(a netip.Addr) bool { return a.IsLoopback() }
	d.Self = func(string) bool { return false }
	attempts := 0
	d.OnAttempt = func(_ context.Context, a *smtpclient.Attempt) { attempts++ }
	_, err := deliver(t, d, "bob@example.org")
	require.NoError(t, err)
	require.Len(t, h.messages(), 1)
	require.Equal(t, 1, attempts)

	_, err = d.Deliver(t.Context(), &smtpclient.Envelope{}, strings.NewReader(message))
	require.Error(t, err)
}
