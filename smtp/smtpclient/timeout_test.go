package smtpclient_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
)

// Each phase has its limit (RFC 5321 §4.5.3.2), in fake time.
func TestTimeouts(t *testing.T) {
	for _, tc := range []struct {
		name, script string
		want         time.Duration
		status       smtpclient.Status
	}{
		{"greeting", "", 5 * time.Minute, 0},
		{"EHLO", "S: 220 x\nC* EHLO", 5 * time.Minute, 0},
		{"MAIL", plain + "C* MAIL", 5 * time.Minute, smtpclient.NotAttempted},
		{"RCPT", plain + "C* MAIL\nS: 250 ok\nC* RCPT", 5 * time.Minute, smtpclient.NotAttempted},
		{"DATA", plain + "C* MAIL\nS: 250 ok\nC* RCPT\nS: 250 ok\nC: DATA", 2 * time.Minute, smtpclient.NotAttempted},
		{"block", plain + "C* MAIL\nS: 250 ok\nC* RCPT\nS: 250 ok\nC: DATA\nS: 354 go", 3*time.Minute + 10*time.Second, smtpclient.NotAttempted},
		{"end", plain + "C* MAIL\nS: 250 ok\nC* RCPT\nS: 250 ok\nC: DATA\nS: 354 go\nBODY", 10 * time.Minute, smtpclient.Unknown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := net.Pipe()
				done := make(chan struct{})
				go func() {
					defer close(done)
					testutil.Play(b, tc.script) // and then it says nothing more, and reads nothing
				}()
				began := time.Now()
				c, err := smtpclient.NewClient(context.Background(), a, &smtpclient.Options{LocalName: "client.example"})
				if err == nil {
					var res *smtpclient.Result
					res, err = c.Send(context.Background(), &smtpclient.Envelope{To: addrs(t, "b@c.example")}, strings.NewReader(message))
					require.Equal(t, tc.status, res.Recipients[0].Status)
					require.ErrorIs(t, c.Noop(context.Background()), smtpclient.ErrClosed)
				}
				require.ErrorContains(t, err, "time limit exceeded")
				require.Equal(t, tc.want, time.Since(began))
				b.Close()
				<-done
			})
		})
	}
}

// The handshake of a connection that is given has its limit.
func TestHandshakeTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		defer b.Close()
		go io.Copy(io.Discard, b)
		began := time.Now()
		o := &smtpclient.Options{TLSConfig: &tls.Config{ServerName: "mail.example.org"}}
		_, err := smtpclient.NewClient(context.Background(), tls.Client(a, o.TLSConfig), o)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Equal(t, 30*time.Second, time.Since(began))
	})
}

// The context is above all limits.
func TestContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		defer b.Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := smtpclient.NewClient(ctx, a, nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Second, time.Since(began))
	})
}
