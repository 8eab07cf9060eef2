package grammar

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

func TestDone(t *testing.T) {
	p := newPeer("done\r\nDONE \r\nx NOOP {3+}\r\nabc\r\nz NOOP\r\n", wire.LimitsAfterLogin())
	require.NoError(t, p.ReadDone())
	require.NoError(t, p.ReadDone())
	var e *imap.Error
	require.ErrorAs(t, p.ReadDone(), &e)
	require.Equal(t, imap.BAD, e.Status)
	inStep(t, p)
}
