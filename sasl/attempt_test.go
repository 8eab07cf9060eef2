package sasl

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// The line of a log tells which connection of which service it was, and the zero
// value is a line too.
func TestAttemptLogValue(t *testing.T) {
	remote := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 5}
	for want, a := range map[string]Attempt{
		"a.service=imap a.conn=7 a.remote=192.0.2.1:5 a.mechanism=PLAIN a.user=tim": {
			Conn: Conn{Service: "imap", ID: "7", RemoteAddr: remote}, Mechanism: "PLAIN", Identity: "tim"},
		`a.service=pop a.conn=8 a.mechanism=USER a.failures=2 a.error="sasl: authentication failed"`: {
			Conn: Conn{Service: "pop", ID: "8"}, Mechanism: "USER", Err: ErrAuthFailed, Failures: 2},
		"": {},
	} {
		var b strings.Builder
		log := slog.New(slog.NewTextHandler(&b, nil))
		log.Info("login", "a", a)
		_, got, _ := strings.Cut(strings.TrimSpace(b.String()), "msg=login")
		require.Equal(t, want, strings.TrimSpace(got))
	}
}

func TestSlowDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			attempt Attempt
			want    time.Duration
		}{
			{Attempt{Identity: "alice"}, 0},
			{Attempt{Err: ErrAuthFailed, Failures: 1}, time.Second},
			{Attempt{Err: ErrAuthFailed, Failures: 3}, 4 * time.Second},
			{Attempt{Err: ErrAuthFailed, Failures: 1000}, 16 * time.Second},
		} {
			began := time.Now()
			SlowDown(t.Context(), tt.attempt)
			require.Equal(t, tt.want, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		began := time.Now()
		SlowDown(ctx, Attempt{Err: ErrAuthFailed, Failures: 9})
		require.Equal(t, time.Millisecond, time.Since(began))
	})
}
