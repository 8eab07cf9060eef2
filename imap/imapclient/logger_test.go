package imapclient_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapclient"
)

// asking is a slog.Handler that asks the Client about its state.
type asking struct {
	slog.Handler
	c    chan *imapclient.Client
	told chan string
}

func (a *asking) Enabled(context.Context, slog.Level) bool { return true }

func (a *asking) Handle(_ context.Context, r slog.Record) error {
	c := <-a.c
	a.told <- r.Message
	_, err := c.Capabilities(), c.Err()
	a.c <- c
	return err
}

// What is logged is logged without a lock, so that the Logger may ask the Client.
func TestLogger(t *testing.T) {
	a := &asking{c: make(chan *imapclient.Client, 1), told: make(chan string, 3)}
	c := scripted(t, "IDLE", `
C: {{t:}} NOOP
S: * NO the disk is nearly full
S: * (not a response
S: x1 OK nobody has asked
S: ${t} OK done
`, &imapclient.Options{Logger: slog.New(a)})
	a.c <- c
	require.NoError(t, c.Noop(t.Context()))
	require.Equal(t, "warning of the server", <-a.told)
	require.Equal(t, "unreadable response", <-a.told)
	require.Equal(t, "response to an unknown tag", <-a.told)
}
