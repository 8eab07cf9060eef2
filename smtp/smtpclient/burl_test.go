package smtpclient_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
)

func TestSendURL(t *testing.T) {
	ctx := context.Background()
	const url = "imap://harry@gryffindor.example.com/outbox;uidvalidity=1078863300/;uid=25;urlauth=submit+harry:internal:91354a473744909de610943775f92038"
	var mu sync.Mutex
	var trace strings.Builder
	c, err := smtpclient.NewClient(ctx, testutil.Script(t, `S: 220 hi
C* EHLO
S: 250-x
S: 250-PIPELINING
S: 250 BURL imap
C* MAIL FROM:<a@b.example>
C* RCPT TO:<c@d.example>
C* RCPT TO:<e@f.example>
S: 250 ok
S: 250 ok
S: 550 5.1.1 no
C: BURL `+url+` LAST
S: 250 2.5.0 Waiting to send
C* MAIL
C* RCPT
S: 250 ok
S: 250 ok
C: BURL imap://gone LAST
S: 554 5.6.6 IMAP URL resolution failed
C: NOOP
S: 250 ok`), &smtpclient.Options{Trace: tracer(&mu, &trace)})
	require.NoError(t, err)
	defer c.Close()

	env := &smtpclient.Envelope{From: addr(t, "a@b.example"), To: addrs(t, "c@d.example", "e@f.example")}
	res, err := c.SendURL(ctx, env, url)
	require.ErrorIs(t, err, smtpclient.ErrPartial)
	require.Equal(t, smtpclient.Accepted, res.Recipients[0].Status)
	require.Equal(t, smtpclient.Rejected, res.Recipients[1].Status)

	env.To = env.To[:1]
	res, err = c.SendURL(ctx, env, "imap://gone")
	var e *smtp.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, 554, e.Code)
	require.Equal(t, smtpclient.Rejected, res.Recipients[0].Status)

	for _, bad := range []string{"", "imap://a b", "imap://a\r\nDATA", "imap://ü"} {
		res, err = c.SendURL(ctx, env, bad)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "imap:")
		require.Equal(t, smtpclient.NotAttempted, res.Recipients[0].Status)
	}
	require.NoError(t, c.Noop(ctx))
	// RFC 4468 §8: the URL is a secret.
	mu.Lock()
	require.Contains(t, trace.String(), "BURL ***\n")
	require.NotContains(t, trace.String(), "imap:")
	mu.Unlock()

	c, err = smtpclient.NewClient(ctx, testutil.Script(t, pipelining), nil)
	require.NoError(t, err)
	defer c.Close()
	_, err = c.SendURL(ctx, env, url)
	var missing *smtp.UnsupportedError
	require.ErrorAs(t, err, &missing)
	require.Equal(t, smtp.ExtBURL, missing.Extension)
}
