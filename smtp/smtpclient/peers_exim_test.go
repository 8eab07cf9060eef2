package smtpclient_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/peers"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
)

func TestPeerExim(t *testing.T) {
	cert := peers.NewCertificate(t)
	d := peers.Exim(t, cert, "", "", "")
	came := 0
	arrived := func(t *testing.T, n int) []string {
		t.Helper()
		return d.Maildir(t, filepath.Join(d.Dir, "mail/bob"), n)
	}
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			messages := w.messages()
			sendMessages(t, d, w, cert, messages, "bob@example.net")
			came += len(messages)
			got := arrived(t, came)
			for _, msg := range messages {
				peers.Same(t, msg, peers.Find(t, msg, got))
			}
		})
	}
	t.Run("refusals", func(t *testing.T) {
		for _, chunking := range []bool{false, true} {
			o := &smtpclient.Options{Chunking: chunking}
			converse(t, o)
			c, err := smtpclient.Dial(t.Context(), d.Addr("smtp"), o)
			require.NoError(t, err)
			defer c.Close()
			tooLarge := 25 << 20
			if chunking {
				// Once a chunk exceeds its limit, Exim 4.96 takes the next that
				// was pipelined for a breach of the protocol.
				tooLarge = 0
			}
			came += refusals(t, c, tooLarge)
			require.NoError(t, c.Quit(t.Context()))
			arrived(t, came)
		}
	})
	t.Run("auth", func(t *testing.T) { logins(t, d.Addr("smtp"), cert, "PLAIN", "LOGIN", "CRAM-MD5") })
	t.Run("smtputf8", func(t *testing.T) {
		o := &smtpclient.Options{}
		v := converse(t, o)
		c, err := smtpclient.Dial(t.Context(), d.Addr("smtp"), o)
		require.NoError(t, err)
		defer c.Close()
		msg := peers.Message{Name: "Grüße", Text: strings.Replace(peers.Messages(false)[0].Text, "Subject: plain", "Subject: Grüße", 1)}
		_, err = c.Send(t.Context(), &smtpclient.Envelope{From: addr(t, "jürgen@example.org"), To: addrs(t, "bob@example.net")}, strings.NewReader(msg.Text))
		require.NoError(t, err)
		require.Contains(t, v.String(), "BODY=8BITMIME SMTPUTF8")
		came++
		peers.Same(t, msg, peers.Find(t, msg, arrived(t, came)))
	})
}
