package smtpclient_test

import (
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
	s := newMailServer(peers.DovecotLMTP(t, cert), cert)
	for _, w := range ways {
		if w.service == "smtps" {
			continue
		}
		w.service, w.options.LMTP = "lmtp", true
		if w.name == "starttls" || w.name == "chunking, one by one" {
			w.dial = smtpclient.Dial // Dovecot offers no STARTTLS here
			w.has = "LHLO "
		}
		t.Run(w.name, func(t *testing.T) { s.takes(t, w, w.messages()) })
	}
	for _, chunking := range []bool{false, true} {
		c, _ := s.dial(t, "lmtp", &smtpclient.Options{LMTP: true, Chunking: chunking})
		text := peers.Messages(false)[0].Text
		for range 2 {
			res, err := c.Send(t.Context(), &smtpclient.Envelope{From: addr(t, "alice@example.org"),
				To: addrs(t, "full@example.net", "bob@example.net", "nobody@example.net", "carol@example.net", "full@example.net")}, strings.NewReader(text))
			require.ErrorIs(t, err, smtpclient.ErrPartial)
			s.came++
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
		s.bob(t, s.came)
	}
}
