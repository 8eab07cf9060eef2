package grammar

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

func TestAuthentication(t *testing.T) {
	p := newPeer("dGVzdA== \r\n*\r\n\r\nz NOOP\r\n", wire.LimitsBeforeLogin())
	require.NoError(t, p.WriteChallenge("aGk="))
	require.NoError(t, p.WriteChallenge(""))
	require.Equal(t, "+ aGk=\r\n+ \r\n", p.out.String())
	for _, want := range []string{"dGVzdA== ", "*", ""} {
		b, err := p.ReadResponse()
		require.NoError(t, err)
		require.Equal(t, want, string(b))
	}
	inStep(t, p)
}
