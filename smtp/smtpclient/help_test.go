package smtpclient_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
)

func TestHelp(t *testing.T) {
	c, err := smtpclient.NewClient(t.Context(), testutil.Script(t, plain+"C: HELP\nS: 214-commands: HELP\nS: 214 see RFC 5321\nC: HELP MAIL\nS: 211 2.0.0 MAIL FROM:<path>\nC: HELP X\nS: 504 5.5.1 no\nC: NOOP\nS: 250 ok"), nil)
	require.NoError(t, err)
	defer c.Close()
	r, err := c.Help(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, "commands: HELP\nsee RFC 5321", r.Text)
	r, err = c.Help(t.Context(), "MAIL")
	require.NoError(t, err)
	require.Equal(t, "MAIL FROM:<path>", r.Text)
	_, err = c.Help(t.Context(), "X")
	require.ErrorIs(t, err, &smtp.Error{Code: 504})
	_, err = c.Help(t.Context(), "X\r\nQUIT")
	require.ErrorContains(t, err, "printable ASCII")
	require.NoError(t, c.Noop(t.Context()))
}
