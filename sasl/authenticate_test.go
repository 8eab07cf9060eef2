package sasl

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// errNo is how the protocol of these tests says no.
var errNo = errors.New("NO")

// A lab is both ends of a protocol without a network.
type lab struct {
	a      Authenticator
	c      Conn             // of the server
	refuse map[string]error // mechanisms that the server refuses, with what that means
	begun  []string

	lines   chan string
	answers chan answer
}

type answer struct {
	text string
	done bool
	err  error
}

func (l *lab) carrier(maxInitial int) Carrier {
	return Carrier{Begin: l.begin, MaxInitial: maxInitial, Respond: func(line string) (string, bool, error) {
		l.lines <- line
		a := <-l.answers
		return a.text, a.done, a.err
	}}
}

func (l *lab) begin(mechanism string, initial []byte) (string, bool, error) {
	l.begun = append(l.begun, mechanism)
	if meaning := l.refuse[mechanism]; meaning != nil {
		return "", false, Refusal(errNo, meaning)
	}
	server, err := NewServer(mechanism, l.a, l.c)
	if err != nil {
		return "", false, Refusal(errNo, ErrUnsupported)
	}
	l.lines, l.answers = make(chan string), make(chan answer)
	go func() {
		_, err := Serve(context.Background(), server, initial, func(challenge string) ([]byte, error) {
			l.answers <- answer{text: challenge}
			return []byte(<-l.lines), nil
		})
		if err != nil {
			l.answers <- answer{err: Refusal(errNo, err)}
		} else {
			l.answers <- answer{done: true}
		}
	}()
	a := <-l.answers
	return a.text, a.done, a.err
}

func TestAuthenticate(t *testing.T) {
	a := everything{testUsers(t)}
	for _, mech := range []func() Client{
		func() Client { return Plain("", "tim", "tanstaaftanstaaf") },
		func() Client { return Login("tim", "tanstaaftanstaaf") },
		func() Client { return CramMD5("tim", "tanstaaftanstaaf") },
		func() Client { return SCRAM(SHA256, "tim", "tanstaaftanstaaf", nil) },
		func() Client { return OAuthBearer(Token{User: "tim", Bearer: "good"}) },
		func() Client { return Anonymous("") },
	} {
		for _, maxInitial := range []int{-1, 0, 5, 1000} {
			l := &lab{a: a, c: Conn{TLS: under}}
			require.NoError(t, Authenticate(mech(), Conn{TLS: under}, l.carrier(maxInitial)), mech().Name())
		}
	}
	l := &lab{a: a, c: Conn{TLS: under}}
	err := Authenticate(OAuthBearer(Token{User: "tim", Bearer: "bad"}), Conn{TLS: under}, l.carrier(1000))
	var oe *OAuthError
	require.ErrorAs(t, err, &oe)
	require.ErrorIs(t, err, errNo)
	require.ErrorIs(t, err, ErrAuthFailed)

	err = Authenticate(Plain("", "tim", "x"), Conn{}, Carrier{}) // nothing is sent
	require.ErrorIs(t, err, ErrEncryptionNeeded)
}

// script is a server that says the same whoever asks.
func script(answers ...answer) (Carrier, *[]string) {
	var sent []string
	next := func(line string) (string, bool, error) {
		sent = append(sent, line)
		a := answers[0]
		answers = answers[1:]
		return a.text, a.done, a.err
	}
	return Carrier{MaxInitial: 1000, Respond: next, Begin: func(mechanism string, initial []byte) (string, bool, error) {
		if initial != nil {
			mechanism += " " + EncodeInitial(initial)
		}
		return next(mechanism)
	}}, &sent
}

func TestAuthenticateDistrust(t *testing.T) {
	refused := answer{err: Refusal(errNo, ErrAuthFailed)}
	for _, tc := range []struct {
		name    string
		mech    Client
		answers []answer
		sent    string // the last line
		err     error
		trusted bool
	}{
		{"no base64", Plain("", "a", "b"), []answer{{text: "?"}, refused}, "*", ErrMalformed, true},
		{"unexpected challenge", Plain("", "a", "b"), []answer{{text: "eA=="}, refused}, "*", ErrMalformed, true},
		{"success after cancel", Plain("", "a", "b"), []answer{{text: "?"}, {done: true}}, "*", ErrMalformed, false},
		{"challenge after cancel", Plain("", "a", "b"), []answer{{text: "?"}, {text: ""}}, "*", ErrMalformed, false},
		{"lost after cancel", Plain("", "a", "b"), []answer{{text: "?"}, {err: io.EOF}}, "*", ErrMalformed, true},
		{"lost", Login("a", "b"), []answer{{text: ""}, {err: io.EOF}}, "YQ==", io.EOF, true},
		{"success without proof", SCRAM(SHA1, "a", "b", nil), []answer{{done: true}}, "", ErrServerUnproven, false},
		{"success for a bad token", XOAuth2("a", "b"), []answer{{text: "e30="}, {done: true}}, "", ErrAuthFailed, false},
		{"blanks around a challenge", Login("a", "b"), []answer{{text: " VXNlcm5hbWU6 "}, {text: ""}, {done: true}}, "Yg==", nil, true},
		{"empty initial response", Anonymous(""), []answer{{done: true}}, "ANONYMOUS =", nil, true},
	} {
		carry, sent := script(tc.answers...)
		err := Authenticate(tc.mech, Conn{TLS: under}, carry)
		require.ErrorIs(t, err, tc.err, tc.name)
		require.Equal(t, !tc.trusted, errors.Is(err, ErrServerUnproven), tc.name)
		if tc.sent != "" {
			require.Equal(t, tc.sent, (*sent)[len(*sent)-1], tc.name)
		}
	}
}

func TestCredentialsAuthenticate(t *testing.T) {
	ctx := context.Background()
	client, server := handshake(t, tls.VersionTLS13)
	_, elsewhere := handshake(t, tls.VersionTLS13) // TLS ends at a proxy
	without := server
	without.NoChannelBinding = true
	right := Credentials{Username: "tim", Password: "tanstaaftanstaaf"}
	wrong := Credentials{Username: "tim", Password: "x"}
	all := "SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS SCRAM-SHA-256 PLAIN LOGIN"
	for _, tc := range []struct {
		name, offered string
		cr            Credentials
		server        Conn
		refuse        map[string]error
		begun         string
		err           error
	}{
		{"strongest", all, right, server, nil, "SCRAM-SHA-256-PLUS", nil},
		{"no binding at the server", all, right, without, nil, "SCRAM-SHA-256-PLUS SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS SCRAM-SHA-1-PLUS SCRAM-SHA-256", nil},
		{"another binding at the server", all, right, elsewhere, nil, "SCRAM-SHA-256-PLUS SCRAM-SHA-256", nil},
		{"wrong password", all, wrong, server, nil, "SCRAM-SHA-256-PLUS SCRAM-SHA-256", ErrAuthFailed},
		{"wrong password without binding", "SCRAM-SHA-256 PLAIN", wrong, without, nil, "SCRAM-SHA-256", ErrAuthFailed},
		{"unknown", "SCRAM-SHA-256 PLAIN LOGIN", right, server, map[string]error{"SCRAM-SHA-256": ErrUnsupported, "PLAIN": ErrEncryptionNeeded}, "SCRAM-SHA-256 PLAIN LOGIN", nil},
		{"out of service", "SCRAM-SHA-256 PLAIN", right, server, map[string]error{"SCRAM-SHA-256": ErrUnavailable}, "SCRAM-SHA-256", ErrUnavailable},
		{"none left", "PLAIN LOGIN", right, server, map[string]error{"PLAIN": ErrUnsupported, "LOGIN": ErrUnsupported}, "PLAIN LOGIN", ErrUnsupported},
		{"none", "GSSAPI", right, server, nil, "", ErrUnsupported},
	} {
		l := &lab{a: testUsers(t), c: tc.server, refuse: tc.refuse}
		err := tc.cr.Authenticate(ctx, strings.Fields(tc.offered), client, l.carrier(1000))
		require.ErrorIs(t, err, tc.err, tc.name)
		require.Equal(t, tc.begun, strings.Join(l.begun, " "), tc.name)
		if len(l.begun) > 0 && tc.err != nil {
			require.ErrorIs(t, err, errNo)
		}
	}
}
