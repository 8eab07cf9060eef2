package smtpclient_test

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
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
		{x509.HostnameError{Certificate: &x509.Certificate{}}, "451 4.7.5"},
		{errors.New("whatever"), "451 4.4.0"},
	}
	for _, tc := range cases {
		err := fmt.Errorf("trying: %w", tc.err)
		e := smtpclient.Diagnose(err)
		require.True(t, strings.HasPrefix(e.Error(), tc.want), "%v: %v", tc.err, e)
		require.Equal(t, tc.want[0] == '4', smtpclient.Temporary(err))
	}
}
