package smtpclient_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/peers"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
)

func TestPeerExim(t *testing.T) {
	cert := peers.NewCertificate(t)
	s := newMailServer(peers.Exim(t, cert, "", "", ""), cert)
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) { s.takes(t, w, w.messages()) })
	}
	t.Run("refusals", func(t *testing.T) {
		s.refuses(t, &smtpclient.Options{}, 25<<20)
		// Once a chunk exceeds its limit, Exim 4.96 takes the next that was
		// pipelined for a breach of the protocol.
		s.refuses(t, &smtpclient.Options{Chunking: true}, 0)
	})
	t.Run("auth", func(t *testing.T) { logins(t, s.Addr("smtp"), cert, "PLAIN", "LOGIN", "CRAM-MD5") })
	t.Run("smtputf8", func(t *testing.T) {
		msg, v := s.takesUTF8(t, "bob@example.net")
		require.Contains(t, v.String(), "BODY=8BITMIME SMTPUTF8")
		s.came++
		peers.Same(t, msg, peers.Find(t, msg, s.bob(t, s.came)))
	})
}
