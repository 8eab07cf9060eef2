package sasl

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

// lines answers challenges with lines, then with an error.
func lines(err error, list ...string) func(string) ([]byte, error) {
	return func(string) ([]byte, error) {
		if len(list) == 0 {
			return nil, err
		}
		line := list[0]
		list = list[1:]
		return []byte(line), nil
	}
}

// proving is a mechanism that has data to send with success.
type proving struct{ Server }

func (proving) Next(context.Context, []byte) ([]byte, bool, error) { return []byte("proof"), true, nil }
func (proving) Identity() string                                   { return "tim" }

func TestServe(t *testing.T) {
	ctx := context.Background()
	down := AuthFunc(func(context.Context, string, string) (string, error) { return "", io.ErrUnexpectedEOF })
	plain := func(a Authenticator) Server {
		s, err := NewServer("PLAIN", a, Conn{TLS: under})
		require.NoError(t, err)
		return s
	}
	users := testUsers(t)
	for _, tc := range []struct {
		name    string
		mech    Server
		initial []byte
		ask     func(string) ([]byte, error)
		want    string
		err     error
	}{
		{"initial response", plain(users), []byte("\x00tim\x00tanstaaftanstaaf"), nil, "tim", nil},
		{"response", plain(users), nil, lines(nil, "AHRpbQB0YW5zdGFhZnRhbnN0YWFm "), "tim", nil},
		{"wrong", plain(users), []byte("\x00tim\x00x"), nil, "", ErrAuthFailed},
		{"cancelled", plain(users), nil, lines(nil, "*"), "", ErrCancelled},
		{"no base64", plain(users), nil, lines(nil, "!"), "", ErrMalformed},
		{"empty initial response", plain(users), []byte{}, nil, "", ErrMalformed},
		{"connection lost", plain(users), nil, lines(io.EOF), "", ErrCancelled},
		{"connection lost, and how", plain(users), nil, lines(io.EOF), "", io.EOF},
		{"line refused", plain(users), nil, lines(malformed("too long")), "", ErrMalformed},
		{"outage", plain(down), []byte("\x00tim\x00x"), nil, "", ErrUnavailable},
		{"proof taken", proving{}, nil, lines(nil, ""), "tim", nil},
		{"proof answered", proving{}, nil, lines(nil, "YQ=="), "", ErrMalformed},
		{"proof refused", proving{}, nil, lines(nil, "*"), "", ErrCancelled},
	} {
		id, err := Serve(ctx, tc.mech, tc.initial, tc.ask)
		require.ErrorIs(t, err, tc.err, tc.name)
		require.Equal(t, tc.want, id, tc.name)
		if tc.err == nil {
			require.NoError(t, err, tc.name)
		}
	}
}

// A refused token is told in a challenge. To give up then is no way round the
// limit.
func TestServeCancelledAfterChallenge(t *testing.T) {
	ctx := context.Background()
	mech, err := NewServer("OAUTHBEARER", everything{testUsers(t)}, Conn{TLS: under})
	require.NoError(t, err)
	var told string
	attempts := Attempts{MaxFailures: 1, OnAuth: func(context.Context, Attempt) {}}
	err = attempts.Try(ctx, Conn{}, "OAUTHBEARER", func() (string, error) {
		return Serve(ctx, mech, []byte("n,,\x01auth=Bearer bad\x01\x01"), func(challenge string) ([]byte, error) {
			b, err := base64.StdEncoding.DecodeString(challenge)
			told = string(b)
			return []byte("*"), err
		})
	}, nil)
	require.ErrorIs(t, err, ErrCancelled)
	require.Contains(t, told, "invalid_token")
	require.True(t, attempts.TooMany())
}

func TestAttempts(t *testing.T) {
	ctx := context.Background()
	var heard []Attempt
	attempts := Attempts{MaxFailures: 5, OnAuth: func(_ context.Context, a Attempt) { heard = append(heard, a) }}
	inUse := errors.New("in use")
	for _, tc := range []struct {
		name        string
		check, open error
		failures    int
		heard       bool
	}{
		{"wrong", ErrAuthFailed, nil, 1, true},
		{"denied", ErrAuthzDenied, nil, 2, true},
		{"expired", ErrExpired, nil, 3, true},
		{"authenticator out of service", ErrUnavailable, nil, 3, true},
		{"store out of service", nil, io.ErrUnexpectedEOF, 3, true},
		{"account in use", nil, inUse, 3, true},
		{"unknown mechanism", ErrUnsupported, nil, 3, false},
		{"needs TLS", ErrEncryptionNeeded, nil, 3, false},
		{"success", nil, nil, 3, true},
		{"malformed", malformed("x"), nil, 4, true},
		{"denied by the account", nil, ErrAuthzDenied, 5, true},
	} {
		require.False(t, attempts.TooMany(), tc.name)
		heard = nil
		err := attempts.Try(ctx, Conn{Service: "imap"}, "X", func() (string, error) { return "tim", tc.check },
			func(id string) error { require.Equal(t, "tim", id); return tc.open })
		want := tc.check
		if want == nil {
			want = tc.open
		}
		require.Equal(t, want, err, tc.name)
		require.Equal(t, tc.heard, len(heard) == 1, tc.name)
		if !tc.heard {
			continue
		}
		identity := ""
		if err == nil {
			identity = "tim"
		}
		require.Equal(t, Attempt{Conn: Conn{Service: "imap"}, Mechanism: "X", Identity: identity, Err: err, Failures: tc.failures}, heard[0], tc.name)
	}
	require.True(t, attempts.TooMany())

	unlimited := Attempts{MaxFailures: -1, OnAuth: func(context.Context, Attempt) {}, failures: 1000}
	require.False(t, unlimited.TooMany())
	require.True(t, (&Attempts{failures: DefaultMaxFailures}).TooMany())
}
