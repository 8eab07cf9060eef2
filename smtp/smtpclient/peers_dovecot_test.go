package smtpclient_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/peers"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
)

// Dovecot speaks LMTP, and has an answer for each recipient.
func TestPeerDovecotLMTP(t *testing.T) {
	cert := peers.NewCertificate(t)
	d := peers.DovecotLMTP(t, cert)
	came := 0
	for _, w := range ways {
		if w.service == "smtps" {
			continue
		}
		w.service, w.options.LMTP = "lmtp", true
		if w.name == "starttls" || w.name == "chunking, one by one" {
			w.dial = smtpclient.Dial // Dovecot offers no STARTTLS here
			w.has = "LHLO "
		}
		t.Run(w.name, func(t *testing.T) {
			messages := w.messages()
			sendMessages(t, d, w, cert, messages, "bob@example.net")
			came += len(messages)
			got := d.Maildir(t, filepath.Join(d.Dir, "mail/bob"), came)
			for _, msg := range messages {
				peers.Same(t, msg, peers.Find(t, msg, got))
			}
		})
	}
	for _, chunking := range []bool{false, true} {
		o := &smtpclient.Options{LMTP: true, Chunking: chunking}
		converse(t, o)
		c, err := smtpclient.Dial(t.Context(), d.Addr("lmtp"), o)
		require.NoError(t, err)
		defer c.Close()
		text := peers.Messages(false)[0].Text
		for range 2 {
			res, err := c.Send(t.Context(), &smtpclient.Envelope{From: addr(t, "alice@example.org"),
				To: addrs(t, "full@example.net", "bob@example.net", "nobody@example.net", "carol@example.net", "full@example.net")}, strings.NewReader(text))
			require.ErrorIs(t, err, smtpclient.ErrPartial)
			came++
			for i, want := range []struct {
				status smtpclient.Status
				code   smtp.EnhancedCode
			}{
				{smtpclient.Rejected, smtp.EnhancedCode{5, 2, 2}},
				{smtpclient.Accepted, smtp.EnhancedCode{}},
				{smtpclient.Rejected, smtp.EnhancedCode{5, 1, 1}},
				{smtpclient.Accepted, smtp.EnhancedCode{}},
				{smtpclient.Rejected, smtp.EnhancedCode{5, 2, 2}},
			} {
				require.Equal(t, want.status, res.Recipients[i].Status, "%d: %v", i, res.Recipients[i].Err)
				if want.status == smtpclient.Rejected {
					var refused *smtp.Error
					require.ErrorAs(t, res.Recipients[i].Err, &refused)
					require.Equal(t, want.code, refused.Enhanced)
				}
			}
			// Nobody can have it.
			_, err = c.Send(t.Context(), &smtpclient.Envelope{From: addr(t, "alice@example.org"), To: addrs(t, "full@example.net", "nobody@example.net")}, strings.NewReader(text))
			require.Error(t, err)
			require.NotErrorIs(t, err, smtpclient.ErrPartial)
			require.NoError(t, c.Noop(t.Context()))
		}
		require.NoError(t, c.Quit(t.Context()))
		d.Maildir(t, filepath.Join(d.Dir, "mail/bob"), came)
	}
}
