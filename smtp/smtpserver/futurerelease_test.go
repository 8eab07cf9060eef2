package smtpserver_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

// holder is a Backend that holds messages, and has params for that.
type holder struct{ params string }

func (h holder) Extensions() smtp.ExtensionSet                             { return smtp.ExtensionsOf(smtp.ExtFutureRelease) }
func (h holder) ExtensionParams(e smtp.Extension) string                   { return h.params }
func (holder) Mail(context.Context, smtp.Address, *smtp.MailOptions) error { return nil }
func (holder) Rcpt(context.Context, smtp.Address, *smtp.RcptOptions) error { return nil }
func (holder) Data(_ context.Context, r io.Reader) error                   { return nil }
func (holder) Reset(context.Context)                                       {}
func (holder) Close() error                                                { return nil }
func (h holder) NewSession(context.Context, *smtpserver.Conn) (smtpserver.Session, error) {
	return h, nil
}

// FUTURERELEASE comes with its parameters, from the Backend or else from the limits,
// or not at all; the client knows before it sends what would be refused.
func TestFutureRelease(t *testing.T) {
	for _, tc := range []struct {
		params  string
		hold    time.Duration
		offered time.Duration
	}{
		{"", 0, 0},
		{"nonsense", 0, 0},
		{"600", 0, 0},
		{"0 2030-01-01T00:00:00Z", 0, 0},
		{"600 2099-01-01T00:00:00Z", time.Hour, 600 * time.Second},
		{"", time.Hour, time.Hour},
		{"nonsense", time.Hour, time.Hour},
		{"", time.Hour + time.Millisecond, time.Hour},
		{"", -1, 0},
	} {
		srv := &smtpserver.Server{Backend: holder{tc.params}, Limits: smtpserver.Limits{Hold: tc.hold}}
		c, err := smtpclient.Dial(t.Context(), start(t, srv), nil)
		require.NoError(t, err)
		defer c.Close()
		f := c.Features()
		r, ok := f.FutureRelease()
		require.Equal(t, tc.offered > 0, f.Has(smtp.ExtFutureRelease), tc.params)
		require.Equal(t, tc.offered > 0, ok)
		require.Equal(t, tc.offered, r.Interval)
		if params, _ := f.Param("FUTURERELEASE"); strings.HasSuffix(tc.params, "Z") && ok {
			require.Equal(t, tc.params, params)
		}
		send := func(o smtp.MailOptions) error {
			env, err := smtpclient.ParseEnvelope("a@example.org", "b@example.org")
			require.NoError(t, err)
			env.Mail = o
			_, err = c.Send(t.Context(), env, strings.NewReader("\r\n"))
			return err
		}
		if !ok {
			var e *smtp.UnsupportedError
			require.ErrorAs(t, send(smtp.MailOptions{HoldFor: time.Second}), &e)
			continue
		}
		require.NoError(t, send(smtp.MailOptions{}))
		require.NoError(t, send(smtp.MailOptions{HoldFor: tc.offered}))
		require.NoError(t, send(smtp.MailOptions{HoldUntil: r.Until}))
		require.NoError(t, send(smtp.MailOptions{HoldUntil: time.Unix(1, 0)}), "released at once")
		for _, o := range []smtp.MailOptions{{HoldFor: tc.offered + time.Second}, {HoldUntil: r.Until.Add(time.Second)}} {
			err := send(o)
			require.ErrorIs(t, err, smtpclient.ErrHold)
			require.Equal(t, 501, smtpclient.Diagnose(err).Code)
			require.NoError(t, c.Err())
		}
	}
}
